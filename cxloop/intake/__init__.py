"""Feedback arrives: each piece once, whoever sends it how often."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from cxloop import accounts, customers, events
from cxloop import db as database
from cxloop.customers.models import Customer
from cxloop.db import db, insert, locked
from cxloop.errors import Conflict, Invalid
from cxloop.intake.models import Feedback, Source, SourceKind
from cxloop.intake.parse import Item

LEASE = timedelta(seconds=30)
TOO_OLD_TO_TELL = timedelta(hours=72)
"""Nobody wants an acknowledgement for something they said last month."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of the items that were heard: `new` feedback, in order, and how many were known before."""

    new: list[Feedback]
    duplicates: int


def source(name: str, kind: SourceKind, *, team: str | None = None, by: str, at: datetime) -> Source:
    """The source of that name, made if there is none. Raises Invalid for no name, Conflict for another kind."""
    name = name.strip()
    if not name:
        raise Invalid("A source needs a name, such as 'store reviews'.", source="is missing")
    named = sa.select(Source).where(Source.name == name)
    found = db.session.scalars(named).first()
    if found is None:
        owner = accounts.team(team or accounts.DEFAULT_TEAM)
        new = insert(Source).values(name=name, kind=kind, team_id=owner.id, created_at=at)
        made = db.session.scalar(new.on_conflict_do_nothing(index_elements=["name"]).returning(Source.id))
        found = db.session.scalars(named).one()
        if made:
            events.record(f"source:{made}", "source_added", by=by, at=at, first=True, kind=kind.value)
    if found.kind != kind:
        raise Conflict(f"The source {name!r} is of kind {found.kind.value}, not {kind.value}.")
    return found


def receive(
    source: Source, items: Iterable[Item], *, tell: bool | None = None, by: str, at: datetime
) -> list[Feedback]:
    """Keep what is new among `items`; what the source sent before, or twice, is passed over.

    `tell` says whether the customers get messages about it; None tells those whose words are younger than 72 hours.
    All of it waits to be understood from now on; what has text waits for the tagger.
    """
    locked(Source, source.id)  # of two who bring the same thing at once, the second sees it
    fresh = {item.external_id: item for item in reversed(list(items))}
    known = sa.select(Feedback.external_id).where(Feedback.source_id == source.id, Feedback.external_id.in_(fresh))
    for external_id in db.session.scalars(known):
        del fresh[external_id]
    new = list(reversed(fresh.values()))
    whose = _meet(source, new, at)
    return [_keep(source, item, whose[item.external_id], tell, by, at) for item in new]


def _meet(source: Source, items: list[Item], at: datetime) -> dict[str, Customer]:
    """Whose each item is, in the order of addresses: two who bring the same people never wait for each other."""
    return {
        item.external_id: customers.meet(
            name=item.customer_name, email=item.email, ref=item.customer_ref, source_id=source.id, at=at
        )
        for item in sorted(items, key=lambda item: customers.address(item.email) or "")
    }


def _keep(source: Source, item: Item, who: Customer, tell: bool | None, by: str, at: datetime) -> Feedback:
    said = item.occurred_at or at
    feedback = Feedback(
        source_id=source.id,
        external_id=item.external_id,
        customer_id=who.id,
        text=item.text,
        question=item.question,
        score=item.score,
        scale=item.scale,
        occurred_at=said,
        received_at=at,
        tell=at - said <= TOO_OLD_TO_TELL if tell is None else tell,
        due_at=at,
        tagged_at=None if item.text else at,
    )
    db.session.add(feedback)
    db.session.flush()
    events.record(f"feedback:{feedback.id}", "feedback_received", by=by, at=at, source=source.id, first=True)
    return feedback


def waits(feedback: Feedback) -> bool:
    """Whether it still waits to be understood, now that nobody else can do it."""
    waiting = locked(Feedback, feedback.id)
    return waiting is not None and waiting.due_at is not None


def tagged(feedback: Feedback, *, at: datetime) -> None:
    """It is understood: nothing more is due."""
    feedback.tagged_at, feedback.due_at, feedback.leased_until, feedback.last_error = at, None, None, None


def not_tagged(feedback: Feedback, error: str, *, again: datetime) -> None:
    """The tagger failed on it: try once more later."""
    feedback.tagged_at = None
    feedback.due_at, feedback.leased_until, feedback.last_error = again, None, error[:500]


def set_aside(feedback_id: int, error: str, *, at: datetime) -> None:
    """Understanding failed on it: the others go on, this one is tried again later, and the error is kept to be seen."""
    feedback = locked(Feedback, feedback_id)
    if feedback is not None and feedback.due_at is not None:
        feedback.due_at, feedback.leased_until = at + database.backoff(feedback.attempts), None
        feedback.last_error = error[:500]


def claim(*, at: datetime, limit: int) -> list[Feedback]:
    """Feedback that waits to be understood, leased to the caller."""
    return database.claim(Feedback, at=at, lease=LEASE, limit=limit)


def give_back(ids: Sequence[int], *, claimed_at: datetime) -> None:
    """What was claimed then, and not begun, is for others to understand."""
    database.give_back(Feedback, ids, leased_until=claimed_at + LEASE)


def in_flight(*, at: datetime) -> datetime | None:
    """When the last lease on feedback lapses, if one is out."""
    return db.session.scalar(
        sa.select(sa.func.max(Feedback.leased_until)).where(Feedback.due_at.is_not(None), Feedback.leased_until > at)
    )
