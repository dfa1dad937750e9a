"""Promises to customers: the policy that makes them, the working hours they count in, and one row for each clock."""

import enum
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cxloop.cases.models import Case
from cxloop.db import Base, one_of, partial_index
from cxloop.sla.calendar import WorkingHours
from cxloop.sla.clocks import Clock, ClockState


class Aim(enum.StrEnum):
    """What is promised."""

    FIRST_RESPONSE = "first_response"
    RESOLUTION = "resolution"


class Calendar(Base):
    __tablename__ = "calendar"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80), unique=True)
    hours: Mapped[dict[str, Any]]

    def working_hours(self) -> WorkingHours:
        return WorkingHours.from_dict(self.hours)


class Policy(Base):
    """Working seconds by urgency and aim, such as {"normal": {"first_response": 14400, …}}.

    A change is a new version.
    """

    __tablename__ = "policy"
    __table_args__ = (sa.UniqueConstraint("name", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    version: Mapped[int]
    active: Mapped[bool]
    targets: Mapped[dict[str, Any]]
    calendar_id: Mapped[int] = mapped_column(sa.ForeignKey("calendar.id"))

    calendar: Mapped[Calendar] = relationship(lazy="joined")


class Promise(Base):
    """One clock of one case in one cycle. The working hours are a snapshot: a later change rewrites no result.

    `due_at` is NULL while paused or waived. `breached_at` is the deadline, whenever it was noticed; a broken
    promise that is kept late has `settled_at` too. A row that the sweep failed on is left alone until `sweep_after`.
    """

    __tablename__ = "promise"
    __table_args__ = (
        sa.UniqueConstraint("case_id", "cycle", "aim"),
        partial_index("ix_promise_running_due", "due_at", "id", where="state = 'running'"),
        partial_index(
            "ix_promise_set_aside", "sweep_after", "id", where="state = 'running' AND sweep_after IS NOT NULL"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(sa.ForeignKey("case.id", ondelete="CASCADE"))
    cycle: Mapped[int]
    aim: Mapped[Aim] = mapped_column(one_of(Aim))
    policy_id: Mapped[int] = mapped_column(sa.ForeignKey("policy.id"))
    hours: Mapped[dict[str, Any]]
    budget: Mapped[int]
    state: Mapped[ClockState] = mapped_column(one_of(ClockState))
    started_at: Mapped[datetime]
    running_since: Mapped[datetime | None]
    left_us: Mapped[int] = mapped_column(sa.BigInteger)
    due_at: Mapped[datetime | None]
    breached_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    sweep_after: Mapped[datetime | None]
    last_error: Mapped[str | None]

    case: Mapped[Case] = relationship()

    @property
    def clock(self) -> Clock:
        return Clock(
            hours=WorkingHours.from_dict(self.hours),
            started_at=self.started_at,
            budget=self.budget,
            state=self.state,
            running_since=self.running_since,
            left=timedelta(microseconds=self.left_us),
            due_at=self.due_at,
            breached_at=self.breached_at,
            settled_at=self.settled_at,
        )

    @clock.setter
    def clock(self, clock: Clock) -> None:
        self.hours, self.started_at, self.budget = clock.hours.to_dict(), clock.started_at, clock.budget
        self.state, self.running_since = clock.state, clock.running_since
        self.left_us = clock.left // timedelta(microseconds=1)
        self.due_at, self.breached_at, self.settled_at = clock.due_at, clock.breached_at, clock.settled_at

    @property
    def is_over(self) -> bool:
        return self.settled_at is not None
