"""What happened, by whom, when: append-only, and a hash chain for each subject.

An event is recorded inside the verb that did it, in the same transaction. `data` holds ids, values and digests,
never a customer's words, so that erasing a person breaks no chain. The table is the timeline of a case, the audit
trail and the source for insight. From time to time `seal` digests what came since the last seal, so that cutting
off the end of a chain shows too.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from cxloop.db import Base, alone, db, nobody_inserts

LEDGER = "ledger"
SEAL_AT_MOST = 20_000
IN_FLIGHT_AT_MOST = timedelta(minutes=10)
"""No transaction lasts longer. An id that one of them took may appear late, but not later than this."""


class Event(Base):
    __tablename__ = "event"
    __table_args__ = (sa.UniqueConstraint("subject", "seq"), sa.Index("ix_event_kind_at", "kind", "at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(sa.String(64))
    seq: Mapped[int]
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(sa.String(64))
    kind: Mapped[str] = mapped_column(sa.String(48))
    data: Mapped[dict[str, Any]]
    prev: Mapped[str] = mapped_column(sa.String(64))
    hash: Mapped[str] = mapped_column(sa.String(64))

    def digest(self) -> str:
        """SHA-256 over everything but the hash itself, in canonical JSON."""
        said = [self.subject, self.seq, self.at.astimezone(UTC).isoformat(), self.by, self.kind, self.data, self.prev]
        return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True)
class Verdict:
    """What `verify` found: how many events were walked, and the first broken link in words, if there is one."""

    events: int
    broken: str | None


def record(subject: str, kind: str, /, *, by: str, at: datetime, first: bool = False, **data: Any) -> Event:
    """Append to the subject's chain. Callers hold the subject's row (`db.locked`), so chains do not fork.

    `first` says that the subject was born a moment ago, which saves looking for its last event.
    """
    last = None if first else _last(subject)
    seq, prev = (last.seq + 1, last.hash) if last else (1, "")
    event = Event(subject=subject, seq=seq, at=at, by=by, kind=kind, data=data, prev=prev, hash="")
    event.hash = event.digest()
    db.session.add(event)
    db.session.flush()
    return event


def of(subject: str) -> list[Event]:
    """The subject's events, oldest first."""
    return list(db.session.scalars(sa.select(Event).where(Event.subject == subject).order_by(Event.seq)))


def seal(*, at: datetime) -> int:
    """Digest the hashes of events that came since the last seal; returns how many. To be called until it returns 0.

    Ids of transactions in flight may appear late. While others write, a run seals only up to the newest id that the
    run before saw, and does nothing if that was a moment ago.
    """
    alone("seal")
    last = _last(LEDGER)
    start, seen = (last.data["through"], last.data["seen"]) if last else (0, 0)
    if not db.session.scalar(sa.select(Event.id).where(Event.id > start, Event.subject != LEDGER).limit(1)):
        return 0
    newest = db.session.scalar(sa.select(sa.func.max(Event.id))) or 0  # before the next line looks who writes
    if nobody_inserts(Event):
        seen = newest
    elif last and at - last.at < IN_FLIGHT_AT_MOST:
        return 0
    through = min(seen, start + SEAL_AT_MOST)
    count, digest = _digest_between(start, through)
    record(LEDGER, "sealed", by="worker", at=at, since=start, through=through, seen=newest, count=count, digest=digest)
    return count


def verify() -> Verdict:
    """Walk every chain and every seal in constant memory; the first broken link is named."""
    walked, subject, seq, prev = 0, "", 0, ""
    for event in _walk(sa.select(Event).order_by(Event.subject, Event.seq)):
        if event.subject != subject:
            subject, seq, prev = event.subject, 0, ""
        seq += 1
        fault = _fault(event, seq, prev)
        if fault:
            return Verdict(walked, f"{event.subject} event {event.seq} ({event.kind}): {fault}")
        prev, walked = event.hash, walked + 1
    for sealed in _walk(sa.select(Event).where(Event.subject == LEDGER).order_by(Event.seq)):
        found = _digest_between(sealed.data["since"], sealed.data["through"])
        if found != (sealed.data["count"], sealed.data["digest"]):
            missing = sealed.data["count"] - found[0]
            return Verdict(
                walked, f"seal {sealed.seq}: {missing} of {sealed.data['count']} events are missing or changed"
            )
    return Verdict(walked, None)


def _last(subject: str) -> Event | None:
    newest = sa.select(Event).where(Event.subject == subject).order_by(Event.seq.desc()).limit(1)
    return db.session.scalars(newest).first()


def _fault(event: Event, seq: int, prev: str) -> str | None:
    if event.seq != seq:
        return f"event {seq} is missing before it"
    if event.prev != prev:
        return "it does not follow the event before it"
    if event.hash != event.digest():
        return "its content was changed"
    return None


def _digest_between(start: int, through: int) -> tuple[int, str]:
    digest, count = hashlib.sha256(), 0
    hashes = sa.select(Event.hash).where(Event.id > start, Event.id <= through).order_by(Event.id)
    for value in db.session.scalars(hashes.execution_options(yield_per=1000)):
        digest.update(value.encode())
        count += 1
    return count, digest.hexdigest()


def _walk(query: sa.Select[Event]) -> Iterator[Event]:
    with db.session.scalars(query.execution_options(yield_per=1000)) as found:  # closed also when a walk ends early
        for event in found:
            yield event
            db.session.expunge(event)
