"""Where feedback comes from, and what was said."""

import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cxloop.accounts.models import Team
from cxloop.customers.models import Customer
from cxloop.db import Base, Deferred, one_of, partial_index


class SourceKind(enum.StrEnum):
    SURVEY = "survey"
    REVIEW = "review"
    SOCIAL = "social"
    EMAIL = "email"
    OTHER = "other"


class Source(Base):
    __tablename__ = "source"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80), unique=True)
    kind: Mapped[SourceKind] = mapped_column(one_of(SourceKind))
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"))
    created_at: Mapped[datetime]

    team: Mapped[Team] = relationship()


class Feedback(Deferred, Base):
    """One thing that one customer said. `due_at` is when it waits to be understood; NULL when it does not.

    `tagged_at` is when the tagger has read it, or when it came if there are no words to read. `occurred_at` is when
    it was said, `received_at` when we got it: clocks start then.
    """

    __tablename__ = "feedback"
    __table_args__ = (
        sa.UniqueConstraint("source_id", "external_id"),
        partial_index("ix_feedback_due", "due_at", "id", where="due_at IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(sa.ForeignKey("source.id"))
    external_id: Mapped[str] = mapped_column(sa.String(200))
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), index=True)
    text: Mapped[str | None]
    question: Mapped[str | None]
    score: Mapped[float | None]
    scale: Mapped[str | None] = mapped_column(sa.String(8))
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    tell: Mapped[bool]
    tagged_at: Mapped[datetime | None]

    customer: Mapped[Customer] = relationship()
    source: Mapped[Source] = relationship()
