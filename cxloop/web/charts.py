"""Small line charts: figures in, the paths of an SVG out. Pure; `components/charts.html` draws them.

The drawing is 100 wide and 100 high and is stretched to its place; words stand beside it, so that they are never
stretched with it. Every line has a shape of its own, and the figures stand in a table as well.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

STEPS = (0.05, 0.1, 0.2, 0.25, 0.5, 1.0)
SHAPES = ("solid", "dotted", "dashed")


@dataclass(frozen=True, slots=True)
class Series:
    """Shares from 0 to 1, in order; None where there is none."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    shape: str
    path: str
    dots: str


@dataclass(frozen=True, slots=True)
class Chart:
    """`top`, `middle` and `bottom` are the words at the scale; `rows` the same figures for the table."""

    lines: list[Line]
    top: str
    middle: str
    bottom: str
    labels: Sequence[str]
    rows: list[tuple[str, list[str]]]


def chart(labels: Sequence[str], series: Sequence[Series], *, from_zero: bool = True) -> Chart | None:
    """One point for each label and series; None where no series has a figure."""
    known = [value for each in series for value in each.values if value is not None]
    if not known:
        return None
    low, high = _scale(known, from_zero)
    return Chart(
        lines=[_line(each, shape, low, high) for each, shape in zip(series, SHAPES, strict=False)],
        top=percent(high),
        middle=percent((low + high) / 2),
        bottom=percent(low),
        labels=labels,
        rows=[(label, [percent(each.values[place]) for each in series]) for place, label in enumerate(labels)],
    )


def percent(share: float | None) -> str:
    """A share as people read it; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.1f}".removesuffix(".0") + " %"


def _scale(values: Sequence[float], from_zero: bool) -> tuple[float, float]:
    """Where the scale begins and ends: round figures around the values."""
    if from_zero:
        return 0.0, next(step for step in STEPS if step >= min(max(values), 1.0))
    low = max(0.0, math.floor(min(values) * 10) / 10)
    high = min(1.0, math.ceil(max(values) * 10) / 10)
    return (low, high) if high > low else (max(0.0, low - 0.1), min(1.0, low + 0.1))


def _line(series: Series, shape: str, low: float, high: float) -> Line:
    """A gap where a figure is missing; a point without neighbours is still a dot."""
    path, dots, drawing = [], [], False
    for place, value in enumerate(series.values):
        if value is None:
            drawing = False
            continue
        x = 100 * (place + 0.5) / len(series.values)
        y = 100 - 100 * (min(max(value, low), high) - low) / (high - low)
        path.append(f"{'L' if drawing else 'M'}{x:.2f} {y:.2f}")
        dots.append(f"M{x:.2f} {y:.2f}h0")
        drawing = True
    return Line(series.name, shape, "".join(path), "".join(dots))
