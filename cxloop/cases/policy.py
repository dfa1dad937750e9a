"""Decisions about cases, without a database: what deserves one, and what belongs to one that is open."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Signals:
    """All that the decision looks at. `scale` is "0-10", "1-5", "1-7", or reversed, such as "5-1"."""

    sentiment: str = "neutral"
    score: float | None = None
    scale: str | None = None
    safety: tuple[str, ...] = ()
    wants_contact: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """What opens a case; an organisation turns off what it does not want."""

    negative_sentiment: bool = True
    detractor_score: bool = True
    safety_word: bool = True
    contact_request: bool = True
    detractor_share: float = 0.6
    """On a scale with a zero, up to this share of it (0–6 of 10, as NPS has it); on others up to 40 % of its span."""


DEFAULT = Settings()


def is_detractor(score: float | None, scale: str | None, settings: Settings = DEFAULT) -> bool:
    """Whether the score is a bad one: 0–6 of 0–10 (NPS), 1–2 of 1–5 (CSAT), 1–3 of 1–7 (CES 2.0)."""
    if score is None or not scale:
        return False
    first, last = (float(end) for end in scale.split("-"))
    low, high = min(first, last), max(first, last)
    better = score - low if first <= last else high - score
    share = settings.detractor_share if low == 0 else 0.4
    return better <= share * (high - low)


def deserves_case(signals: Signals, settings: Settings = DEFAULT) -> str | None:
    """Why this feedback needs a person who answers it, the gravest reason first; None if it does not."""
    if settings.safety_word and signals.safety:
        return "safety_word"
    if settings.negative_sentiment and signals.sentiment == "negative":
        return "negative_sentiment"
    if settings.detractor_score and is_detractor(signals.score, signals.scale, settings):
        return "detractor_score"
    if settings.contact_request and signals.wants_contact:
        return "contact_request"
    return None


def same_matter(cause: str, other: str) -> bool:
    """Whether two causes can be about the same thing: equal, or one of them not stated."""
    return cause == other or "other" in (cause, other)
