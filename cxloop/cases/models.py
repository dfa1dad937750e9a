"""A case: one matter of one customer, owned by somebody, and its moves from state to state."""

import enum
from datetime import datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cxloop import events
from cxloop.accounts.models import Team, User
from cxloop.customers.models import Customer
from cxloop.db import FAR_FUTURE, Base, db, one_of, partial_index
from cxloop.errors import Conflict, Invalid
from cxloop.intake.models import Feedback
from cxloop.tagging.models import Field


class State(enum.StrEnum):
    NEW = "new"
    OPEN = "open"
    WAITING = "waiting"
    RESOLVED = "resolved"
    CLOSED = "closed"


class WaitingOn(enum.StrEnum):
    CUSTOMER = "customer"
    THIRD_PARTY = "third_party"


class Outcome(enum.StrEnum):
    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    UNREACHABLE = "unreachable"
    WITHDRAWN = "withdrawn"
    REFERRED = "referred"
    MERGED = "merged"
    SPAM = "spam"


MOVES: dict[State, set[State]] = {
    State.NEW: {State.OPEN, State.WAITING, State.RESOLVED, State.CLOSED},
    State.OPEN: {State.WAITING, State.RESOLVED, State.CLOSED},
    State.WAITING: {State.OPEN, State.RESOLVED, State.CLOSED},
    State.RESOLVED: {State.OPEN, State.CLOSED},
    State.CLOSED: {State.OPEN},
}
LIVE = "state IN ('new', 'open', 'waiting')"
"""The condition of the partial indexes on live cases, to be used to the letter."""

WITH_REASON = {Outcome.UNREACHABLE, Outcome.WITHDRAWN, Outcome.REFERRED, Outcome.MERGED, Outcome.SPAM}
"""Closing a case in one of these ways skips the closure checks and needs a reason instead."""


class Kind(enum.StrEnum):
    """What a message is. Notes stay inside; everything else passes between the customer and us."""

    FEEDBACK = "feedback"
    CUSTOMER = "customer"
    VERDICT = "verdict"
    REPLY = "reply"
    REQUEST = "request"
    RESOLUTION = "resolution"
    NOTE = "note"


FROM_CUSTOMER = {Kind.FEEDBACK, Kind.CUSTOMER, Kind.VERDICT}


class Message(Base):
    """`key` is of the form by which it came, so that the form sent twice is one message; NULL where there was none."""

    __tablename__ = "message"
    __table_args__ = (sa.UniqueConstraint("case_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(sa.ForeignKey("case.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(sa.String(64))
    kind: Mapped[Kind] = mapped_column(one_of(Kind))
    body: Mapped[str]
    key: Mapped[str | None] = mapped_column(sa.String(64))

    @property
    def from_customer(self) -> bool:
        return self.kind in FROM_CUSTOMER


class CaseFeedback(Base):
    """Which feedback a case answers; a piece of feedback belongs to one case at most."""

    __tablename__ = "case_feedback"

    feedback_id: Mapped[int] = mapped_column(sa.ForeignKey("feedback.id", ondelete="CASCADE"), primary_key=True)
    case_id: Mapped[int] = mapped_column(sa.ForeignKey("case.id", ondelete="CASCADE"), index=True)

    feedback: Mapped[Feedback] = relationship(lazy="joined")


class Case(Base):
    """`queue_at` is the soonest running deadline, far in the future where none runs: the order of the queue.

    `cycle` counts from 1; each reopening begins a new one.
    """

    __tablename__ = "case"
    __table_args__ = (
        partial_index("ix_case_live", "queue_at", "id", where=LIVE),
        partial_index("ix_case_live_of_team", "team_id", "queue_at", "id", where=LIVE),
        partial_index("ix_case_live_of_owner", "owner_id", "queue_at", "id", where=LIVE),
        partial_index(
            "ix_case_escalated", "team_id", "escalated_at", "id", where=f"{LIVE} AND escalated_at IS NOT NULL"
        ),
        partial_index("ix_case_unassigned", "team_id", "queue_at", "id", where=f"{LIVE} AND owner_id IS NULL"),
        partial_index("ix_case_awaiting_verdict", "resolved_at", "id", where="state = 'resolved'"),
        sa.Index("ix_case_of_team", "team_id", "state", "queue_at", "id"),
        sa.Index("ix_case_of_owner", "owner_id", "state", "queue_at", "id"),
        sa.Index("ix_case_of_customer", "customer_id", "opened_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"))
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"))
    owner_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id"))
    escalated_to_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id"))
    state: Mapped[State] = mapped_column(one_of(State), default=State.NEW)
    waiting_on: Mapped[WaitingOn | None] = mapped_column(one_of(WaitingOn))
    outcome: Mapped[Outcome | None] = mapped_column(one_of(Outcome))
    reason: Mapped[str] = mapped_column(sa.String(32))
    headline: Mapped[str] = mapped_column(sa.String(200))
    sentiment: Mapped[str] = mapped_column(sa.String(16))
    urgency: Mapped[str] = mapped_column(sa.String(16))
    cause: Mapped[str] = mapped_column(sa.String(48))
    confirmed_cause: Mapped[str | None] = mapped_column(sa.String(48))
    tell: Mapped[bool]
    cycle: Mapped[int] = mapped_column(default=1)
    queue_at: Mapped[datetime] = mapped_column(default=FAR_FUTURE)
    opened_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]

    customer: Mapped[Customer] = relationship(lazy="joined")
    team: Mapped[Team] = relationship(lazy="joined")
    owner: Mapped[User | None] = relationship(foreign_keys=[owner_id], lazy="joined")
    escalated_to: Mapped[User | None] = relationship(foreign_keys=[escalated_to_id], lazy="joined")

    @property
    def subject(self) -> str:
        """How events name this case."""
        return f"case:{self.id}"

    @property
    def reference(self) -> str:
        """How customers and staff name this case."""
        return f"CX-{self.id:05d}"

    @property
    def known_cause(self) -> str:
        """What a person confirmed, else what the tagger said first."""
        return self.confirmed_cause or self.cause

    def record(self, kind: str, /, *, by: str, at: datetime, **data: Any) -> None:
        events.record(self.subject, kind, by=by, at=at, **data)

    def assign(self, owner: User, *, why: str, by: str, at: datetime) -> None:
        """Raises Invalid for somebody who cannot own it: another team's, or gone."""
        if not owner.active or owner.team_id != self.team_id:
            raise Invalid(
                f"{owner.name} is not an active member of the team {self.team.name}.", owner="cannot own this case"
            )
        if owner.id != self.owner_id:
            self.owner, self.owner_id = owner, owner.id
            self.record("case_assigned", by=by, at=at, owner=owner.id, why=why)

    def correct(self, field: Field, value: str) -> None:
        """A person has decided this of feedback that the case rests on."""
        if field is Field.SENTIMENT:
            self.sentiment = value
        elif field is Field.URGENCY:
            self.urgency = value
        else:
            self.cause = value

    def said(self, body: str, kind: Kind, *, ticket: str) -> Message | None:
        """The message that came with these words by the same view of a page before."""
        same = sa.select(Message).where(Message.case_id == self.id, Message.key == _key(ticket, kind, body))
        return db.session.scalars(same).first() if ticket else None

    def say(self, body: str, kind: Kind, *, ticket: str = "", by: str, at: datetime) -> Message:
        """Add a message; `ticket` names the view of the page that it came by. Raises Invalid if it is empty."""
        if not body.strip():
            raise Invalid("Write something first: the message is empty.", text="is empty")
        message = Message(case_id=self.id, at=at, by=by, kind=kind, body=body.strip())
        message.key = _key(ticket, kind, body) if ticket else None
        db.session.add(message)
        db.session.flush()
        self.record(f"{kind.value}_added", by=by, at=at, message=message.id)
        if kind in (Kind.REPLY, Kind.REQUEST, Kind.RESOLUTION) and self.answered_at is None:
            self.answered_at = at
        return message

    def must_be_live(self) -> None:
        """Raises Conflict for a case that is settled."""
        if self.state in (State.RESOLVED, State.CLOSED):
            raise Conflict(f"{self.reference} is {self.state.value}: reopen it first.")

    def work(self, *, by: str, at: datetime) -> None:
        """Somebody works on it now, or it need not wait any longer."""
        if self.state in (State.NEW, State.WAITING):
            self._move(State.OPEN, by=by, at=at)

    def wait(self, on: WaitingOn, *, by: str, at: datetime) -> None:
        if self.state != State.WAITING:
            self._move(State.WAITING, by=by, at=at, on=on.value)
        self.waiting_on = on

    def resolve(self, cause: str, *, by: str, at: datetime) -> None:
        self._move(State.RESOLVED, by=by, at=at, cause=cause)
        self.confirmed_cause, self.resolved_at = cause, at

    def close(self, outcome: Outcome, *, reason: str = "", by: str, at: datetime) -> None:
        """Confirmed and unconfirmed end a resolved case; the other outcomes any case, with a reason.

        Raises Invalid without a reason, Conflict if the state does not allow it.
        """
        if outcome in WITH_REASON and not reason.strip():
            raise Invalid(f"Say why this case is closed as {outcome.value}.", reason="is missing")
        if outcome not in WITH_REASON and self.state != State.RESOLVED:
            raise Conflict(f"Only a resolved case can be closed as {outcome.value}.")
        self._move(State.CLOSED, by=by, at=at, outcome=outcome.value)
        self.outcome, self.closed_at = outcome, at

    def reopen(self, why: str, *, by: str, at: datetime) -> None:
        """A new cycle begins, with the same owner. Raises Conflict unless the case is resolved or closed."""
        if self.state not in (State.RESOLVED, State.CLOSED):
            raise Conflict("Only a resolved or closed case can be reopened.")
        self.cycle += 1
        self._move(State.OPEN, by=by, at=at, why=why, cycle=self.cycle)
        self.outcome = self.resolved_at = self.closed_at = self.answered_at = self.escalated_at = None

    def escalate(self, to: User | None, *, rung: int, why: str, by: str, at: datetime) -> None:
        self.escalated_at, self.escalated_to = at, to
        self.record("case_escalated", by=by, at=at, rung=rung, why=why, to=to.id if to else None)

    def _move(self, to: State, *, by: str, at: datetime, **data: Any) -> None:
        """The only assignment to `state`."""
        if to not in MOVES[self.state]:
            raise Conflict(f"{self.reference} is {self.state.value}: it cannot become {to.value}.")
        before, self.state = self.state, to
        self.waiting_on = None
        names = {State.WAITING: "case_waits", State.RESOLVED: "case_resolved", State.CLOSED: "case_closed"}
        reopened = before in (State.RESOLVED, State.CLOSED) and to == State.OPEN
        kind = (
            "case_reopened" if reopened else names.get(to, "case_opened_up" if before == State.NEW else "case_resumed")
        )
        self.record(kind, by=by, at=at, **{"from": before.value, "to": to.value}, **data)


def _key(ticket: str, kind: Kind, body: str) -> str:
    """Other words on the same view of a page are another message."""
    return sha256("\n".join((ticket, kind.value, body.strip())).encode()).hexdigest()
