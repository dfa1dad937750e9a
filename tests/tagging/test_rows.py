"""The rows that a tagger learns from: read whole or refused by line, set apart by industry, drawn in balance."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cxloop.errors import CxloopError
from cxloop.tagging.rows import GOLD, PLAIN_QUESTIONS, Row, draw, hold_out, read_folder, read_rows, with_plain_questions


def written(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def own_row(number: int, industry: str, *causes: str) -> Row:
    return Row(
        id=f"{industry}-{number}",
        text="…",
        sentiment="negative",
        causes=frozenset(causes),
        industry=industry,
        source="ours",
    )


def other_row(number: int, sentiment: str, source: str = "train_forum") -> Row:
    return Row(id=f"{source}-{number}", text="…", sentiment=sentiment, source=source, own=False)


def test_a_line_becomes_a_row_and_an_absent_label_stays_unknown(tmp_path: Path) -> None:
    path = written(
        tmp_path / "bank.jsonl",
        {"id": 1, "text": "charged twice", "question": "Why?", "sentiment": "negative", "causes": ["billing_refund"]},
        {"text": "hello", "domain": "shop", "causes_ignore": ["wait_time"]},
    )
    first, second = read_rows(path, own=True)
    assert first == Row("1", "charged twice", "Why?", "negative", frozenset({"billing_refund"}), source="bank")
    assert (second.id, second.sentiment, second.causes, second.industry) == ("bank-2", None, None, "shop")
    assert second.ignored == {"wait_time"}


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "{}", '{"text": 7}', '{"text": "x", "sentiment": "angry"}', '{"text": "x", "causes": ["gremlins"]}'],
)
def test_a_line_that_is_no_row_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"text": "fine"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(CxloopError, match=r"bad\.jsonl, line 2"):
        read_rows(path, own=True)


def test_what_is_only_measured_on_is_never_read_to_train(tmp_path: Path) -> None:
    written(tmp_path / "train_a.jsonl", {"text": "learn this"})
    written(tmp_path / "dev_a.jsonl", {"text": "measure on this"})
    assert [row.text for row in read_folder(tmp_path, own=False)] == ["learn this"]


def test_a_folder_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CxloopError, match="No train_"):
        read_folder(tmp_path, own=False)


def test_the_gold_industries_are_held_out_whole() -> None:
    rows = [own_row(n, industry, "wait_time") for n in range(20) for industry in ("airline", "bank", *GOLD)]
    learn, measure = hold_out(rows)
    assert {row.industry for row in measure} == GOLD
    assert {row.industry for row in learn} == {"airline", "bank"}


def test_the_corpus_may_lie_in_folders(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    written(tmp_path / "a" / "bank.jsonl", {"text": "inside"})
    written(tmp_path / "hotel.jsonl", {"text": "beside"})
    assert {row.text for row in read_folder(tmp_path, own=True)} == {"inside", "beside"}


def test_elsewhere_a_stable_twentieth_is_held_out_and_nothing_is_lost_or_used_twice() -> None:
    rows = [other_row(n, "positive") for n in range(2000)]
    learn, measure = hold_out(rows)
    assert 60 < len(measure) <= 150
    assert not {row.id for row in learn} & {row.id for row in measure}
    assert len(learn) + len(measure) == len(rows)
    assert {row.id for row in hold_out(rows[::-1])[1]} == {row.id for row in measure}


def test_a_sample_is_even_over_labels_as_far_as_there_are_enough() -> None:
    rows = [other_row(n, "positive") for n in range(100)] + [other_row(100 + n, "negative") for n in range(10)]
    drawn = draw(rows, caps={"train_forum": 40}, own_weight=1)
    assert Counter(row.sentiment for row in drawn) == {"negative": 10, "positive": 30}


def test_our_own_rows_are_repeated_and_a_source_without_a_cap_is_taken_whole() -> None:
    rows = [own_row(1, "bank", "other"), other_row(1, "neutral"), other_row(2, "neutral")]
    drawn = draw(rows, caps={}, own_weight=4)
    assert Counter(row.id for row in drawn) == {"bank-1": 4, "train_forum-1": 1, "train_forum-2": 1}


def test_the_same_seed_draws_the_same_rows() -> None:
    rows = [other_row(n, "positive") for n in range(100)]
    first, again, other = (draw(rows, caps={"train_forum": 20}, own_weight=1, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_some_rows_get_a_question_that_says_nothing_and_a_real_question_stays() -> None:
    asked = Row(id="asked", text="the queue", question="What annoyed you?")
    rows = with_plain_questions([other_row(n, "neutral") for n in range(400)] + [asked])
    given = [row for row in rows if row.question in PLAIN_QUESTIONS]
    assert 30 < len(given) < 90
    assert rows[-1] == asked
