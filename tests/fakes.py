"""Stand-ins for what is outside, or heavy; they speak the domain."""

import re
from collections.abc import Sequence

from cxloop.tagging.conclusion import Thresholds, conclude
from cxloop.tagging.tagger import Suggestion, Text

NEGATIVE = {"late", "never", "rude", "broken", "angry", "refund", "dirty", "lost", "twice", "worst", "bad", "waited"}
POSITIVE = {"great", "lovely", "thanks", "love", "perfect", "friendly", "good"}
CAUSES = {
    "late": "delivery_delay",
    "never": "delivery_delay",
    "rude": "staff_attitude",
    "broken": "product_quality",
    "refund": "billing_refund",
    "twice": "billing_refund",
    "dirty": "cleanliness_environment",
    "lost": "lost_damaged",
    "waited": "wait_time",
}
UNREADABLE = "unreadable"


class FakeTagger:
    """Reads single words: "late" is negative and a delivery_delay. It refuses a text that holds "unreadable"."""

    version = "fake-1"

    def __init__(self) -> None:
        self.read: list[str] = []

    def suggest(self, texts: Sequence[Text]) -> list[Suggestion]:
        return [self._one(text) for text in texts]

    def _one(self, text: Text) -> Suggestion:
        words = set(re.findall(r"[a-z]+", text.text.lower()))
        if UNREADABLE in words:
            raise ValueError("a text that nobody can read")
        self.read.append(text.text)
        negative, positive = bool(words & NEGATIVE), bool(words & POSITIVE)
        return conclude(
            text,
            sentiments={
                "negative": 0.9 if negative else 0.05,
                "neutral": 0.05 if negative or positive else 0.9,
                "positive": 0.05 if negative or not positive else 0.9,
            },
            causes=dict.fromkeys((CAUSES[word] for word in sorted(words & CAUSES.keys())), 0.8),
            thresholds=Thresholds(cause=0.5, sure_sentiment=0.6, sure_causes=0.6),
            model=self.version,
        )
