"""Scores as exports write them: 4, "4 out of 5", "★★★★☆", "Very satisfied", on a scale said or inferred."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Self

MAX_SCORE = 100  # characters; what is longer is no score

_NUMBER = re.compile(r"(-?\d{1,4}(?:[.,]\d{1,4})?)(?:\s*(?:stars?|★|⭐|points?|pts?))?", re.ASCII | re.IGNORECASE)
_OUT_OF = re.compile(
    r"(\d{1,3}(?:[.,]\d{1,4})?)\s*(?:/|out\s+of|of)\s*(\d{1,3})(?:\s*(?:stars?|points?))?", re.ASCII | re.IGNORECASE
)
_LABELLED = re.compile(r"(-?\d{1,3})\s*(?:[-–—:=.]|\()\s*[^\W\d_][^\d]{0,60}", re.IGNORECASE)
_PERCENT = re.compile(r"(\d{1,3}(?:[.,]\d{1,4})?)\s*%", re.ASCII)
_STARS = re.compile(r"([★⭐*]\ufe0f?){1,10}[☆✩]{0,10}")

_WORTH = {
    word.strip(): worth
    for worth, words in {
        5: """excellent, outstanding, very good, very satisfied, extremely satisfied, very happy, extremely likely,
            very likely, strongly agree, very easy""",
        4: "good, satisfied, happy, likely, agree, easy, somewhat satisfied, somewhat agree",
        3: """neutral, ok, okay, average, fair, neither good nor poor, neither likely nor unlikely,
            neither agree nor disagree, neither satisfied nor dissatisfied""",
        2: """poor, bad, dissatisfied, unsatisfied, unhappy, unlikely, disagree, difficult, somewhat dissatisfied,
            somewhat disagree""",
        1: """very poor, very bad, terrible, awful, very dissatisfied, very unsatisfied, extremely dissatisfied,
            very unhappy, extremely unlikely, very unlikely, strongly disagree, very difficult""",
    }.items()
    for word in words.split(",")
}
_SILENCE = """don't know, dont know, don’t know, do not know, not sure, unsure, n/a, na, nan, none, null, nil, -, –,
    no answer, not applicable, prefer not to say, refused, skipped, no rating, unrated, not rated, no opinion"""
NO_ANSWER = frozenset(word.strip() for word in _SILENCE.split(","))
"""Words for "no score": the row is taken without one."""


class OffScale(ValueError):
    """A number that the scale does not have: often a code for "don't know"."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From the worst to the best: `Scale(0, 10)`, `Scale(1, 5)`; `Scale(5, 1)` where 1 is the best."""

    worst: int
    best: int

    @classmethod
    def parse(cls, written: str) -> Self:
        """Raises ValueError with a reason for a person."""
        found = re.fullmatch(r"\s*(\d{1,3})\s*-\s*(\d{1,3})\s*", written, re.ASCII)
        if not found or found[1] == found[2]:
            raise ValueError("a scale is written worst-best, as 0-10, 1-5 or 1-7; 5-1 where 1 is the best")
        return cls(int(found[1]), int(found[2]))

    def __contains__(self, score: float) -> bool:
        return min(self.worst, self.best) <= score <= max(self.worst, self.best)

    def __str__(self) -> str:
        return f"{self.worst}-{self.best}"


@dataclass(frozen=True, slots=True)
class Score:
    value: float
    scale: Scale


def read_score(written: str, scale: Scale | None) -> Score | None:
    """The score, None where the words say that there is none.

    A value that names its own scale ("8/10", "Very poor", "★★★☆☆") keeps that one. Raises `OffScale` for a number
    that the scale does not have, ValueError for what is no score.
    """
    written = " ".join(written.split())
    if not written or written.lower() in NO_ANSWER:
        return None
    if len(written) > MAX_SCORE:
        raise ValueError("a score that cannot be read")
    own = _with_its_own_scale(written)
    if own is not None:
        if own.value not in own.scale:
            raise OffScale(f"{own.value:g} is not on {own.scale}")
        return own
    value = plain_number(written)
    if value is None or scale is None:
        raise ValueError("a score that cannot be read")
    if value not in scale:
        raise OffScale(f"{value:g} is not on {scale}")
    return Score(value, scale)


def plain_number(written: str) -> float | None:
    """The number of "4", "4.5", "4,5", "4 stars" and "4 - Satisfied"."""
    written = written.strip()
    found = _NUMBER.fullmatch(written) or _LABELLED.fullmatch(written) if len(written) <= MAX_SCORE else None
    return _float(found[1]) if found else None


def _with_its_own_scale(written: str) -> Score | None:
    if found := _OUT_OF.fullmatch(written):
        best = int(found[2])
        return Score(_float(found[1]), Scale(0 if best >= 10 else 1, best)) if best > 1 else None
    if found := _PERCENT.fullmatch(written):
        return Score(_float(found[1]), Scale(0, 100))
    if _STARS.fullmatch(written):
        full = sum(written.count(star) for star in "★⭐*")
        empty = sum(written.count(star) for star in "☆✩")
        return Score(full, Scale(1, 5 if full + empty <= 5 else 10))
    worth = _WORTH.get(written.lower().rstrip(".!"))
    return Score(worth, Scale(1, 5)) if worth else None


def _float(written: str) -> float:
    return float(written.replace(",", "."))


@dataclass
class ScaleEvidence:
    """Collects the numbers of a whole column, to infer their scale. Constant memory."""

    numbers: Counter[float] = field(default_factory=Counter)
    low: float = 0.0
    high: float = 0.0

    def add(self, written: str) -> None:
        number = plain_number(written)
        if number is None or _with_its_own_scale(" ".join(written.split())):
            return
        if number in self.numbers or len(self.numbers) < 200:
            self.numbers[number] += 1
        self.low, self.high = min(self.low, number), max(self.high, number)

    def infer(self, heading: str) -> Scale | None:
        """The scale that the numbers suggest; None where there are none. Raises ValueError where none fits.

        A code beyond the scale ("7 = don't know" after 1 to 5) does not stretch it: it shows by the gap before it.
        """
        found = {number for number in (*self.numbers, self.high) if number >= 0} if self.numbers else set()
        if not found:
            return None
        if _is_friends_and_family_test(heading) and found & {1, 2, 3, 4, 5}:
            return Scale(5, 1)
        if found <= {0, 1}:
            return Scale(0, 1)
        for scale in (Scale(1, 5), Scale(1, 7), Scale(0, 10), Scale(0, 100)):
            beyond = {number for number in found if number > scale.best}
            if not beyond or (scale.best < 10 and self._are_codes(beyond, scale)):
                return scale
        raise ValueError(f"scores up to {self.high:g} fit no usual scale")

    def outside(self, scale: Scale) -> Counter[float]:
        return Counter({number: times for number, times in self.numbers.items() if number not in scale})

    def _are_codes(self, beyond: set[float], scale: Scale) -> bool:
        """One or two values behind a gap, where every step of the scale was given."""
        given = all(step in self.numbers for step in range(1, scale.best + 1))
        return given and len(beyond) <= 2 and min(beyond) > scale.best + 1


def _is_friends_and_family_test(heading: str) -> bool:
    """The English health service's test codes 1 = very good to 5 = very poor, and don't know beyond."""
    words = heading.lower()
    return bool(re.search(r"\bfft\b", words)) or "friends and family" in words
