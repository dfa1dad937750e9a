"""The lists of cases that pages show. Every one reads along an index and stops after a page."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from cxloop import tagging
from cxloop.accounts.models import User
from cxloop.cases import visible_to
from cxloop.cases.models import LIVE, Case, CaseFeedback, Message, State
from cxloop.db import after, db
from cxloop.intake.models import Feedback

PAGE = 25
JUST_NOW = timedelta(minutes=15)
"""A promise that broke within this time is news."""
IS_LIVE = sa.text(f'"case".{LIVE}')
"""A literal, as the partial indexes have it."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What the queue shows. `mine` keeps to the user's own cases, `state` and the others to equal ones.

    A cause finds also the cases of those that were merged into it.
    """

    mine: bool = True
    state: State | None = None
    cause: str | None = None
    urgency: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    cases: list[Case]
    next: tuple[datetime, int] | None
    """The key behind which the next page begins; None on the last."""


def queue(user: User, filters: Filters, *, behind: tuple[datetime, int] | None = None, limit: int = PAGE) -> Page:
    """The user's work, soonest deadline first; settled cases only if asked for by state."""
    query = visible_to(user).where(Case.state == filters.state if filters.state else IS_LIVE)
    if filters.mine:
        query = query.where(Case.owner_id == user.id)
    if filters.cause:
        query = query.where(Case.cause.in_(tagging.counted_as(filters.cause)))
    if filters.urgency:
        query = query.where(Case.urgency == filters.urgency)
    if behind:
        query = query.where(after((Case.queue_at, Case.id), behind))
    found = list(db.session.scalars(query.order_by(Case.queue_at, Case.id).limit(limit + 1)))
    more = len(found) > limit
    return Page(found[:limit], (found[limit - 1].queue_at, found[limit - 1].id) if more else None)


def breaching_soon(
    user: User, *, at: datetime, within: timedelta = timedelta(hours=2), limit: int = PAGE
) -> list[Case]:
    query = visible_to(user).where(IS_LIVE, Case.queue_at > at, Case.queue_at <= at + within)
    return list(db.session.scalars(query.order_by(Case.queue_at, Case.id).limit(limit)))


def escalated(user: User, *, at: datetime, limit: int = PAGE) -> list[Case]:
    """Live cases whose promise was broken, or which the customer gave back.

    What broke just now comes first, then what has been broken longest, then what the customer gave back, then what was
    answered late or waits. Sorts as many rows as the partial index of escalated cases holds.
    """
    order = sa.case(
        (sa.and_(Case.queue_at <= at, Case.queue_at > at - JUST_NOW), 0),
        (Case.queue_at <= at, 1),
        (sa.and_(Case.cycle > 1, Case.state != State.WAITING), 2),
        else_=3,
    )
    query = visible_to(user).where(IS_LIVE, Case.escalated_at.is_not(None))
    return list(db.session.scalars(query.order_by(order, Case.queue_at, Case.id).limit(limit)))


def unassigned(user: User, *, limit: int = PAGE) -> list[Case]:
    query = visible_to(user).where(IS_LIVE, Case.owner_id.is_(None))
    return list(db.session.scalars(query.order_by(Case.queue_at, Case.id).limit(limit)))


def messages(case: Case) -> list[Message]:
    return list(
        db.session.scalars(sa.select(Message).where(Message.case_id == case.id).order_by(Message.at, Message.id))
    )


def feedback(case: Case) -> list[Feedback]:
    """Everything that the customer's side of the case rests on, oldest first."""
    query = sa.select(Feedback).join(CaseFeedback, CaseFeedback.feedback_id == Feedback.id)
    return list(db.session.scalars(query.where(CaseFeedback.case_id == case.id).order_by(Feedback.occurred_at)))


def earlier(case: Case, *, limit: int = 5) -> list[Case]:
    """Other cases of the same customer and team, newest first."""
    query = sa.select(Case).where(
        Case.customer_id == case.customer_id, Case.id != case.id, Case.team_id == case.team_id
    )
    return list(db.session.scalars(query.order_by(Case.opened_at.desc()).limit(limit)))


def silent_since(moment: datetime, *, limit: int) -> list[int]:
    """Ids of cases resolved before `moment` whose customers have not said whether it is fixed."""
    query = sa.select(Case.id).where(sa.text("\"case\".state = 'resolved'"), Case.resolved_at <= moment)
    return list(db.session.scalars(query.order_by(Case.resolved_at).limit(limit)))
