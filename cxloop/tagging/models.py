"""What the tagger, or a rule, made of a piece of feedback."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from cxloop.db import Base

BY_RULE = "rules"
"""The `model` of a tag that was made without one."""


class Tag(Base):
    """`causes` is [[cause, confidence], …], best first; `unsure` names the fields that a person should decide."""

    __tablename__ = "tag"

    feedback_id: Mapped[int] = mapped_column(sa.ForeignKey("feedback.id", ondelete="CASCADE"), primary_key=True)
    model: Mapped[str] = mapped_column(sa.String(80))
    sentiment: Mapped[str] = mapped_column(sa.String(16))
    sentiment_confidence: Mapped[float]
    causes: Mapped[list[Any]]
    urgency: Mapped[str] = mapped_column(sa.String(16))
    unsure: Mapped[list[Any]]
    safety: Mapped[list[Any]]
    at: Mapped[datetime]

    @property
    def cause(self) -> str:
        """The cause that the model is most confident of."""
        return str(self.causes[0][0]) if self.causes else "other"
