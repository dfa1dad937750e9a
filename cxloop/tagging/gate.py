"""May newly learnt heads serve? Decided on rows that they have not seen, by paired tests that are stated here. Pure.

On the frozen gold set the candidate is compared with what serves now, with the shipped heads (so that many small
losses never add up), and with the same fit without the corrections (so that a fit that improves by itself hides no
harm). Each time it has to be shown, at 95 %, one-sided, by the normal approximation over paired rows, that it is
not worse by more than the margin: the share of rows read right, the share of unhappy rows seen as such, and the log
loss. On corrections held back from the fit (in turn, a fifth at a time) it must not be worse than what serves now by
more than chance, at 95 %.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ONE_SIDED_95 = 1.645
MARGINS = {
    "sentiment": 0.02,  # share of rows
    "negative_recall": 0.02,
    "causes": 0.02,
    "sentiment_loss": 0.02,  # nats a row
    "causes_loss": 0.03,  # nats a row, summed over sixteen causes
}
NAMES = {
    "sentiment": "the sentiments",
    "negative_recall": "the unhappy customers found",
    "causes": "the causes",
    "sentiment_loss": "the confidence in sentiments",
    "causes_loss": "the confidence in causes",
}
RIVALS = {"serving": "what serves now", "shipped": "the shipped model", "untaught": "a fit without the corrections"}


@dataclass(frozen=True, slots=True)
class Reading:
    """How each gold row was read, larger is better: 1 and 0 for right and wrong, or minus the log loss."""

    by_measure: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Verdict:
    serves: bool
    words: str


def worst_case(before: Floats, after: Floats) -> float:
    """The most, at 95 % one-sided, by which the mean may have fallen. Nothing is known of no rows: 0."""
    if not len(before):
        return 0.0
    lost = before - after
    spread = float(lost.std(ddof=1)) if len(lost) > 1 else 0.0
    return float(lost.mean()) + ONE_SIDED_95 * spread / math.sqrt(len(lost))


def surely_worse(before: Floats, after: Floats, weights: Floats) -> bool:
    """Whether weighted rows show, at 95 % one-sided, that more was lost than won (a sign test that weighs)."""
    lost = weights * (before - after)
    return float(lost.sum()) > ONE_SIDED_95 * math.sqrt((lost**2).sum()) > 0


def judge(
    candidate: Reading, rivals: Mapping[str, Reading], held_back: Sequence[tuple[str, Floats, Floats, Floats]]
) -> Verdict:
    """`rivals` by their key in RIVALS; `held_back` has, for each field, right before, right after and the weights."""
    for rival, reading in rivals.items():
        for measure, margin in MARGINS.items():
            fall = worst_case(reading.by_measure[measure], candidate.by_measure[measure])
            if fall > margin:
                unit = "nats" if measure.endswith("_loss") else "points"
                scale = 1 if unit == "nats" else 100
                return Verdict(
                    False,
                    f"Refused: on the gold set {NAMES[measure]} may be worse than with {RIVALS[rival]} by "
                    f"{scale * fall:.2g} {unit}, and {scale * margin:.2g} are allowed.",
                )
    for field, before, after, weights in held_back:
        if surely_worse(before, after, weights):
            return Verdict(
                False,
                f"Refused: of {len(before)} held-back corrections of the {field} it reads {int(after.sum())} as people "
                f"did, and what serves now {int(before.sum())}.",
            )
    return Verdict(True, "Serves: not worse on the gold set than what served, and not on held-back corrections.")
