"""The labelled rows that a tagger learns from: read, set apart for measuring, drawn in balance. No torch here.

A row is one line of JSON: {"id", "text", "question"?, "sentiment"?, "causes"?, "industry" or "domain"?}. A label that
is absent is unknown and is masked in training; `"causes": []` says that there is none, `["other"]` that the customer is
unhappy and gives none of ours.
"""

import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cxloop.errors import CxloopError
from cxloop.tagging.taxonomy import CAUSE_KEYS, OTHER, SENTIMENTS

# Questions that say nothing about the answer. They are put before rows that have none, so that a question by
# itself never moves a label.
PLAIN_QUESTIONS = (
    "Please tell us the reason for your score.",
    "What is the main reason for your rating?",
    "How was your experience with us?",
    "Is there anything else you would like to tell us?",
    "Do you have any comments?",
    "Tell us about your visit.",
    "Why did you give this rating?",
    "Any other feedback?",
)

GOLD = frozenset({"rail", "gym", "energy", "water"})
"""The industries of the frozen gold set, about a tenth of our rows: never trained on, always measured on."""

_ELSEWHERE = 150


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    text: str
    question: str | None = None
    sentiment: str | None = None  # None: unknown
    causes: frozenset[str] | None = None  # None: unknown; empty or {"other"}: none of the causes
    ignored: frozenset[str] = frozenset()  # causes that those who judged this row could not judge
    industry: str = "unknown"
    source: str = ""  # the file's name without its ending
    own: bool = True  # our corpus, every cause judged; elsewhere one label a text, so an absent cause says little


def read_rows(path: Path, *, own: bool) -> list[Row]:
    """The rows of one file. Raises CxloopError naming the line that is not a labelled row."""
    rows = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                rows.append(_row(json.loads(line), path.stem, number, own=own))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise CxloopError(f"{path}, line {number}: not a labelled row ({error}).") from error
    return rows


def _row(fields: dict[str, Any], source: str, number: int, *, own: bool) -> Row:
    sentiment, causes, question = fields.get("sentiment"), fields.get("causes"), fields.get("question")
    if sentiment is not None and sentiment not in SENTIMENTS:
        raise ValueError(f"no such sentiment: {sentiment}")
    if causes is not None:
        if not isinstance(causes, list):
            raise ValueError("causes is not a list")
        unknown = set(causes) - set(CAUSE_KEYS) - {OTHER}
        if unknown:
            raise ValueError(f"no such cause: {', '.join(sorted(map(str, unknown)))}")
    text = fields["text"]
    if not isinstance(text, str):
        raise ValueError("text is not a string")
    return Row(
        id=str(fields.get("id", f"{source}-{number}")),
        text=text,
        question=str(question) if question else None,
        sentiment=str(sentiment) if sentiment is not None else None,
        causes=frozenset(causes) if causes is not None else None,
        ignored=frozenset(fields.get("causes_ignore") or ()),
        industry=str(fields.get("industry") or fields.get("domain") or "unknown"),
        source=source,
        own=own,
    )


def read_folder(folder: Path, *, own: bool) -> list[Row]:
    """All rows below a folder: every *.jsonl of our corpus, train_*.jsonl elsewhere (dev_* is only measured on)."""
    paths = sorted(folder.rglob("*.jsonl" if own else "train_*.jsonl"))
    if not paths:
        raise CxloopError(f"No {'*.jsonl' if own else 'train_*.jsonl'} in {folder}.")
    return [row for path in paths for row in read_rows(path, own=own)]


def hold_out(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """(to train on, to measure on).

    Of our own rows the gold industries are set apart whole, so that the figures speak of industries that the model has
    not seen. Of each other source up to _ELSEWHERE rows with a sentiment, chosen by a hash of their id.
    """
    candidates = defaultdict(list)
    for row in rows:
        if not row.own and row.sentiment is not None and _hash(row.id) % 20 == 0:
            candidates[row.source].append(row)
    elsewhere = {
        row.id for found in candidates.values() for row in sorted(found, key=lambda r: _hash(r.id))[:_ELSEWHERE]
    }

    def measured(row: Row) -> bool:
        return row.industry in GOLD if row.own else row.id in elsewhere

    return [row for row in rows if not measured(row)], [row for row in rows if measured(row)]


def draw(rows: Iterable[Row], *, caps: dict[str, int], own_weight: int, seed: int = 7) -> list[Row]:
    """A balanced sample: our rows `own_weight` times, of each other source at most `caps[source]` rows.

    A source is drawn evenly over its labels (sentiment, or the first cause where it has no sentiment), as far as
    it has enough of each; one without a cap is taken whole.
    """
    chosen: list[Row] = []
    by_source: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.own:
            chosen.extend([row] * own_weight)
        else:
            by_source[row.source].append(row)
    for source, members in sorted(by_source.items()):
        chosen.extend(_evenly(members, caps.get(source, len(members)), random.Random(f"{seed}:{source}")))
    return chosen


def _evenly(rows: Sequence[Row], count: int, chance: random.Random) -> list[Row]:
    piles: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        piles[row.sentiment or min(row.causes or ("",))].append(row)
    for label in sorted(piles):
        chance.shuffle(piles[label])
    chosen: list[Row] = []
    while len(chosen) < count and piles:
        for label in sorted(piles):
            if len(chosen) < count:
                chosen.append(piles[label].pop())
            if not piles[label]:
                del piles[label]
    return chosen


def with_plain_questions(rows: Sequence[Row], *, share: float = 0.15, seed: int = 7) -> list[Row]:
    """The rows, a share of those without a question given one that says nothing about the answer."""
    chance = random.Random(f"{seed}:questions")
    return [
        replace(row, question=chance.choice(PLAIN_QUESTIONS))
        if row.question is None and chance.random() < share
        else row
        for row in rows
    ]


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
