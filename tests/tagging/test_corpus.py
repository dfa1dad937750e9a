"""The hand-written training corpus keeps the promises of its card (models/corpus/README.md)."""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(__file__).parents[2] / "models" / "corpus"
SENTIMENTS = {"negative", "neutral", "positive"}
CAUSES = {
    "delivery_delay", "cancellation", "lost_damaged", "wait_time", "staff_attitude", "support_handling",
    "communication", "billing_refund", "price_value", "product_quality", "cleanliness_environment",
    "website_app", "booking_ordering", "stock_capacity", "account_fraud", "safety_access", "other",
}  # fmt: skip
FIELDS = {"id", "text", "sentiment", "causes", "industry"}
WINDOW = 5  # words in the runs that two near duplicates share


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted(CORPUS.rglob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def word_runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[start : start + WINDOW]) for start in range(max(1, len(words) - WINDOW + 1))}


def test_every_row_has_its_fields_and_a_text(rows: list[dict[str, Any]]) -> None:
    wrong = [row["id"] for row in rows if set(row) - {"question"} != FIELDS or not row["text"].strip()]
    assert rows
    assert wrong == []


def test_every_label_is_one_of_the_taxonomy(rows: list[dict[str, Any]]) -> None:
    assert {row["sentiment"] for row in rows} == SENTIMENTS
    assert {cause for row in rows for cause in row["causes"]} == CAUSES


def test_ids_are_unique(rows: list[dict[str, Any]]) -> None:
    repeated = [name for name, count in Counter(row["id"] for row in rows).items() if count > 1]
    assert repeated == []


def test_negative_rows_have_one_to_three_causes_and_the_rest_none(rows: list[dict[str, Any]]) -> None:
    wrong = []
    for row in rows:
        allowed = range(1, 4) if row["sentiment"] == "negative" else range(1)
        if len(row["causes"]) not in allowed or len(set(row["causes"])) != len(row["causes"]):
            wrong.append(row["id"])
    assert wrong == []


def test_other_stands_alone(rows: list[dict[str, Any]]) -> None:
    assert [row["id"] for row in rows if "other" in row["causes"] and len(row["causes"]) > 1] == []


def test_no_two_rows_are_near_duplicates(rows: list[dict[str, Any]]) -> None:
    """Answers to different questions are not: "Nothing." to "What was good?" is not "Nothing." to "What was bad?"."""
    runs = {row["id"]: word_runs(row["text"]) for row in rows}
    asked = {row["id"]: row.get("question") for row in rows}
    holders: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, own in runs.items():
        for run in own:
            holders[run].append(name)
    pairs = {(a, b) for names in holders.values() for a in names for b in names if a < b and asked[a] == asked[b]}
    twins = [(a, b) for a, b in pairs if len(runs[a] & runs[b]) / len(runs[a] | runs[b]) > 0.5]
    assert twins == []


def test_every_cause_is_met_in_many_industries(rows: list[dict[str, Any]]) -> None:
    industries = defaultdict(set)
    counts: Counter[str] = Counter()
    for row in rows:
        for cause in row["causes"]:
            industries[cause].add(row["industry"])
            counts[cause] += 1
    assert {cause: len(found) for cause, found in industries.items() if len(found) < 8} == {}
    assert {cause: count for cause, count in counts.items() if count < 35} == {}
