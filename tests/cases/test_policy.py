"""What deserves a case: every rule at its edge, and each of them can be switched off."""

from dataclasses import replace

import pytest

from cxloop.cases.policy import DEFAULT, Settings, Signals, deserves_case, is_detractor, same_matter


@pytest.mark.parametrize(
    ("score", "scale", "bad"),
    [
        (0, "0-10", True),
        (6, "0-10", True),
        (7, "0-10", False),
        (10, "0-10", False),
        (1, "1-5", True),
        (2, "1-5", True),
        (3, "1-5", False),
        (5, "1-5", False),
        (1, "1-7", True),
        (3, "1-7", True),
        (4, "1-7", False),
        (7, "1-7", False),
        (5, "5-1", True),
        (4, "5-1", True),
        (3, "5-1", False),
        (1, "5-1", False),
        (10, "10-0", True),
        (4, "10-0", True),
        (3, "10-0", False),
        (5, "7-1", True),
        (4, "7-1", False),
        (60, "0-100", True),
        (61, "0-100", False),
        (2.5, "1-5", True),
        (2.7, "1-5", False),
        (None, "0-10", False),
        (3, None, False),
        (3, "", False),
    ],
)
def test_a_detractor_is_told_by_the_score_on_its_scale(score: float | None, scale: str | None, bad: bool) -> None:
    assert is_detractor(score, scale) is bad


@pytest.mark.parametrize(
    ("signals", "reason"),
    [
        (Signals(), None),
        (Signals(sentiment="positive", score=10, scale="0-10"), None),
        (Signals(sentiment="negative"), "negative_sentiment"),
        (Signals(sentiment="positive", score=6, scale="0-10"), "detractor_score"),
        (Signals(score=7, scale="0-10"), None),
        (Signals(safety=("injury",)), "safety_word"),
        (Signals(sentiment="positive", wants_contact=True), "contact_request"),
    ],
)
def test_each_signal_alone_deserves_a_case(signals: Signals, reason: str | None) -> None:
    assert deserves_case(signals) == reason


def test_the_gravest_reason_is_given() -> None:
    everything = Signals("negative", 0, "0-10", ("injury",), wants_contact=True)
    assert deserves_case(everything) == "safety_word"
    assert deserves_case(replace(everything, safety=())) == "negative_sentiment"
    assert deserves_case(replace(everything, safety=(), sentiment="neutral")) == "detractor_score"
    assert deserves_case(Signals(wants_contact=True)) == "contact_request"


@pytest.mark.parametrize(
    ("switch", "signals"),
    [
        ("safety_word", Signals(safety=("press",))),
        ("negative_sentiment", Signals(sentiment="negative")),
        ("detractor_score", Signals(score=1, scale="1-5")),
        ("contact_request", Signals(wants_contact=True)),
    ],
)
def test_each_rule_can_be_switched_off(switch: str, signals: Signals) -> None:
    assert deserves_case(signals) == switch
    assert deserves_case(signals, replace(DEFAULT, **{switch: False})) is None


def test_an_organisation_sets_how_bad_a_score_is() -> None:
    strict = Settings(detractor_share=0.8)
    assert not is_detractor(8, "0-10")
    assert is_detractor(8, "0-10", strict)
    assert deserves_case(Signals(score=8, scale="0-10"), strict) == "detractor_score"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("wait_time", "wait_time", True),
        ("wait_time", "staff_attitude", False),
        ("other", "staff_attitude", True),
        ("staff_attitude", "other", True),
    ],
)
def test_two_causes_are_one_matter_if_equal_or_one_is_not_stated(one: str, other: str, same: bool) -> None:
    assert same_matter(one, other) is same
