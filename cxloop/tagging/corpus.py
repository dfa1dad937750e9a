"""What a shipped model carries so that it can go on learning: its vectors and raw scores for the training corpus and
for the frozen gold set, with their labels. Half precision, no text; about 900 bytes a row.
"""

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cxloop.errors import CxloopError
from cxloop.tagging.rows import Row
from cxloop.tagging.tagger import Text
from cxloop.tagging.taxonomy import CAUSE_KEYS, SENTIMENTS

FILE = "corpus.npz"
UNKNOWN = -1

Floats = NDArray[np.float64]
Labels = NDArray[np.int8]


class Reader(Protocol):
    """What is asked of a model here: its raw answer to one text, None where there is nothing to read."""

    version: str

    def raw(self, text: Text) -> tuple[Any, Any, Any] | None: ...


@dataclass(frozen=True, slots=True)
class Corpus:
    """n rows. `sentiment` and `causes` are labels, UNKNOWN where nobody judged; `gold` rows are only measured on."""

    vectors: Floats  # n × 384, of length 1
    sentiment_scores: Floats  # n × 3, uncalibrated
    cause_scores: Floats  # n × 16, uncalibrated
    sentiment: Labels  # n
    causes: Labels  # n × 16, 1 and 0
    gold: NDArray[np.bool_]  # n
    industries: NDArray[np.str_]  # n

    def part(self, chosen: NDArray[Any]) -> "Corpus":
        return Corpus(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @property
    def training(self) -> "Corpus":
        return self.part(~self.gold)

    @property
    def measured(self) -> "Corpus":
        return self.part(self.gold)

    def write(self, folder: Path, *, version: str) -> None:
        """Beside the model whose answers these are."""
        halves = {"vectors", "sentiment_scores", "cause_scores"}
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        packed: dict[str, Any] = {n: a.astype(np.float16) if n in halves else a for n, a in arrays.items()}
        np.savez_compressed(folder / FILE, allow_pickle=False, version=np.array(version), **packed)

    @classmethod
    def read(cls, folder: Path, *, version: str) -> "Corpus":
        """Raises CxloopError if the folder has none, or one that another model made."""
        path = folder / FILE
        try:
            with np.load(path, allow_pickle=False) as kept:
                made_by = str(kept["version"])
                arrays = {field.name: kept[field.name] for field in fields(cls)}
        except FileNotFoundError as error:
            raise CxloopError(
                f"{folder} has no {FILE}, so this model cannot learn: `cxloop model train` writes one."
            ) from error
        except (OSError, EOFError, KeyError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            raise CxloopError(f"{path} cannot be read ({error}).") from error
        if made_by != version:
            raise CxloopError(f"{path} was made by the model {made_by}, not by {version}.")
        for name in ("vectors", "sentiment_scores", "cause_scores"):
            arrays[name] = arrays[name].astype(np.float64)
        return cls(**arrays)


def make(rows: Sequence[Row], gold: Sequence[Row], tagger: Reader) -> Corpus:
    """The corpus of rows to learn from and rows to measure on, as the tagger reads them, one text at a time."""
    answers = [
        (row, is_gold, answer)
        for part, is_gold in ((rows, False), (gold, True))
        for row in part
        if (answer := tagger.raw(Text(row.text, row.question))) is not None
    ]
    return Corpus(
        vectors=np.array([answer[2] for _, _, answer in answers], dtype=np.float64),
        sentiment_scores=np.array([answer[0] for _, _, answer in answers], dtype=np.float64),
        cause_scores=np.array([answer[1] for _, _, answer in answers], dtype=np.float64),
        sentiment=np.array([_sentiment(row) for row, _, _ in answers], dtype=np.int8),
        causes=np.array([_causes(row) for row, _, _ in answers], dtype=np.int8),
        gold=np.array([is_gold for _, is_gold, _ in answers], dtype=np.bool_),
        industries=np.array([row.industry for row, _, _ in answers]),
    )


def _sentiment(row: Row) -> int:
    return SENTIMENTS.index(row.sentiment) if row.sentiment else UNKNOWN


def _causes(row: Row) -> list[int]:
    if row.causes is None:
        return [UNKNOWN] * len(CAUSE_KEYS)
    return [UNKNOWN if cause in row.ignored else int(cause in row.causes) for cause in CAUSE_KEYS]
