"""Urgency: each rung of the table in urgency.py, by its own words."""

import pytest

from cxloop.tagging.safety import safety_words
from cxloop.tagging.tagger import CauseGuess
from cxloop.tagging.urgency import LEVELS, urgency


def rung(text: str, sentiment: str = "negative", *causes: str) -> str:
    return urgency(sentiment, [CauseGuess(cause, 0.9) for cause in causes or ("other",)], safety_words(text), text)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("critical", "I want to kill myself because of these debts"),
        ("critical", "The step broke and I was injured"),
        ("critical", "My daughter was left alone on the platform"),
        ("critical", "I am calling my lawyer, my flight leaves in two hours"),
        ("high", "I am calling my lawyer"),
        ("high", "You sent my records to a stranger"),
        ("high", "I need this refund by tomorrow"),
        ("high", "We are stranded in Lyon and nobody is at the desk"),
        ("high", "Our wedding is in 3 hours and the flowers are not here"),
        ("high", "Ich brauche das dringend bis morgen"),
        ("normal", "The soup was cold."),
        ("normal", "Heute war es laut im Zimmer"),
    ],
)
def test_an_unhappy_text_stands_on_its_rung(expected: str, text: str) -> None:
    assert rung(text) == expected


@pytest.mark.parametrize("cause", ["account_fraud", "safety_access"])
def test_fraud_and_safety_do_not_wait(cause: str) -> None:
    assert rung("Somebody used my card", "negative", cause) == "high"


def test_praise_and_small_talk_are_low() -> None:
    assert rung("Lovely stay, thank you", "positive") == "low"
    assert rung("I flew on Tuesday", "neutral") == "low"


def test_a_neutral_text_with_a_cause_or_a_wish_for_contact_is_normal() -> None:
    assert rung("The parcel is with the neighbour", "neutral", "delivery_delay") == "normal"
    assert rung("Please call me back about my order", "neutral") == "normal"


def test_praise_with_a_safety_word_stands_one_rung_lower() -> None:
    assert rung("My son broke his arm, was bleeding, and the nurses were wonderful", "positive") == "high"
    assert rung("My lawyer friend recommended you; the lawsuit is over, thank you", "positive") == "normal"


def test_self_harm_is_critical_whatever_the_sentiment() -> None:
    assert {rung("I am better off dead", sentiment) for sentiment in ("negative", "neutral", "positive")} == {
        "critical"
    }


def test_the_rungs_go_up() -> None:
    assert LEVELS == ("low", "normal", "high", "critical")
