"""What a tagger is: texts in, suggestions out. No model, no database; a person may overrule every word of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Text:
    """What the customer said, and the survey question it answers, if it answers one."""

    text: str
    question: str | None = None


@dataclass(frozen=True, slots=True)
class CauseGuess:
    """`confidence` is calibrated: of the guesses made with 0.8, about eight in ten should be right."""

    cause: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    sentiment: str  # negative | neutral | positive
    sentiment_confidence: float
    causes: tuple[CauseGuess, ...]  # asserted only, best first; (CauseGuess("other", c),) when none
    urgency: str  # low | normal | high | critical
    unsure: tuple[str, ...]  # of "sentiment", "causes", "language": where a person should decide
    safety: tuple[str, ...]  # kinds of safety words found by rule
    model: str  # the version that said so, e.g. "2026.11"
    embedding: bytes | None = None  # 384 numbers, float32 little-endian, of length 1


class Tagger(Protocol):
    """Suggests labels for texts: one suggestion for each, in the same order, whatever the texts hold."""

    version: str

    def suggest(self, texts: Sequence[Text]) -> list[Suggestion]: ...
