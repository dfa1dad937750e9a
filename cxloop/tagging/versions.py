"""Versions of the learnt heads are rows: every machine serves the same one, and the one before is never lost."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import undefer

from cxloop import events
from cxloop.db import alone, db, locked
from cxloop.errors import Conflict, CxloopError, NotFound
from cxloop.tagging import corrections
from cxloop.tagging.heads import Heads
from cxloop.tagging.learning import Lesson, Outcome
from cxloop.tagging.models import Cause, CauseExample, Correction, HeadStatus, HeadVersion

SUBJECT = "heads"
LEASE = timedelta(minutes=15)
A_NIGHT = timedelta(hours=20)
OVERDUE = timedelta(hours=36)
NIGHT = range(1, 5)  # hours, UTC


@dataclass(frozen=True, slots=True)
class Begun:
    """A version that is being made: its id, what it is learnt from, and which one served then."""

    id: int
    lesson: Lesson
    served: int | None


def serving() -> int | None:
    """The id of the version that serves; None while the shipped heads do. One row of a unique index."""
    return db.session.scalar(sa.select(HeadVersion.id).where(_SERVES))


def heads(id: int, *, base: str) -> Heads | None:
    """The heads of a version, None if another model's vectors are under it. Raises CxloopError if they are damaged."""
    row = db.session.get(HeadVersion, id, options=[undefer(HeadVersion.weights)])
    return Heads.from_bytes(row.weights) if row and row.weights and row.base == base else None


def list_(*, limit: int = 50) -> list[HeadVersion]:
    """The newest first."""
    query = sa.select(HeadVersion).order_by(HeadVersion.made_at.desc(), HeadVersion.id.desc())
    return list(db.session.scalars(query.limit(limit)))


def get(id: int) -> HeadVersion:
    found = db.session.get(HeadVersion, id)
    if found is None:
        raise NotFound(f"There is no version {id}: see `cxloop model versions`.")
    return found


def due(*, at: datetime) -> bool:
    """Whether there is something new to learn now: asked for, a cause with new examples, or corrections at night."""
    last = next(iter(list_(limit=1)), None)
    if last and last.status is HeadStatus.CANDIDATE:
        return last.leased_until is None or last.leased_until <= at
    if (taught := _taxonomy_changed()) and (last is None or taught > last.made_at):
        return True
    newest = db.session.scalar(sa.select(sa.func.max(Correction.at)))
    if newest is None or (last and newest <= last.made_at):
        return False
    waited = at - last.made_at if last else OVERDUE
    return waited >= OVERDUE or (waited >= A_NIGHT and at.hour in NIGHT)


def ask(*, by: str, at: datetime) -> HeadVersion:
    """Somebody wants it to learn soon: a worker begins within a minute. Raises Conflict while one is being made."""
    alone(SUBJECT)
    if _candidate() is not None:
        raise Conflict("It is learning already: look again in a minute.")
    row = HeadVersion(base="", made_at=at, by=by, status=HeadStatus.CANDIDATE)
    db.session.add(row)
    db.session.flush()
    return row


def begin(*, base: str, by: str, at: datetime) -> Begun:
    """Take the lesson, so that nobody else does. Raises Conflict if somebody has, or if there is nothing to learn."""
    alone(SUBJECT)
    row = _candidate()
    if row and row.leased_until and row.leased_until > at:
        raise Conflict("Somebody is learning at the moment: try again in a few minutes.")
    said, causes = corrections.lesson()
    if not said and not any(cause.split_from for cause in causes):
        if row:
            db.session.delete(row)
            db.session.flush()
            return Begun(0, Lesson(said, causes, None), None)
        raise Conflict("There is nothing to learn from yet: nobody has corrected a reading or shown an example.")
    row = row or HeadVersion(made_at=at, by=by, status=HeadStatus.CANDIDATE)
    row.base, row.made_at, row.leased_until = base, at, at + LEASE
    db.session.add(row)
    db.session.flush()
    served = serving()
    current = heads(served, base=base) if served else None
    since = get(served).made_at if served and current else None
    return Begun(row.id, Lesson(said, causes, current, since), served)


def finish(begun: Begun, outcome: Outcome, *, by: str, at: datetime) -> HeadVersion:
    """Keep what was made: it serves if its verdict says so and nothing else began to serve meanwhile."""
    alone(SUBJECT)
    row = locked(HeadVersion, begun.id)
    if row is None or row.status is not HeadStatus.CANDIDATE:
        raise Conflict("This version was given up: somebody else was faster.")
    row.weights = outcome.heads.to_bytes()
    row.causes = [*outcome.heads.own, *(part for split in outcome.heads.splits for part in split.parts)]
    row.scores, row.confusion, row.counts = outcome.scores, outcome.confusion, dict(outcome.counts)
    row.decision, row.leased_until = outcome.verdict.words, None
    serves = outcome.verdict.serves
    if serves and serving() != begun.served:
        serves, row.decision = False, "Refused: another version began to serve while this one was being made."
    if serves:
        _serve(row, at=at)
    else:
        row.status = HeadStatus.REFUSED
    db.session.flush()
    events.record(
        SUBJECT,
        "heads_served" if serves else "heads_refused",
        by=by,
        at=at,
        version=row.id,
        base=row.base,
        corrections=row.counts.get("corrections", 0),
    )
    return row


def give_up(begun: Begun, error: str) -> None:
    """Learning failed: the row says why, and the heads that served go on serving."""
    row = locked(HeadVersion, begun.id)
    if row is not None and row.status is HeadStatus.CANDIDATE:
        row.status, row.leased_until, row.decision = HeadStatus.REFUSED, None, f"Failed: {error[:300]}"


def rollback(to: int | None = None, *, by: str, at: datetime) -> HeadVersion | None:
    """Serve version `to` again, or the shipped heads if None. Raises Conflict if it cannot serve, or does already."""
    alone(SUBJECT)
    current = serving()
    if to == current:
        raise Conflict("It serves already." if to else "The shipped heads serve already.")
    row = locked(HeadVersion, get(to).id) if to else None
    if row is not None:
        if row.status is not HeadStatus.RETIRED:
            raise Conflict(f"Version {row.id} never served: it is {row.status.value}.")
        if heads(row.id, base=row.base) is None:
            raise CxloopError(f"Version {row.id} has no weights.")
        _serve(row, at=at)
    else:
        _retire()
    events.record(SUBJECT, "heads_rolled_back", by=by, at=at, version=to, before=current)
    return row


def before() -> int | None:
    """Which version served before the one that serves now; None for the shipped heads."""
    earlier = sa.select(HeadVersion.id).where(HeadVersion.status == HeadStatus.RETIRED)
    return db.session.scalar(earlier.order_by(HeadVersion.served_at.desc(), HeadVersion.id.desc()).limit(1))


_SERVES = sa.text("head_version.status = 'serving'")


def _serve(row: HeadVersion, *, at: datetime) -> None:
    _retire()
    row.status, row.served_at = HeadStatus.SERVING, at
    db.session.flush()


def _retire() -> None:
    current = serving()
    if current:
        db.session.get_one(HeadVersion, current).status = HeadStatus.RETIRED
        db.session.flush()


def _candidate() -> HeadVersion | None:
    newest = sa.select(HeadVersion).where(HeadVersion.status == HeadStatus.CANDIDATE).order_by(HeadVersion.id.desc())
    return db.session.scalars(newest.limit(1)).first()


def _taxonomy_changed() -> datetime | None:
    """When a cause of the company's own was last made, or shown by an example."""
    moments = (
        db.session.scalar(sa.select(sa.func.max(CauseExample.at))),
        db.session.scalar(sa.select(sa.func.max(Cause.created_at)).where(Cause.split_from.is_not(None))),
    )
    return max((moment for moment in moments if moment), default=None)
