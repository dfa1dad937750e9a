"""Regularised logistic regression in numpy: differences to what is known already, found by L-BFGS from nothing.

Everything is deterministic: the same numbers in give the same numbers out.
"""

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cxloop.tagging.calibration import sigmoid, softmax

Floats = NDArray[np.float64]
Hold = float | Floats
"""The price of moving a column by its length; as a matrix (inputs × inputs), by its length in that metric."""
_REMEMBERED = 8


def multinomial(
    inputs: Floats, offsets: Floats, truth: Floats, weights: Floats, *, hold: Hold, start: Floats | None = None
) -> Floats:
    """Columns (inputs × classes) whose sum with `offsets` makes `truth` (rows × classes, shares) likeliest.

    `weights` says what each row counts; `hold` is the price of leaving nothing (half of it times the square). The
    answer does not depend on `start`, only how soon it is found.
    """

    def cost(columns: Floats) -> tuple[float, Floats]:
        chances = softmax(offsets + inputs @ columns)
        loss = -(weights[:, None] * truth * np.log(np.maximum(chances, 1e-12))).sum()
        slope = inputs.T @ (weights[:, None] * (chances - truth))
        held = hold * columns if isinstance(hold, float) else hold @ columns
        return float(loss + (columns * held).sum() / 2), slope + held

    return minimised(cost, np.zeros((inputs.shape[1], truth.shape[1])) if start is None else start)


def binary(
    inputs: Floats,
    offsets: Floats,
    truth: Floats,
    weights: Floats,
    *,
    hold: Hold,
    around: Floats | None = None,
    start: Floats | None = None,
) -> Floats:
    """The same for independent columns; `weights` is rows × columns, 0 where a row says nothing.

    `around` are the columns that cost nothing; without them zero.
    """
    centre = np.zeros((inputs.shape[1], truth.shape[1])) if around is None else around

    def cost(columns: Floats) -> tuple[float, Floats]:
        scores = offsets + inputs @ columns
        loss = (weights * (np.logaddexp(0.0, scores) - truth * scores)).sum()
        away = columns - centre
        slope = inputs.T @ (weights * (sigmoid(scores) - truth))
        held = hold * away if isinstance(hold, float) else hold @ away
        return float(loss + (away * held).sum() / 2), slope + held

    return minimised(cost, centre if start is None else start)


def minimised(
    cost: Callable[[Floats], tuple[float, Floats]], start: Floats, *, tolerance: float = 0.01, steps: int = 300
) -> Floats:
    """Where a smooth convex cost is least, to a slope of `tolerance`: L-BFGS with halved steps (Armijo)."""
    at, (value, slope) = start, cost(start)
    pairs: deque[tuple[Floats, Floats, float]] = deque(maxlen=_REMEMBERED)
    for _ in range(steps):
        if np.abs(slope).max() <= tolerance:
            break
        direction = _direction(slope, pairs)
        along = float((direction * slope).sum())
        length = 1.0 if pairs else min(1.0, 1.0 / float(np.abs(slope).sum()))
        while True:
            next_at = at + length * direction
            next_value, next_slope = cost(next_at)
            if next_value <= value + 1e-4 * length * along:
                break
            length /= 2
            if length < 1e-12:
                return at
        moved, bent = next_at - at, next_slope - slope
        curve = float((moved * bent).sum())
        if curve > 1e-12:
            pairs.append((moved, bent, curve))
        at, value, slope = next_at, next_value, next_slope
    return at


def _direction(slope: Floats, pairs: "deque[tuple[Floats, Floats, float]]") -> Floats:
    """Downhill, bent by what the last steps have shown of the curvature (the two-loop recursion)."""
    direction, taken = -slope, []
    for moved, bent, curve in reversed(pairs):
        share = float((moved * direction).sum()) / curve
        taken.append(share)
        direction = direction - share * bent
    if pairs:
        moved, bent, curve = pairs[-1]
        direction = direction * (curve / float((bent * bent).sum()))
    for (moved, bent, curve), share in zip(pairs, reversed(taken), strict=True):
        direction = direction + moved * (share - float((bent * direction).sum()) / curve)
    return direction
