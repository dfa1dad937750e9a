"""From a model's probabilities to a suggestion: thresholds, rules, and where a person should decide. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from cxloop.tagging.language import is_english
from cxloop.tagging.safety import safety_words
from cxloop.tagging.tagger import CauseGuess, Suggestion, Text
from cxloop.tagging.taxonomy import OTHER
from cxloop.tagging.urgency import urgency


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where calibrated probabilities become words. Measured on held-out text, kept in the model's manifest."""

    cause: float  # a cause is asserted from here on
    sure_sentiment: float  # below it a person decides on the sentiment
    sure_causes: float  # below it a person decides on the causes


def conclude(
    text: Text,
    *,
    sentiments: Mapping[str, float],
    causes: Mapping[str, float],
    thresholds: Thresholds,
    model: str,
    embedding: bytes | None = None,
) -> Suggestion:
    """The suggestion that follows from a model's calibrated probabilities, the rules and the thresholds.

    `causes` may be empty (nothing could be read): then nothing is asserted and everything is unsure.
    """
    sentiment = max(sentiments, key=lambda name: sentiments[name])
    asserted = sorted(
        (CauseGuess(cause, chance) for cause, chance in causes.items() if chance >= thresholds.cause),
        key=lambda guess: -guess.confidence,
    )
    if not asserted:
        asserted = [CauseGuess(OTHER, 1.0 - max(causes.values(), default=1.0))]
    unsure = []
    if sentiments[sentiment] < thresholds.sure_sentiment:
        unsure.append("sentiment")
    if asserted[0].confidence < thresholds.sure_causes:
        unsure.append("causes")
    if not is_english(text.text):
        unsure.append("language")
    safety = safety_words(text.text)
    return Suggestion(
        sentiment=sentiment,
        sentiment_confidence=sentiments[sentiment],
        causes=tuple(asserted),
        urgency=urgency(sentiment, asserted, safety, text.text),
        unsure=tuple(unsure),
        safety=safety,
        model=model,
        embedding=embedding,
    )
