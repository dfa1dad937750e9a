"""Why a label was given: the customer's words in pieces, each with the numbers of the labels that it moved. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cxloop.tagging.taxonomy import SENTIMENTS

Span = tuple[int, int, float, str]
"""Where it begins and ends in the text (characters), how much it moved, and which label it moved."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A label as the legend names it; `kind` is sentiment or cause."""

    number: int
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the text; `moved` has the numbers of the labels that it speaks for, `kinds` what they are."""

    text: str
    moved: tuple[int, ...] = ()
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Why:
    segments: list[Segment]
    legend: list[Moved]


def why(text: str, spans: Iterable[Sequence[object]], names: Mapping[str, str]) -> Why | None:
    """None where nothing in the text speaks for a label. Spans beyond the text, or against a label, are left out."""
    kept = [span for span in map(_span, spans) if span[2] > 0 and 0 <= span[0] < span[1] <= len(text)]
    if not kept:
        return None
    legend = _legend(kept, names)
    return Why(_segments(text, kept, legend), list(legend.values()))


def _span(given: Sequence[object]) -> Span:
    start, end, weight, label = given
    return int(str(start)), int(str(end)), float(str(weight)), str(label)


def _legend(spans: Sequence[Span], names: Mapping[str, str]) -> dict[str, Moved]:
    """The sentiment first, then the causes, the one with the strongest span first."""
    strength: dict[str, float] = {}
    for _, _, weight, label in spans:
        strength[label] = max(strength.get(label, 0.0), weight)
    order = sorted(strength, key=lambda label: (label not in SENTIMENTS, -strength[label], label))
    return {
        label: Moved(number, "sentiment" if label in SENTIMENTS else "cause", names.get(label, label.replace("_", " ")))
        for number, label in enumerate(order, start=1)
    }


def _segments(text: str, spans: Sequence[Span], legend: Mapping[str, Moved]) -> list[Segment]:
    """The text cut wherever a span begins or ends, so that spans may overlap."""
    cuts = sorted({0, len(text), *(place for span in spans for place in span[:2])})
    pieces = []
    for start, end in pairwise(cuts):
        over = sorted(
            {legend[span[3]] for span in spans if span[0] <= start and end <= span[1]}, key=lambda moved: moved.number
        )
        kinds = tuple(dict.fromkeys(moved.kind for moved in over))
        pieces.append(Segment(text[start:end], tuple(moved.number for moved in over), kinds))
    return pieces
