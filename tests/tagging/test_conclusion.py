"""From probabilities to a suggestion: what is asserted, in which order, and where a person should decide."""

from cxloop.tagging.conclusion import Thresholds, conclude
from cxloop.tagging.tagger import CauseGuess, Suggestion, Text

THRESHOLDS = Thresholds(cause=0.4, sure_sentiment=0.6, sure_causes=0.5)
UNHAPPY = {"negative": 0.9, "neutral": 0.06, "positive": 0.04}


def concluded(text: str = "so so", *, sentiments: dict[str, float] = UNHAPPY, **causes: float) -> Suggestion:
    return conclude(Text(text), sentiments=sentiments, causes=causes, thresholds=THRESHOLDS, model="test")


def test_the_likeliest_sentiment_is_said_with_its_confidence() -> None:
    said = concluded(wait_time=0.1)
    assert (said.sentiment, said.sentiment_confidence, said.model) == ("negative", 0.9, "test")


def test_causes_from_the_threshold_on_are_asserted_best_first() -> None:
    said = concluded(wait_time=0.4, billing_refund=0.8, price_value=0.39)
    assert said.causes == (CauseGuess("billing_refund", 0.8), CauseGuess("wait_time", 0.4))


def test_other_stands_alone_where_nothing_is_asserted() -> None:
    assert concluded(wait_time=0.25).causes == (CauseGuess("other", 0.75),)


def test_doubt_is_said_for_each_task_by_itself() -> None:
    assert concluded(wait_time=0.9).unsure == ()
    torn = {"negative": 0.5, "neutral": 0.4, "positive": 0.1}
    assert concluded(sentiments=torn, wait_time=0.9).unsure == ("sentiment",)
    assert concluded(wait_time=0.45).unsure == ("causes",)
    assert concluded("Das Zimmer war nicht sauber und sehr laut", wait_time=0.9).unsure == ("language",)


def test_where_nothing_could_be_read_everything_is_left_to_a_person() -> None:
    said = concluded("", sentiments=dict.fromkeys(("neutral", "negative", "positive"), 1 / 3))
    assert (said.sentiment, said.causes, said.unsure) == (
        "neutral",
        (CauseGuess("other", 0.0),),
        ("sentiment", "causes"),
    )


def test_safety_words_and_urgency_come_from_the_rules() -> None:
    said = concluded("I was injured", sentiments=UNHAPPY, wait_time=0.1)
    assert (said.safety, said.urgency) == (("injury",), "critical")
