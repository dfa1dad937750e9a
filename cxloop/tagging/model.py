"""The tagger that serves: a small transformer on ONNX Runtime, read from a folder with a manifest.

A folder holds model.int8.onnx, tokenizer.json, config.json and manifest.json; the manifest names the sha256 of each,
what the graph answers, how its scores become confidences and from where on they are said. Nothing in a folder is ever
executed or unpickled. One text at a time: dynamic int8 scales by the whole batch, so that a comment would change its
label with its neighbours.
"""

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxloop.errors import CxloopError
from cxloop.tagging.calibration import Floats, sigmoid, softmax
from cxloop.tagging.conclusion import Thresholds, conclude
from cxloop.tagging.tagger import Suggestion, Text
from cxloop.tagging.taxonomy import CAUSE_KEYS, SENTIMENTS

GRAPH, TOKENIZER, CONFIG, MANIFEST = "model.int8.onnx", "tokenizer.json", "config.json", "manifest.json"
MAX_TOKENS = 256
_MAX_CHARACTERS = 4_000  # more than 256 tokens ever cover in prose
_MAX_QUESTION = 160
_PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib"}


class ModelError(CxloopError):
    """A model folder that cannot serve, and why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    version: str
    sha256: dict[str, str]  # by file name
    sentiment_temperature: float
    cause_temperature: float
    thresholds: Thresholds

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Raises ModelError if there is none, or it names another taxonomy than this release knows."""
        path = folder / MANIFEST
        if folder.suffix in _PICKLES or (folder.is_dir() and not path.is_file()):
            raise ModelError(f"{folder}: only a folder with {MANIFEST} and an ONNX graph is loaded, never a pickle.")
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            if tuple(said["sentiments"]) != SENTIMENTS or tuple(said["causes"]) != CAUSE_KEYS:
                raise ModelError(f"{folder}: made for another list of sentiments or causes than this release has.")
            return cls(
                version=str(said["version"]),
                sha256={name: str(about["sha256"]) for name, about in said["files"].items()},
                sentiment_temperature=float(said["temperatures"]["sentiment"]),
                cause_temperature=float(said["temperatures"]["causes"]),
                thresholds=Thresholds(**{name: float(value) for name, value in said["thresholds"].items()}),
            )
        except OSError as error:
            raise ModelError(f"{path} cannot be read ({error.strerror}).") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{path} is not a manifest of a tagger ({error}).") from error

    def check(self, folder: Path) -> None:
        """Raises ModelError unless graph, tokenizer and configuration are, byte for byte, those that were measured."""
        for name in (GRAPH, TOKENIZER, CONFIG):
            try:
                digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
            except OSError as error:
                raise ModelError(f"{folder / name} cannot be read ({error.strerror}).") from error
            if digest != self.sha256.get(name):
                raise ModelError(f"{folder / name} is not the file that the manifest names (sha256 differs).")


class OnnxTagger:
    """Answers for whatever it is given: where nothing can be read it abstains, it never raises for a text."""

    def __init__(self, folder: Path) -> None:
        """Raises ModelError if the folder is no complete, unaltered model."""
        manifest = Manifest.read(folder)
        manifest.check(folder)
        self.version = manifest.version
        self.manifest = manifest
        self._tokenizer = load_tokenizer(folder)
        self._session = _session(folder / GRAPH)

    def suggest(self, texts: Sequence[Text]) -> list[Suggestion]:
        return [self._suggest(text) for text in texts]

    def raw(self, text: Text) -> tuple[Floats, Floats, Floats] | None:
        """(sentiment scores, cause scores, embedding), uncalibrated; None where there is nothing to read."""
        readable = prepare(text.text)
        if not any(map(str.isalnum, readable)):
            return None
        inputs = encode(self._tokenizer, text, readable)
        sentiment, causes, embedding = self._session.run(
            None, {name: np.array([ids], dtype=np.int64) for name, ids in inputs.items()}
        )
        return sentiment[0].astype(np.float64), causes[0].astype(np.float64), embedding[0]

    def _suggest(self, text: Text) -> Suggestion:
        manifest = self.manifest
        answer = self.raw(text)
        if answer is None:
            sentiments = dict.fromkeys(("neutral", "negative", "positive"), 1 / 3)
            return conclude(text, sentiments=sentiments, causes={}, thresholds=manifest.thresholds, model=self.version)
        sentiment = softmax(answer[0] / manifest.sentiment_temperature)
        causes = sigmoid(answer[1] / manifest.cause_temperature)
        return conclude(
            text,
            sentiments=dict(zip(SENTIMENTS, map(float, sentiment), strict=True)),
            causes=dict(zip(CAUSE_KEYS, map(float, causes), strict=True)),
            thresholds=manifest.thresholds,
            model=self.version,
            embedding=answer[2].astype("<f4").tobytes(),
        )


_EMOJI = {"\u2764": "love", "\U0001f44d": "good", "\U0001f44e": "bad"}  # where the name would mislead or says little
_LINK = re.compile(r"(?:https?://|www\.)\S{1,2000}")
_HANDLE = re.compile(r"(?<!\w)@\w{1,50}")


def prepare(text: str) -> str:
    """The text as the encoder reads it, in training and in service: no links, no handles, emoji as words, one line."""
    text = unicodedata.normalize("NFC", text[: 5 * _MAX_CHARACTERS])
    text = _HANDLE.sub("[NAME]", _LINK.sub("[LINK]", text))
    return " ".join("".join(map(_spoken, text)).split())[:_MAX_CHARACTERS]


def _spoken(character: str) -> str:
    """An emoji by its name, a control character or half a surrogate pair as a space, all else as it is."""
    if character < "\u00a0":
        return character if character >= " " and character != "\x7f" else " "
    category = unicodedata.category(character)
    if category == "So":
        return f" {_EMOJI.get(character) or unicodedata.name(character, '').lower()} "
    if category[0] == "C" or category == "Sk" or character == "\ufe0f":
        return " "
    return character


def encode(tokenizer: Any, text: Text, readable: str) -> dict[str, list[int]]:
    """Token ids of the question, if there is one, and the text: at most MAX_TOKENS, the end cut off."""
    question = prepare(text.question[:_MAX_QUESTION]) if text.question else ""
    parts = (question, readable) if question else (readable,)
    encoded = tokenizer(*parts, truncation=True, max_length=MAX_TOKENS, return_token_type_ids=True)
    return {name: encoded[name] for name in ("input_ids", "attention_mask", "token_type_ids")}


def want_no_torch() -> None:
    """Before transformers is imported: it warns on the terminal that there is no torch, which is how we serve."""
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")


def load_tokenizer(folder: Path) -> Any:
    """The folder's tokenizer.json, and nothing but that: no code, no network."""
    want_no_torch()
    from transformers import PreTrainedTokenizerFast  # slow to import: only where a model is loaded

    try:
        return PreTrainedTokenizerFast(
            tokenizer_file=str(folder / TOKENIZER),
            unk_token="[UNK]",
            sep_token="[SEP]",
            pad_token="[PAD]",
            cls_token="[CLS]",
            mask_token="[MASK]",
            model_max_length=MAX_TOKENS,
        )
    except Exception as error:  # the Rust tokenizer raises plain Exception
        raise ModelError(f"{folder / TOKENIZER} is not a tokenizer ({error}).") from error


def load_encoder(folder: Path) -> Any:
    """The base encoder as a torch module, from config.json and model.safetensors; needs the train extra."""
    from transformers import BertModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()  # it reports the pooling layer, which we leave away
    return BertModel.from_pretrained(
        folder, attn_implementation="eager", local_files_only=True, use_safetensors=True, add_pooling_layer=False
    )


def _session(graph: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own exception classes share no public base
        raise ModelError(f"{graph} is not a graph that ONNX Runtime can run ({error}).") from error
