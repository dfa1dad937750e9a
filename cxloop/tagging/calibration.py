"""From a model's raw scores to confidences that mean something, and to the thresholds in its manifest.

Everything here is measured on text that the weights have not seen, scored by the very graph that is shipped.
"""

import math

import numpy as np
from numpy.typing import NDArray

from cxloop.tagging.conclusion import Thresholds

Floats = NDArray[np.float64]

_TEMPERATURES = np.geomspace(0.3, 5.0, 60)


def softmax(scores: Floats) -> Floats:
    exp = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(exp / exp.sum(axis=-1, keepdims=True))


def sigmoid(scores: Floats) -> Floats:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * scores)))


def sentiment_temperature(logits: Floats, truth: NDArray[np.int64]) -> float:
    """The divisor of the logits (rows × 3) under which the true sentiments are likeliest."""

    def loss(temperature: float) -> float:
        chances = softmax(logits / temperature)[np.arange(len(truth)), truth]
        return float(-np.log(np.maximum(chances, 1e-9)).mean())

    return float(min(_TEMPERATURES, key=loss))


def cause_temperature(logits: Floats, truth: Floats) -> float:
    """The divisor of the logits (rows × causes) under which the true 0/1 causes are likeliest."""

    def loss(temperature: float) -> float:
        chances = np.clip(sigmoid(logits / temperature), 1e-9, 1 - 1e-9)
        return float(-(truth * np.log(chances) + (1 - truth) * np.log(1 - chances)).mean())

    return float(min(_TEMPERATURES, key=loss))


def cause_threshold(chances: Floats, truth: Floats) -> float:
    """From which chance on a cause is asserted: the lowest, from 0.25 to 0.6, that is about as good as the best.

    Good is micro-F1, where saying none of the causes is an answer too. The lowest, because the confidences on real
    feedback are lower than on the text that this is measured on.
    """

    def f1(threshold: float) -> float:
        said, true = chances >= threshold, truth > 0
        said_none, true_none = ~said.any(axis=1), ~true.any(axis=1)
        right = (said & true).sum() + (said_none & true_none).sum()
        return float(2 * right / (said.sum() + true.sum() + said_none.sum() + true_none.sum()))

    candidates = np.arange(0.25, 0.601, 0.01)
    scores = np.array([f1(threshold) for threshold in candidates])
    return round(float(candidates[scores >= scores.max() - 0.01][0]), 3)


def abstain_below(confidence: Floats, right: NDArray[np.bool_], *, aim: float, at_most: float = 0.3) -> float:
    """The lowest confidence at which the answers kept are right in a share `aim`; never leaves more than `at_most`."""
    order = np.argsort(-confidence)
    kept_right = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(kept_right >= aim)
    most = int(np.ceil(len(order) * (1 - at_most))) - 1
    last = max(int(enough[-1]) if len(enough) else 0, most)
    return math.floor(1000 * float(confidence[order][min(last, len(order) - 1)])) / 1000


def thresholds(
    sentiment_chances: Floats,
    sentiment_truth: NDArray[np.int64],
    cause_chances: Floats,
    cause_truth: Floats,
) -> Thresholds:
    """The three thresholds, from calibrated chances on held-out rows (causes: on rows with a negative sentiment)."""
    assert_from = cause_threshold(cause_chances, cause_truth)
    best = cause_chances.max(axis=1)
    asserted = best >= assert_from
    top_is_true = cause_truth[np.arange(len(best)), cause_chances.argmax(axis=1)] > 0
    right = np.where(asserted, top_is_true, cause_truth.sum(axis=1) == 0)
    return Thresholds(
        cause=assert_from,
        sure_sentiment=abstain_below(
            sentiment_chances.max(axis=1), sentiment_chances.argmax(axis=1) == sentiment_truth, aim=0.9
        ),
        sure_causes=abstain_below(np.where(asserted, best, 1 - best), right, aim=0.8),
    )
