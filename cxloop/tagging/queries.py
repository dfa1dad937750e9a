"""Figures about the tagger at work: what the Models page shows. Bounded by weeks or rows, along indexes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from cxloop.db import db
from cxloop.tagging import versions
from cxloop.tagging.models import BY_RULE, Correction, Tag


@dataclass(frozen=True, slots=True)
class Point:
    """A version on the learning curve: shares of gold rows read right, and from how many corrections it was learnt."""

    version: int
    made_at: datetime
    status: str
    corrections: int
    sentiment: float | None
    causes: float | None


@dataclass(frozen=True, slots=True)
class Week:
    """Of the texts read in this week: how many the model was unsure of, how many a person read otherwise."""

    monday: datetime
    read: int
    unsure: int
    overridden: int

    @property
    def abstain_rate(self) -> float | None:
        return self.unsure / self.read if self.read else None

    @property
    def override_rate(self) -> float | None:
        return self.overridden / self.read if self.read else None


def learning_curve(*, limit: int = 50) -> list[Point]:
    """The oldest first; a version that failed has no point."""

    def after(scores: dict[str, Any], name: str) -> float | None:
        share = scores.get("gold", {}).get(name, {}).get("after")
        return None if share is None else float(share)

    return [
        Point(
            version=row.id,
            made_at=row.made_at,
            status=row.status.value,
            corrections=int(row.counts.get("corrections", 0)),
            sentiment=after(row.scores, "sentiment"),
            causes=after(row.scores, "causes"),
        )
        for row in reversed(versions.list_(limit=limit))
        if row.scores
    ]


def weekly(*, at: datetime, weeks: int = 12) -> list[Week]:
    """The weeks up to the one of `at`, the oldest first. A week begins on Monday, UTC."""
    this = (at - timedelta(days=at.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    return [_week(this - timedelta(weeks=back)) for back in reversed(range(weeks))]


def correction_counts(*, at: datetime, days: int = 90) -> dict[str, dict[str, int]]:
    """For each field how often people changed it, and how often they said the same."""
    query = (
        sa.select(Correction.field, Correction.agrees, sa.func.count())
        .where(Correction.at >= at - timedelta(days=days))
        .group_by(Correction.field, Correction.agrees)
    )
    counts: dict[str, dict[str, int]] = {}
    for field, agrees, count in db.session.execute(query):
        counts.setdefault(field.value, {"changed": 0, "confirmed": 0})["confirmed" if agrees else "changed"] = count
    return counts


def _week(monday: datetime) -> Week:
    within = (Tag.at >= monday, Tag.at < monday + timedelta(weeks=1), Tag.model != BY_RULE)
    read, unsure = db.session.execute(
        sa.select(sa.func.count(), sa.func.count().filter(Tag.doubted)).where(*within)
    ).one()
    overridden = db.session.scalar(
        sa.select(sa.func.count(sa.distinct(Correction.feedback_id)))
        .join(Tag, Tag.feedback_id == Correction.feedback_id)
        .where(*within, Correction.agrees.is_(False))
    )
    return Week(monday, read, unsure, overridden or 0)
