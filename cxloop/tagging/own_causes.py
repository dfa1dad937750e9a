"""Causes that the shipped weights have never heard of: a handful of examples, a regression over the vectors. Pure.

The regression starts from the direction in which the examples lie from the corpus (their prototype) and is held to it.
The corpus says how often the new cause would be asserted of texts that are about something else: its score is set so
that this happens to five in a thousand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cxloop.tagging.heads import Floats, Split, with_one
from cxloop.tagging.regression import binary, multinomial
from cxloop.tagging.taxonomy import OTHER
from cxloop.tagging.trust import KnownCause, Taught

ENOUGH = 5  # examples; with fewer nothing is asserted
FALSE_ALARMS = 0.005
_TYPICAL = 0.8  # the chance that is given to the middling example
_PROTOTYPE = 8.0  # how far the prototype alone tells a cause from the rest
_AT_MOST_ALONE = 12  # up to so many examples each is left out in turn, to see whether the others find it


@dataclass(frozen=True, slots=True)
class Found:
    """How well a cause is found: of examples left out in turn the share that is recognised."""

    key: str
    examples: int
    found: float
    false_alarms: float


def fit_own(
    causes: Sequence[KnownCause], taught: Sequence[Taught], vectors: Floats, others: Floats, threshold: float
) -> tuple[dict[str, Floats], list[Found]]:
    """A column for each cause of the company's own that has enough examples, and how well it is found.

    `vectors` are those of the taught texts, `others` those of the corpus; a chance of `threshold` asserts a cause.
    """
    whole = {cause.split_from for cause in causes}
    columns, found = {}, []
    for cause in causes:
        if cause.shipped or cause.key == OTHER or cause.split_from or not (cause.active or cause.key in whole):
            continue
        key = cause.key
        examples = vectors[[key in row.votes and row.votes[key][0] for row in taught]] if taught else vectors
        against = vectors[[key in row.votes and not row.votes[key][0] for row in taught]] if taught else vectors
        if len(examples) < ENOUGH:
            found.append(Found(key, len(examples), 0.0, 0.0))
            continue
        rest = np.vstack([others, against])
        columns[key] = _calibrated(_fit(examples, rest), examples, others, threshold)
        found.append(Found(key, len(examples), *_checked(examples, rest, others, columns[key], threshold)))
    return columns, found


def fit_splits(
    causes: Sequence[KnownCause], taught: Sequence[Taught], vectors: Floats, definitions: Mapping[str, Floats]
) -> list[Split]:
    """How the parts of each split cause share it, from their examples, and their definitions as one example each."""
    parts: dict[str, list[str]] = {}
    for cause in causes:
        if cause.split_from and cause.active:
            parts.setdefault(cause.split_from, []).append(cause.key)
    splits = []
    for of, keys in parts.items():
        if len(keys) < 2 or not all(key in definitions for key in keys):
            continue
        inputs, truth = [definitions[key] for key in keys], list(range(len(keys)))
        for row, vector in zip(taught, vectors, strict=True):
            for number, key in enumerate(keys):
                if key in row.votes and row.votes[key][0]:
                    inputs.append(vector)
                    truth.append(number)
        known = np.array(inputs)
        columns = multinomial(
            with_one(known), np.zeros((len(known), len(keys))), np.eye(len(keys))[truth], np.ones(len(known)), hold=0.05
        )
        splits.append(Split(of, tuple(keys), columns))
    return splits


def _fit(examples: Floats, rest: Floats) -> Floats:
    """One column of 385: the examples against all others, held to the prototype."""
    middle = rest.mean(axis=0)
    away = examples.mean(axis=0) - middle
    direction = _PROTOTYPE * away / max(float(np.linalg.norm(away)), 1e-9)
    between = float(direction @ (examples.mean(axis=0) + middle) / 2)
    around = np.append(direction, -between)[:, None]
    inputs = with_one(np.vstack([examples, rest]))
    truth = np.concatenate([np.ones(len(examples)), np.zeros(len(rest))])[:, None]
    # All others together weigh ten times what the examples do, however many they are.
    weights = np.where(truth > 0, 1.0, 10.0 * len(examples) / len(rest))
    return binary(inputs, np.zeros_like(truth), truth, weights, hold=0.5, around=around)[:, 0]


def _calibrated(column: Floats, examples: Floats, others: Floats, threshold: float) -> Floats:
    """The column scaled and shifted so that FALSE_ALARMS of the corpus and nothing below reach the threshold."""
    limit = float(np.quantile(with_one(others) @ column, 1 - FALSE_ALARMS))
    typical = float(np.median(with_one(examples) @ column))
    at_limit = _logit(threshold)
    steep = (_logit(max(_TYPICAL, threshold + 0.05)) - at_limit) / max(typical - limit, 0.1)
    scaled = steep * column
    scaled[-1] += at_limit - steep * limit
    return scaled


def _checked(examples: Floats, rest: Floats, others: Floats, column: Floats, threshold: float) -> tuple[float, float]:
    """(share of left-out examples that the others find, share of the corpus that is asserted)."""
    at_limit = _logit(threshold)
    groups = np.arange(len(examples)) % min(len(examples), _AT_MOST_ALONE)
    hits = 0
    for group in sorted(set(groups.tolist())):
        kept, left = examples[groups != group], examples[groups == group]
        limit_column = _calibrated(_fit(kept, rest), kept, others, threshold)
        hits += int((with_one(left) @ limit_column >= at_limit).sum())
    alarms = float((with_one(others) @ column > at_limit + 1e-9).mean())
    return round(hits / len(examples), 4), round(alarms, 4)


def _logit(chance: float) -> float:
    return float(np.log(chance / (1 - chance)))
