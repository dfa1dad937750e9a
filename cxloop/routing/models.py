"""Whose turn it is, and which rungs of the ladder a case has climbed."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from cxloop.db import Base


class Turn(Base):
    """When somebody last got a case by routing."""

    __tablename__ = "turn"

    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    last_at: Mapped[datetime]


class Escalation(Base):
    """A rung is climbed once in a cycle, however many workers sweep how often."""

    __tablename__ = "escalation"
    __table_args__ = (sa.UniqueConstraint("case_id", "cycle", "rung"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(sa.ForeignKey("case.id", ondelete="CASCADE"))
    cycle: Mapped[int]
    rung: Mapped[int]
    why: Mapped[str] = mapped_column(sa.String(48))
    to_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id"))
    at: Mapped[datetime]
