"""How good a tagger is on rows that somebody has judged: F1 with bootstrap intervals.

`other` stands alone: beside a specific cause it is dropped, and naming none is saying `other`. Macro-F1 is the mean
over the classes that occur in the judged rows. A row's causes are scored only where they were judged.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cxloop.tagging.rows import Row
from cxloop.tagging.tagger import Suggestion
from cxloop.tagging.taxonomy import OTHER

Labels = frozenset[str]
Pair = tuple[Labels, Labels]  # (judged, said)


def f1_by_class(pairs: Iterable[Pair]) -> dict[str, float]:
    """F1 of every class that occurs among the judged ones."""
    hits: dict[str, int] = {}
    said_n: dict[str, int] = {}
    true_n: dict[str, int] = {}
    for judged, said in pairs:
        for name in judged:
            true_n[name] = true_n.get(name, 0) + 1
        for name in said:
            said_n[name] = said_n.get(name, 0) + 1
        for name in judged & said:
            hits[name] = hits.get(name, 0) + 1
    return {name: 2 * hits.get(name, 0) / (n + said_n.get(name, 0)) for name, n in true_n.items()}


def macro_f1(pairs: Sequence[Pair]) -> float:
    by_class = f1_by_class(pairs)
    return sum(by_class.values()) / len(by_class)


def micro_f1(pairs: Sequence[Pair]) -> float:
    right = sum(len(judged & said) for judged, said in pairs)
    total = sum(len(judged) + len(said) for judged, said in pairs)
    return 2 * right / total


def accuracy(pairs: Sequence[Pair]) -> float:
    return sum(judged == said for judged, said in pairs) / len(pairs)


def interval(
    pairs: Sequence[Pair], measure: Callable[[Sequence[Pair]], float], *, resamples: int = 200, seed: int = 7
) -> tuple[float, float]:
    """The middle 95 % of a measure over resampled rows."""
    chance = random.Random(seed)
    drawn = sorted(measure(chance.choices(pairs, k=len(pairs))) for _ in range(resamples))
    return drawn[int(0.025 * resamples)], drawn[min(resamples - 1, int(0.975 * resamples))]


def score(rows: Sequence[Row], said: Sequence[Suggestion]) -> dict[str, Any]:
    """Figures for rows and what a tagger said of them, in the same order; ready for JSON.

    `unsure` is the share of rows on which the tagger would ask a person; its answers there are scored all the same.
    """
    both = list(zip(rows, said, strict=True))
    figures: dict[str, Any] = {"rows": len(both)}
    with_sentiment = [(row, answer) for row, answer in both if row.sentiment is not None]
    if with_sentiment:
        pairs = [(frozenset({str(row.sentiment)}), frozenset({answer.sentiment})) for row, answer in with_sentiment]
        figures["sentiment"] = _figures(pairs, accuracy=accuracy, macro_f1=macro_f1) | {
            "unsure": _share("sentiment" in answer.unsure for _, answer in with_sentiment)
        }
    with_causes = [(row, answer) for row, answer in both if row.causes]
    if with_causes:
        pairs = [(_alone(row.causes or ()), _alone(_said(row, answer))) for row, answer in with_causes]
        figures["causes"] = _figures(pairs, macro_f1=macro_f1, micro_f1=micro_f1) | {
            "top1": _share(
                (_said(row, answer) or [OTHER])[0] in _alone(row.causes or ()) for row, answer in with_causes
            ),
            "unsure": _share("causes" in answer.unsure for _, answer in with_causes),
        }
    return figures


def _figures(pairs: Sequence[Pair], **measures: Callable[[Sequence[Pair]], float]) -> dict[str, Any]:
    figures: dict[str, Any] = {"n": len(pairs)}
    for name, measure in measures.items():
        low, high = interval(pairs, measure)
        figures[name] = {"value": round(measure(pairs), 4), "low": round(low, 4), "high": round(high, 4)}
    by_class = f1_by_class(pairs)
    figures["f1"] = {name: round(by_class[name], 4) for name in sorted(by_class)}
    return figures


def _said(row: Row, answer: Suggestion) -> list[str]:
    return [guess.cause for guess in answer.causes if guess.cause not in row.ignored]


def _alone(causes: Iterable[str]) -> Labels:
    return frozenset(causes) - {OTHER} or frozenset({OTHER})


def _share(truths: Iterable[bool]) -> float:
    counted = list(truths)
    return round(sum(counted) / len(counted), 4)
