"""Cases: opening, joining, and finding those that one may see."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from cxloop.accounts.models import User
from cxloop.accounts.permissions import Permission, may
from cxloop.cases.models import Case, CaseFeedback, Kind, Message, Outcome, State, WaitingOn
from cxloop.cases.policy import Signals, deserves_case, is_detractor, same_matter
from cxloop.customers.models import Customer
from cxloop.db import db, locked
from cxloop.errors import Gone, NotFound
from cxloop.intake.models import Feedback
from cxloop.tagging.models import Tag
from cxloop.tagging.urgency import LEVELS

__all__ = [
    "Case",
    "Kind",
    "Message",
    "Outcome",
    "Signals",
    "State",
    "WaitingOn",
    "deserves_case",
    "find",
    "is_detractor",
    "join",
    "of_feedback",
    "open_case",
    "read_again",
    "same_case",
    "visible_to",
]

JOINS_WITHIN = timedelta(days=30)
HEADLINE = 160


def open_case(feedback: Feedback, tag: Tag, *, reason: str, by: str, at: datetime) -> Case:
    """A new case about this feedback. Its clocks start at our receipt, so it is dated by that."""
    case = Case(
        customer_id=feedback.customer_id,
        team_id=feedback.source.team_id,
        state=State.NEW,
        reason=reason,
        headline=_headline(feedback),
        sentiment=tag.sentiment,
        urgency=tag.urgency,
        cause=tag.cause,
        tell=feedback.tell,
        cycle=1,
        opened_at=feedback.received_at,
    )
    db.session.add(case)
    db.session.flush()
    case.record("case_opened", by=by, at=at, first=True, feedback=feedback.id, reason=reason)
    _attach(case, feedback)
    return case


def same_case(feedback: Feedback, tag: Tag, *, at: datetime) -> Case | None:
    """The customer's case, not yet closed, that this feedback is about; locked. None if it is a matter of its own.

    The customer is locked too, so that two readings at once do not open a case each.
    """
    locked(Customer, feedback.customer_id)
    recent = (
        sa.select(Case)
        .where(
            Case.customer_id == feedback.customer_id, Case.opened_at >= at - JOINS_WITHIN, Case.state != State.CLOSED
        )
        .where(Case.team_id == feedback.source.team_id)
        .order_by(Case.opened_at.desc())
        .limit(20)
    )
    about = [case for case in db.session.scalars(recent) if same_matter(case.known_cause, tag.cause)]
    for case in sorted(
        about, key=lambda case: case.known_cause != tag.cause
    ):  # the very same cause before a likely one
        found = locked(Case, case.id)
        if found is not None and found.state != State.CLOSED:  # nobody closed it while we waited for the lock
            return found
    return None


def join(case: Case, feedback: Feedback, tag: Tag, *, by: str, at: datetime) -> None:
    """The same customer says more about the same thing: the case takes the graver urgency."""
    read_again(case, tag)
    case.tell = case.tell or feedback.tell
    case.record("feedback_joined", by=by, at=at, feedback=feedback.id)
    _attach(case, feedback)


def read_again(case: Case, tag: Tag) -> None:
    """A better reading of feedback that the case rests on already: it fills in what was not known."""
    case.cause = tag.cause if case.cause == "other" else case.cause
    case.urgency = max(case.urgency, tag.urgency, key=LEVELS.index)


def of_feedback(feedback: Feedback) -> Case | None:
    """The case that this feedback led to or joined; locked."""
    attached = db.session.get(CaseFeedback, feedback.id)
    return locked(Case, attached.case_id) if attached else None


def visible_to(user: User) -> sa.Select[Case]:
    """The cases that this user may see: those of the user's team, for an admin all."""
    cases = sa.select(Case)
    return cases if may(user, Permission.SEE_ALL_TEAMS) else cases.where(Case.team_id == user.team_id)


def find(id: int, *, user: User, lock: bool = False) -> Case:
    """Raises NotFound, the same for a case that is not there and one that the user may not see."""
    query = visible_to(user).where(Case.id == id)
    if lock:
        query = query.with_for_update(of=Case, key_share=True).execution_options(populate_existing=True)
    case = db.session.scalars(query).first()
    if case is None:
        raise NotFound("There is no such case.")
    return case


def find_for_customer(id: int, customer_id: int, *, lock: bool = False) -> Case:
    """The customer's own case. Raises Gone if it is theirs no longer, or went on as part of another."""
    case = locked(Case, id) if lock else db.session.get(Case, id)
    if case is None or case.customer_id != customer_id or case.outcome == Outcome.MERGED:
        raise Gone("This case can no longer be shown here.")
    return case


def _attach(case: Case, feedback: Feedback) -> None:
    db.session.add(CaseFeedback(case_id=case.id, feedback_id=feedback.id))
    words = feedback.text or f"Score {feedback.score:g} on a scale of {feedback.scale}, without a comment."
    said = Message(case_id=case.id, at=feedback.occurred_at, by=feedback.customer.actor, kind=Kind.FEEDBACK, body=words)
    db.session.add(said)
    db.session.flush()


def _headline(feedback: Feedback) -> str:
    words = " ".join((feedback.text or f"Score {feedback.score:g} ({feedback.scale})").split())
    return words if len(words) <= HEADLINE else words[: HEADLINE - 1].rsplit(" ", 1)[0] + "…"
