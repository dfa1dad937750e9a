"""Learning from people, without torch: heads refitted on the shipped corpus and what people said, then judged.

Slow (seconds to a minute) and without a database: `lessons.py` brings the lesson, `versions.py` keeps the outcome.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxloop.tagging.corpus import Corpus
from cxloop.tagging.gate import Reading, Verdict, judge
from cxloop.tagging.heads import Floats, Heads, Model, with_one
from cxloop.tagging.own_causes import Found, fit_own, fit_splits
from cxloop.tagging.regression import binary, multinomial
from cxloop.tagging.tagger import Text
from cxloop.tagging.taxonomy import CAUSE_KEYS, SENTIMENTS
from cxloop.tagging.trust import KnownCause, Said, Taught, key_of, taught

HOLD = 0.5  # the price of departing from the shipped model: half of it times the square of the difference
WORTH = 16.0  # what one trusted correction counts, where a row of the corpus counts 1
ANCHOR = 0.01  # the price of moving a row of the corpus: half of it times the square of what its score moves by
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Lesson:
    """All that is learnt from. `serving` are the heads that serve now, None for the shipped ones."""

    said: Sequence[Said]
    causes: Sequence[KnownCause]
    serving: Heads | None
    serving_since: datetime | None = None
    """Corrections are held back only if they are younger: the heads that serve have not seen them either."""


@dataclass(frozen=True, slots=True)
class Outcome:
    heads: Heads
    verdict: Verdict
    scores: dict[str, Any]
    confusion: dict[str, Any]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Rows:
    """Taught texts as the model reads them: calibrated scores, vectors, labels, weights (0 where nothing is known)."""

    vectors: Floats
    sentiment_scores: Floats
    cause_scores: Floats
    sentiment: NDArray[np.int64]
    sentiment_weight: Floats
    causes: Floats
    cause_weight: Floats
    fold: NDArray[np.int64]
    new: NDArray[np.bool_]
    taught: Sequence[Taught]


def study(lesson: Lesson, model: Model, corpus: Corpus) -> Outcome:
    """The heads that follow from the lesson, and whether they may serve."""
    rows = read(lesson, model)
    scale = model.manifest
    corpus = replace(
        corpus,
        sentiment_scores=corpus.sentiment_scores / scale.sentiment_temperature,
        cause_scores=corpus.cause_scores / scale.cause_temperature,
    )
    training, gold = corpus.training, corpus.measured
    asserted = scale.thresholds.cause
    untaught = _fit(training, rows, np.zeros(len(rows.fold), np.bool_), Heads())
    candidate, before = _fit(training, rows, np.ones(len(rows.fold), np.bool_), untaught), lesson.serving or Heads()
    rivals = {
        "serving": _reading(before, gold, asserted),
        "shipped": _reading(Heads(), gold, asserted),
        "untaught": _reading(untaught, gold, asserted),
    }
    after = _reading(candidate, gold, asserted)
    held_back = _held_back(training, rows, before, untaught, asserted)
    own, found = fit_own(lesson.causes, rows.taught, rows.vectors, training.vectors, asserted)
    candidate = replace(
        candidate,
        own=tuple(own),
        own_columns=np.column_stack(list(own.values())) if own else Heads().own_columns,
        splits=tuple(fit_splits(lesson.causes, rows.taught, rows.vectors, _read_definitions(lesson, model))),
    )
    return Outcome(
        heads=candidate,
        verdict=judge(after, rivals, held_back),
        scores=_scores(rivals["serving"], after, held_back, found),
        confusion=_confusion(before, candidate, gold),
        counts=_counts(lesson, rows, training, gold, held_back),
    )


def read(lesson: Lesson, model: Model) -> Rows:
    """What was taught, as the model reads it; a text in which there is nothing to read teaches nothing."""
    both = [(row, answer) for row in taught(lesson.said, lesson.causes) if (answer := model.raw(row.text)) is not None]
    labels = [_labels(row, lesson.causes) for row, _ in both]
    count = len(both)
    return Rows(
        vectors=np.array([a[2] for _, a in both], dtype=np.float64).reshape(count, -1 if count else 384),
        sentiment_scores=np.array([a[0] for _, a in both], dtype=np.float64).reshape(count, len(SENTIMENTS))
        / model.manifest.sentiment_temperature,
        cause_scores=np.array([a[1] for _, a in both], dtype=np.float64).reshape(count, len(CAUSE_KEYS))
        / model.manifest.cause_temperature,
        sentiment=np.array([SENTIMENTS.index(r.sentiment[0]) if r.sentiment else 0 for r, _ in both], dtype=np.int64),
        sentiment_weight=np.array([r.sentiment[1] if r.sentiment else 0.0 for r, _ in both]),
        causes=np.array([holds for holds, _ in labels], dtype=np.float64).reshape(count, len(CAUSE_KEYS)),
        cause_weight=np.array([worth for _, worth in labels], dtype=np.float64).reshape(count, len(CAUSE_KEYS)),
        fold=np.array([_fold(row) for row, _ in both], dtype=np.int64),
        new=np.array([lesson.serving_since is None or row.newest > lesson.serving_since for row, _ in both], np.bool_),
        taught=[row for row, _ in both],
    )


def _labels(row: Taught, causes: Sequence[KnownCause]) -> tuple[list[float], list[float]]:
    """(holds, weight) for each cause that the weights know, from votes that are in today's words."""
    known = {cause.key: cause for cause in causes}
    parts: dict[str, list[str]] = {}
    for cause in causes:
        if cause.split_from:
            parts.setdefault(cause.split_from, []).append(cause.key)
    holds, worth = [0.0] * len(CAUSE_KEYS), [0.0] * len(CAUSE_KEYS)
    for column, key in enumerate(CAUSE_KEYS):
        cause, vote = known[key], None
        if cause.active:
            vote = row.votes.get(key)
        elif key in parts:  # the whole holds where a part does, and does not where none does
            said = [row.votes[part] for part in parts[key] if part in row.votes]
            if len(said) == len(parts[key]) or any(each[0] for each in said):
                vote = max(said)
        elif cause.today != key:  # merged: where the successor holds it is unknown which of them was meant
            vote = row.votes.get(cause.today)
            vote = None if vote and vote[0] else vote
        if vote:
            holds[column], worth[column] = float(vote[0]), vote[1]
    return holds, worth


def _fit(training: Corpus, rows: Rows, use: NDArray[np.bool_], start: Heads) -> Heads:
    """The heads fitted on the corpus and on the taught rows in `use`; each task only if any row taught it."""
    return Heads(
        sentiment=_fit_sentiment(training, rows, use, start) if rows.sentiment_weight.any() else start.sentiment,
        causes=_fit_causes(training, rows, use, start) if rows.cause_weight.any() else start.causes,
    )


def _hold(training: Corpus) -> Floats:
    """The metric in which moving costs: the shipped model knows the corpus by heart, so its labels alone hold nothing.

    What a correction asks for in the words that it shares with all feedback would move every score a little; that
    is dear. What it asks for in words of its own moves few, and is cheap.
    """
    rows = with_one(training.vectors)
    return np.asarray(HOLD * np.eye(rows.shape[1]) + ANCHOR * rows.T @ rows)


def _fit_sentiment(training: Corpus, rows: Rows, use: NDArray[np.bool_], start: Heads) -> Floats:
    judged = training.sentiment >= 0
    truth = np.concatenate([training.sentiment[judged], rows.sentiment[use]]).astype(np.int64)
    return multinomial(
        with_one(np.vstack([training.vectors[judged], rows.vectors[use]])),
        np.vstack([training.sentiment_scores[judged], rows.sentiment_scores[use]]),
        np.eye(len(SENTIMENTS))[truth],
        np.concatenate([np.ones(int(judged.sum())), WORTH * rows.sentiment_weight[use]]),
        hold=_hold(training),
        start=start.sentiment,
    )


def _fit_causes(training: Corpus, rows: Rows, use: NDArray[np.bool_], start: Heads) -> Floats:
    return binary(
        with_one(np.vstack([training.vectors, rows.vectors[use]])),
        np.vstack([training.cause_scores, rows.cause_scores[use]]),
        np.vstack([np.maximum(training.causes, 0), rows.causes[use]]).astype(np.float64),
        np.vstack([(training.causes >= 0).astype(np.float64), WORTH * rows.cause_weight[use]]),
        hold=_hold(training),
        start=start.causes,
    )


def _reading(heads: Heads, gold: Corpus, threshold: float) -> Reading:
    sentiment = heads.sentiment_chances(gold.sentiment_scores, gold.vectors)
    causes = np.clip(heads.cause_chances(gold.cause_scores, gold.vectors), 1e-9, 1 - 1e-9)
    felt = gold.sentiment >= 0
    right = sentiment.argmax(axis=1) == gold.sentiment
    known = gold.causes >= 0
    truth = np.maximum(gold.causes, 0)
    each = -(truth * np.log(causes) + (1 - truth) * np.log(1 - causes)) * known
    judged = known.any(axis=1)
    likely = sentiment[np.arange(len(sentiment)), np.maximum(gold.sentiment, 0)]
    return Reading(
        {
            "sentiment": right[felt].astype(np.float64),
            "negative_recall": right[gold.sentiment == 0].astype(np.float64),
            "causes": _agreement(causes, gold.causes, threshold)[judged],
            "sentiment_loss": np.log(np.maximum(likely, 1e-9))[felt],
            "causes_loss": -each.sum(axis=1)[judged],
        }
    )


def _agreement(chances: Floats, labels: NDArray[Any], threshold: float) -> Floats:
    """For each row the share of what was said or is true that is both (Jaccard); 1 where nothing is, nor was said."""
    known = labels >= 0
    said, true = (chances >= threshold) & known, labels == 1
    either = (said | true).sum(axis=1)
    return np.where(either == 0, 1.0, (said & true).sum(axis=1) / np.maximum(either, 1))


def _held_back(
    training: Corpus, rows: Rows, before: Heads, untaught: Heads, threshold: float
) -> list[tuple[str, Floats, Floats, Floats]]:
    """Each correction younger than what serves, read by heads fitted without it: right before, right after, weights."""
    folds = sorted(set(rows.fold[rows.new].tolist()))
    fits = {fold: _fit(training, rows, rows.fold != fold, untaught) for fold in folds}
    told, named = [], []
    for index in np.flatnonzero(rows.new):
        heads = fits[int(rows.fold[index])]
        one = slice(int(index), int(index) + 1)
        if rows.sentiment_weight[index] > 0:
            right = [_felt(each, rows, one) == rows.sentiment[index] for each in (before, heads)]
            told.append((*map(float, right), float(rows.sentiment_weight[index])))
        if rows.cause_weight[index].any():
            asked = rows.cause_weight[index] > 0
            labels = np.where(asked, rows.causes[index], -1)[None, :]
            both = [
                float(_agreement(each.cause_chances(rows.cause_scores[one], rows.vectors[one]), labels, threshold)[0])
                for each in (before, heads)
            ]
            named.append((*both, float(rows.cause_weight[index].max())))
    return [(field, *np.array(found).T) for field, found in (("sentiment", told), ("causes", named)) if found]


def _felt(heads: Heads, rows: Rows, one: slice) -> int:
    return int(heads.sentiment_chances(rows.sentiment_scores[one], rows.vectors[one]).argmax())


def _read_definitions(lesson: Lesson, model: Model) -> dict[str, Floats]:
    parts = {cause.key: model.raw(Text(cause.definition)) for cause in lesson.causes if cause.split_from}
    return {key: np.asarray(answer[2], dtype=np.float64) for key, answer in parts.items() if answer is not None}


def _scores(
    before: Reading, after: Reading, held_back: Sequence[tuple[str, Floats, Floats, Floats]], found: Sequence[Found]
) -> dict[str, Any]:
    def pair(first: Floats, second: Floats) -> dict[str, float]:
        return {"before": round(float(first.mean()), 4), "after": round(float(second.mean()), 4), "n": len(first)}

    sign = {name: -1.0 if name.endswith("_loss") else 1.0 for name in before.by_measure}
    gold = {
        name: pair(sign[name] * rows, sign[name] * after.by_measure[name])
        for name, rows in before.by_measure.items()
        if len(rows)
    }
    return {
        "gold": gold,
        "held_back": {field: pair(was, now) for field, was, now, _ in held_back},
        "new_causes": {
            each.key: {"examples": each.examples, "found": each.found, "false_alarms": each.false_alarms}
            for each in found
        },
    }


def _confusion(before: Heads, after: Heads, gold: Corpus) -> dict[str, Any]:
    felt = gold.part(gold.sentiment >= 0)

    def table(heads: Heads) -> list[list[int]]:
        said = heads.sentiment_chances(felt.sentiment_scores, felt.vectors).argmax(axis=1)
        counts = np.zeros((len(SENTIMENTS), len(SENTIMENTS)), dtype=np.int64)
        np.add.at(counts, (felt.sentiment, said), 1)
        return [[int(number) for number in row] for row in counts]

    return {"labels": list(SENTIMENTS), "before": table(before), "after": table(after)}


def _counts(
    lesson: Lesson, rows: Rows, training: Corpus, gold: Corpus, held_back: Sequence[tuple[str, Floats, Floats, Floats]]
) -> dict[str, int]:
    return {
        "corrections": len(lesson.said),
        "texts": len(rows.taught),
        "people": len({each.by for each in lesson.said}),
        "corpus": len(training.vectors),
        "gold": len(gold.vectors),
        "held_back": sum(len(was) for _, was, _, _ in held_back),
    }


def _fold(row: Taught) -> int:
    return int(hashlib.sha256(key_of(row.text).encode()).hexdigest()[:8], 16) % FOLDS
