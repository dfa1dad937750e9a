"""A survey: one question of a known kind, asked behind a signed link."""

import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cxloop.db import Base, one_of
from cxloop.intake.models import Source


class SurveyKind(enum.StrEnum):
    NPS = "nps"
    CSAT = "csat"
    CES = "ces"


class Survey(Base):
    __tablename__ = "survey"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(32), unique=True)
    name: Mapped[str] = mapped_column(sa.String(80), unique=True)
    kind: Mapped[SurveyKind] = mapped_column(one_of(SurveyKind))
    question: Mapped[str]
    source_id: Mapped[int] = mapped_column(sa.ForeignKey("source.id"))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]

    source: Mapped[Source] = relationship()
