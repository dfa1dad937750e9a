"""What the tagger, or a rule, made of a piece of feedback; the company's causes; and what people said of both."""

import enum
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from cxloop.db import Base, one_of

BY_RULE = "rules"
"""The `model` of a tag that was made without one."""


class Field(enum.StrEnum):
    """What a person can correct. Urgency is decided by rules: it is corrected and counted, never learnt."""

    SENTIMENT = "sentiment"
    CAUSES = "causes"
    URGENCY = "urgency"


class CorrectionKind(enum.StrEnum):
    CORRECTED = "corrected"  # `value` is all that holds
    CONFIRMED = "confirmed"  # the cause named when the case was resolved; others may hold as well


class HeadStatus(enum.StrEnum):
    CANDIDATE = "candidate"
    SERVING = "serving"
    REFUSED = "refused"
    RETIRED = "retired"


class Tag(Base):
    """`causes` is [[cause, confidence], …], best first; `unsure` names the fields that a person should decide.

    `decided` names the fields that a person has decided: they hold the person's word. `doubted` says that the model
    was unsure of something when it read the text.
    """

    __tablename__ = "tag"
    __table_args__ = (sa.Index("ix_tag_at", "at"),)

    feedback_id: Mapped[int] = mapped_column(sa.ForeignKey("feedback.id", ondelete="CASCADE"), primary_key=True)
    model: Mapped[str] = mapped_column(sa.String(80))
    sentiment: Mapped[str] = mapped_column(sa.String(16))
    sentiment_confidence: Mapped[float]
    causes: Mapped[list[Any]]
    urgency: Mapped[str] = mapped_column(sa.String(16))
    unsure: Mapped[list[Any]]
    safety: Mapped[list[Any]]
    decided: Mapped[list[Any]] = mapped_column(default=list)
    doubted: Mapped[bool] = mapped_column(default=False)
    embedding: Mapped[bytes | None] = mapped_column(sa.LargeBinary, deferred=True)  # 384 numbers, float32
    at: Mapped[datetime]

    @property
    def cause(self) -> str:
        """The cause that the model is most confident of."""
        return str(self.causes[0][0]) if self.causes else "other"


class Cause(Base):
    """One cause of the company's taxonomy. The key never changes and never goes: old tags keep their meaning.

    `merged_into` is the key that it counts as now; `split_from` the key whose place it takes with others.
    `shipped` causes are known to the weights.
    """

    __tablename__ = "cause"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(48), unique=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    definition: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)
    merged_into: Mapped[str | None] = mapped_column(sa.String(48))
    split_from: Mapped[str | None] = mapped_column(sa.String(48))
    shipped: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    by: Mapped[str] = mapped_column(sa.String(64))


class CauseExample(Base):
    """A text that shows what is meant by a cause, given by somebody of the company."""

    __tablename__ = "cause_example"

    id: Mapped[int] = mapped_column(primary_key=True)
    cause_id: Mapped[int] = mapped_column(sa.ForeignKey("cause.id", ondelete="CASCADE"), index=True)
    text: Mapped[str]
    by: Mapped[str] = mapped_column(sa.String(64))
    at: Mapped[datetime]


class Correction(Base):
    """What a person said of a reading. `value` and `before` are lists of words: one, or several causes.

    `agrees` where the person said the same. The row goes with the feedback that it is about.
    """

    __tablename__ = "correction"
    __table_args__ = (sa.Index("ix_correction_at", "at", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    feedback_id: Mapped[int] = mapped_column(sa.ForeignKey("feedback.id", ondelete="CASCADE"), index=True)
    case_id: Mapped[int | None] = mapped_column(index=True)  # cases stand above: loop.py knows both
    field: Mapped[Field] = mapped_column(one_of(Field))
    kind: Mapped[CorrectionKind] = mapped_column(one_of(CorrectionKind))
    value: Mapped[list[Any]]
    before: Mapped[list[Any]]
    agrees: Mapped[bool]
    by: Mapped[str] = mapped_column(sa.String(64))
    at: Mapped[datetime]


class HeadVersion(Base):
    """Heads that were learnt here, over the vectors of one shipped model; the row that serves, serves everywhere.

    `scores`, `confusion` and `counts` are what the decision rests on. `leased_until` is set while somebody makes it.
    """

    __tablename__ = "head_version"
    __table_args__ = (
        sa.Index(
            "uq_head_version_serving",
            "status",
            unique=True,
            sqlite_where=sa.text("status = 'serving'"),
            postgresql_where=sa.text("status = 'serving'"),
        ),
        sa.Index("ix_head_version_made_at", "made_at", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    base: Mapped[str] = mapped_column(sa.String(80))
    made_at: Mapped[datetime]
    by: Mapped[str] = mapped_column(sa.String(64))
    status: Mapped[HeadStatus] = mapped_column(one_of(HeadStatus))
    decision: Mapped[str] = mapped_column(default="")
    causes: Mapped[list[Any]] = mapped_column(default=list)
    scores: Mapped[dict[str, Any]] = mapped_column(default=dict)
    confusion: Mapped[dict[str, Any]] = mapped_column(default=dict)
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    weights: Mapped[bytes | None] = mapped_column(sa.LargeBinary, deferred=True)
    leased_until: Mapped[datetime | None]
    served_at: Mapped[datetime | None]
