"""The demo's feedback and what people did about it, as written by hand in items.jsonl. Every person is invented."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cxloop.intake.models import SourceKind
from cxloop.intake.parse import Item

ITEMS = Path(__file__).with_name("items.jsonl")


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody did, `after` the feedback came. `do` names it; `said` holds the words and particulars."""

    do: str
    after: timedelta
    said: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One piece of feedback, its age at the moment of seeding, and the steps that followed.

    `steps` is None where nobody expected a case to come of it.

    `timer` marks the two cases whose first response is still running: "soon" breaks while a newcomer watches,
    "later" has some hours left. Their age follows from the promise, not from the file.
    """

    id: str
    source: str
    kind: SourceKind
    feedback: dict[str, Any]
    age: timedelta
    steps: tuple[Step, ...] | None
    timer: str | None

    @property
    def text(self) -> str | None:
        text: str | None = self.feedback["text"]
        return text

    def item(self, at: datetime) -> Item:
        told = self.feedback
        return Item(
            external_id=self.id,
            text=told["text"],
            score=told["score"],
            scale=told["scale"],
            question=told["question"],
            occurred_at=at,
            customer_name=told["name"],
            customer_ref=told["ref"],
            email=told["email"],
        )


def rows() -> Iterator[Row]:
    """All of them, the oldest first."""
    for line in ITEMS.read_text(encoding="utf-8").splitlines():
        written = json.loads(line)
        story = written["story"]
        yield Row(
            id=written["id"],
            source=written["source"],
            kind=SourceKind(written["kind"]),
            feedback=written,
            age=timedelta(days=written["days_ago"]),
            steps=tuple(_step(step) for step in story["steps"]) if story else None,
            timer=story.get("timer") if story else None,
        )


def _step(written: dict[str, Any]) -> Step:
    return Step(written["do"], timedelta(hours=written["after_h"]), written)
