"""Heads that were learnt in this installation, over the vectors of a shipped model that stays as it is.

What is learnt is a difference: to the shipped model's calibrated score of a label comes a linear function of the
text's vector. A difference of nothing is the shipped model itself. A cause of the company's own has a linear score
alone; the parts of a split cause share what its whole is given.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from cxloop.errors import CxloopError
from cxloop.tagging.calibration import sigmoid, softmax
from cxloop.tagging.conclusion import Thresholds, conclude
from cxloop.tagging.tagger import Suggestion, Text
from cxloop.tagging.taxonomy import CAUSE_KEYS, SENTIMENTS

Floats = NDArray[np.float64]
WIDTH = 384


class Calibration(Protocol):
    """What the manifest of a model says of its scores."""

    @property
    def sentiment_temperature(self) -> float: ...
    @property
    def cause_temperature(self) -> float: ...
    @property
    def thresholds(self) -> Thresholds: ...


@runtime_checkable
class Model(Protocol):
    """A shipped model: a Tagger that also gives its raw answers."""

    version: str

    @property
    def manifest(self) -> Calibration: ...
    def raw(self, text: Text) -> tuple[Any, Any, Any] | None: ...
    def suggest(self, texts: Sequence[Text]) -> list[Suggestion]: ...


@dataclass(frozen=True, slots=True)
class Split:
    """The parts of a cause that was split, and the columns (385 × parts) that say how they share it."""

    of: str
    parts: tuple[str, ...]
    columns: Floats


@dataclass(frozen=True, slots=True)
class Heads:
    """Each column has 384 weights and, last, its bias."""

    sentiment: Floats = field(default_factory=lambda: np.zeros((WIDTH + 1, len(SENTIMENTS))))
    causes: Floats = field(default_factory=lambda: np.zeros((WIDTH + 1, len(CAUSE_KEYS))))
    own: tuple[str, ...] = ()
    own_columns: Floats = field(default_factory=lambda: np.zeros((WIDTH + 1, 0)))
    splits: tuple[Split, ...] = ()

    def sentiment_chances(self, calibrated: Floats, vectors: Floats) -> Floats:
        """n × 3, from the shipped model's calibrated scores and the vectors of n texts."""
        return softmax(calibrated + with_one(vectors) @ self.sentiment)

    def cause_chances(self, calibrated: Floats, vectors: Floats) -> Floats:
        """n × 16, of the causes that the weights know."""
        return sigmoid(calibrated + with_one(vectors) @ self.causes)

    def chances_by_name(self, calibrated: Floats, vector: Floats) -> dict[str, float]:
        """Of every cause, the company's own too, for one text."""
        alone = vector[None, :]
        said = dict(zip(CAUSE_KEYS, self.cause_chances(calibrated[None, :], alone)[0], strict=True))
        said |= zip(self.own, sigmoid(with_one(alone) @ self.own_columns)[0], strict=True)
        for split in self.splits:
            whole = said.pop(split.of, 0.0)
            shares = softmax(with_one(alone) @ split.columns)[0]
            said |= {part: whole * share for part, share in zip(split.parts, shares, strict=True)}
        return {name: float(chance) for name, chance in said.items()}

    def to_bytes(self) -> bytes:
        """For the database: plain arrays, nothing that could be executed."""
        names = {"own": self.own, "splits": [[split.of, *split.parts] for split in self.splits]}
        file = io.BytesIO()
        np.savez_compressed(
            file,
            allow_pickle=False,
            names=np.array(json.dumps(names)),
            sentiment=self.sentiment.astype(np.float32),
            causes=self.causes.astype(np.float32),
            own=self.own_columns.astype(np.float32),
            **{f"split_{n}": split.columns.astype(np.float32) for n, split in enumerate(self.splits)},
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, packed: bytes) -> "Heads":
        """Raises CxloopError for anything else than what `to_bytes` makes."""
        try:
            with np.load(io.BytesIO(packed), allow_pickle=False) as kept:
                names = json.loads(str(kept["names"]))
                heads = cls(
                    sentiment=_columns(kept["sentiment"], len(SENTIMENTS)),
                    causes=_columns(kept["causes"], len(CAUSE_KEYS)),
                    own=tuple(names["own"]),
                    own_columns=_columns(kept["own"], len(names["own"])),
                    splits=tuple(
                        Split(of, tuple(parts), _columns(kept[f"split_{n}"], len(parts)))
                        for n, (of, *parts) in enumerate(names["splits"])
                    ),
                )
        except (OSError, EOFError, KeyError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            raise CxloopError(f"These are no heads ({error}).") from error
        return heads


class LearnedTagger:
    """A shipped model whose answers the heads decide. One text at a time: no neighbour changes an answer."""

    def __init__(self, base: Model, heads: Heads, *, number: int) -> None:
        """`number` is the id of the heads' version; the suggestions name it behind the model's."""
        self.base = base
        self.version = f"{base.version}+{number}"
        self._heads = heads

    def suggest(self, texts: Sequence[Text]) -> list[Suggestion]:
        return [self._suggest(text) for text in texts]

    def _suggest(self, text: Text) -> Suggestion:
        answer = self.base.raw(text)
        if answer is None:
            return self.base.suggest([text])[0]
        scale = self.base.manifest
        scores, cause_scores, vector = (np.asarray(part, dtype=np.float64) for part in answer)
        scores, cause_scores = scores / scale.sentiment_temperature, cause_scores / scale.cause_temperature
        sentiment = self._heads.sentiment_chances(scores[None, :], vector[None, :])[0]
        return conclude(
            text,
            sentiments=dict(zip(SENTIMENTS, map(float, sentiment), strict=True)),
            causes=self._heads.chances_by_name(cause_scores, vector),
            thresholds=scale.thresholds,
            model=self.version,
            embedding=vector.astype("<f4").tobytes(),
        )


def with_one(vectors: Floats) -> Floats:
    """The vectors, each followed by the 1 that the bias stands on."""
    return np.hstack([vectors, np.ones((len(vectors), 1))])


def _columns(array: Any, count: int) -> Floats:
    if array.shape != (WIDTH + 1, count) or not np.isfinite(array).all():
        raise ValueError(f"columns of the shape {array.shape}")
    return np.asarray(array, dtype=np.float64)
