"""The scorer, against figures worked out by hand."""

import pytest

from cxloop.tagging.rows import Row
from cxloop.tagging.scoring import f1_by_class, interval, macro_f1, micro_f1, score
from cxloop.tagging.tagger import CauseGuess, Suggestion

A, B, AB = frozenset("a"), frozenset("b"), frozenset("ab")


def said(sentiment: str, *causes: str, unsure: tuple[str, ...] = ()) -> Suggestion:
    guesses = tuple(CauseGuess(cause, 0.9 - place / 10) for place, cause in enumerate(causes or ("other",)))
    return Suggestion(sentiment, 0.9, guesses, "normal", unsure, (), "test")


def judged(sentiment: str | None = None, *causes: str, ignored: str | None = None) -> Row:
    return Row(
        id="x",
        text="…",
        sentiment=sentiment,
        causes=frozenset(causes) if causes else None,
        ignored=frozenset({ignored} if ignored else ()),
    )


def test_f1_by_hand() -> None:
    pairs = [(A, A), (A, B), (B, B), (AB, A)]
    # a: two hits, three judged, two said; b: one hit, two judged, two said
    assert f1_by_class(pairs) == {"a": pytest.approx(0.8), "b": pytest.approx(0.5)}
    assert macro_f1(pairs) == pytest.approx(0.65)
    assert micro_f1(pairs) == pytest.approx(6 / 9)


def test_a_class_that_nobody_judged_does_not_count_in_the_macro_mean() -> None:
    assert macro_f1([(A, A), (A, B)]) == pytest.approx(2 / 3)


def test_the_interval_holds_the_value_and_is_the_same_again() -> None:
    pairs = [(A, A)] * 30 + [(A, B)] * 10 + [(B, B)] * 20
    low, high = interval(pairs, macro_f1)
    assert low < macro_f1(pairs) < high
    assert (low, high) == interval(pairs, macro_f1)


def test_only_what_was_judged_is_scored() -> None:
    figures = score(
        [judged("negative", "wait_time"), judged("positive"), judged()],
        [said("negative", "wait_time", unsure=("sentiment",)), said("neutral"), said("negative", "price_value")],
    )
    assert figures["rows"] == 3
    assert figures["sentiment"]["n"] == 2
    assert figures["sentiment"]["accuracy"]["value"] == 0.5
    assert figures["sentiment"]["unsure"] == 0.5
    assert figures["causes"]["n"] == 1
    assert figures["causes"]["macro_f1"]["value"] == 1.0


def test_other_stands_alone_and_what_could_not_be_judged_is_neither_right_nor_wrong() -> None:
    figures = score(
        [judged("negative", "other", "wait_time"), judged("negative", "other", ignored="price_value")],
        [said("negative", "wait_time"), said("negative", "price_value")],
    )
    assert figures["causes"]["micro_f1"]["value"] == 1.0
    assert figures["causes"]["top1"] == 1.0


def test_top1_is_about_the_surest_cause() -> None:
    figures = score(
        [judged("negative", "wait_time"), judged("negative", "wait_time")],
        [said("negative", "price_value", "wait_time"), said("negative", "wait_time", "price_value")],
    )
    assert figures["causes"]["top1"] == 0.5
