"""Making a tagger: fine-tune the base encoder on labelled rows, export it to int8 ONNX, measure the exported graph.

Needs the train extra (torch, onnx, scikit-learn, safetensors). Everything that decides without torch is in rows.py,
calibration.py and scoring.py. The same rows, base, options and seed on the same machine give the same weights.
"""

import hashlib
import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cxloop.tagging import corpus, scoring
from cxloop.tagging.calibration import cause_temperature, sentiment_temperature, sigmoid, softmax, thresholds
from cxloop.tagging.conclusion import Thresholds
from cxloop.tagging.model import (
    CONFIG,
    GRAPH,
    MANIFEST,
    TOKENIZER,
    OnnxTagger,
    encode,
    load_encoder,
    load_tokenizer,
    prepare,
)
from cxloop.tagging.rows import Row, draw, hold_out, with_plain_questions
from cxloop.tagging.tagger import Text
from cxloop.tagging.taxonomy import CAUSE_KEYS, SENTIMENTS

# Rows drawn from each source beside our corpus; a source that is not named is taken whole.
CAPS = {"train_goemotions": 7000, "train_clothing": 1000, "train_banking77": 1200, "train_cfpb": 500}

# What an absent cause is worth as a lesson: all where every cause was judged, little where a row carries one label.
_ABSENT_ELSEWHERE = 0.2
_TRAIN_TOKENS = 160  # longer letters are cut in training, which spares two thirds of its time
_TOKENS_A_BATCH = 1024


@dataclass(frozen=True, slots=True)
class Options:
    epochs: int = 3
    seed: int = 7
    own_weight: int = 2  # how often a row of our corpus is seen in an epoch
    encoder_rate: float = 6e-5
    head_rate: float = 1e-3


class Network(nn.Module):
    """The encoder with two heads over the mean of its tokens; the mean itself, at length 1, is the third answer."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        width = encoder.config.hidden_size
        self.dropout = nn.Dropout(0.1)
        self.sentiment = nn.Linear(width, len(SENTIMENTS))
        self.causes = nn.Linear(width, len(CAUSE_KEYS))

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        states = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        mean = (states * mask).sum(1) / mask.sum(1)
        return (
            self.sentiment(self.dropout(mean)),
            self.causes(self.dropout(mean)),
            nn.functional.normalize(mean, dim=-1),
        )


def train(
    rows: Sequence[Row], *, base: Path, out: Path, version: str, options: Options, say: Callable[[str], None]
) -> dict[str, Any]:
    """Trains on `rows` but for those held out, writes a model folder to `out` and returns its manifest.

    `base` is a checked folder with config.json, tokenizer.json and model.safetensors; `say` hears one line a step.
    """
    torch.manual_seed(options.seed)
    torch.use_deterministic_algorithms(True)
    learn, measure = hold_out(rows)
    sample = with_plain_questions(
        draw(learn, caps=CAPS, own_weight=options.own_weight, seed=options.seed), seed=options.seed
    )
    say(f"{len(sample)} rows to learn from, {len(measure)} held out")
    tokenizer = load_tokenizer(base)
    network = Network(load_encoder(base))
    _fit(network, tokenizer, sample, options, say)
    out.mkdir(parents=True, exist_ok=True)
    for name in (TOKENIZER, CONFIG):
        shutil.copyfile(base / name, out / name)
    _export(network.eval(), out / GRAPH)
    say(f"exported {out / GRAPH}, {(out / GRAPH).stat().st_size / 1e6:.1f} MB")
    manifest = _measured(out, version, measure, learned=_described(sample, options), say=say)
    keep_corpus([row for row in learn if row.own], [row for row in measure if row.own], out, version=version)
    return manifest


def keep_corpus(rows: Sequence[Row], gold: Sequence[Row], out: Path, *, version: str) -> None:
    """Writes what `cxloop model learn` starts from: our rows as this model reads them."""
    corpus.make(rows, gold, OnnxTagger(out)).write(out, version=version)


def _fit(network: Network, tokenizer: Any, rows: list[Row], options: Options, say: Callable[[str], None]) -> None:
    encoded = [encode(tokenizer, Text(row.text, row.question), prepare(row.text)) for row in rows]
    generator = torch.Generator().manual_seed(options.seed)
    steps = sum(1 for _ in _batches(encoded, torch.Generator().manual_seed(0))) * options.epochs
    heads = [*network.sentiment.parameters(), *network.causes.parameters()]
    half = _has_bfloat16()
    optimizer = torch.optim.AdamW(
        [
            {"params": network.encoder.parameters(), "lr": options.encoder_rate},
            {"params": heads, "lr": options.head_rate},
        ],
        weight_decay=0.01,
        fused=True,
    )
    # The number of batches of an epoch varies by a few with the shuffling, hence the floor.
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(step / (0.08 * steps), max(0.01, (steps - step) / (0.92 * steps)))
    )
    weigh = _Loss(rows)
    network.train()
    for epoch in range(options.epochs):
        started, total, count = time.perf_counter(), 0.0, 0
        for batch in _batches(encoded, generator):
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                sentiment, causes, _ = network(**_padded([encoded[index] for index in batch]))
            loss = weigh(batch, sentiment.float(), causes.float())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total, count = total + float(loss.detach()), count + 1
        say(f"epoch {epoch + 1}: loss {total / count:.3f}, {time.perf_counter() - started:.0f} s")


def _has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 matrices itself: three times as fast, and good enough."""
    return bool(torch.cpu.get_capabilities().get("amx_bf16"))


class _Loss:
    """Cross-entropy of the sentiment and of each cause, over the labels that are known, rare classes weighted up."""

    def __init__(self, rows: Sequence[Row]) -> None:
        known = Counter(row.sentiment for row in rows if row.sentiment)
        mean = sum(known.values()) / max(1, len(known))
        self.sentiment = torch.tensor([SENTIMENTS.index(row.sentiment) if row.sentiment else -100 for row in rows])
        self.class_weight = torch.tensor([(mean / max(1, known[name])) ** 0.5 for name in SENTIMENTS])
        self.causes = torch.tensor([[float(cause in (row.causes or ())) for cause in CAUSE_KEYS] for row in rows])
        self.mask = torch.tensor([[_worth(row, cause) for cause in CAUSE_KEYS] for row in rows])
        positive = (self.causes * self.mask).sum(0)
        negative = ((1 - self.causes) * self.mask).sum(0)
        self.positive_weight = (negative / positive.clamp(min=1.0)).sqrt().clamp(1.0, 8.0)

    def __call__(self, batch: Sequence[int], sentiment: Tensor, causes: Tensor) -> Tensor:
        truth = self.sentiment[batch]
        loss = torch.zeros(())
        if (truth >= 0).any():
            loss = loss + nn.functional.cross_entropy(
                sentiment, truth, weight=self.class_weight, label_smoothing=0.05, ignore_index=-100
            )
        mask = self.mask[batch]
        if mask.sum() > 0:
            each = nn.functional.binary_cross_entropy_with_logits(
                causes, self.causes[batch], pos_weight=self.positive_weight, reduction="none"
            )
            loss = loss + 4.0 * (each * mask).sum() / mask.sum().clamp(min=float(len(CAUSE_KEYS)))
        return loss


def _worth(row: Row, cause: str) -> float:
    """How much a row teaches about a cause: nothing if it was not judged."""
    if cause in row.ignored:
        return 0.0
    if row.causes is None:
        # Causes say why somebody is unhappy, so praise has none.
        return _ABSENT_ELSEWHERE if row.sentiment == "positive" else 0.0
    return 1.0 if row.own or cause in row.causes else _ABSENT_ELSEWHERE


def _batches(encoded: Sequence[dict[str, list[int]]], generator: torch.Generator) -> Iterator[list[int]]:
    """Row numbers in batches of similar length and about equal work, in random order."""
    shuffled = torch.randperm(len(encoded), generator=generator).tolist()
    batches: list[list[int]] = []
    for start in range(0, len(shuffled), 2048):
        batch: list[int] = []
        for index in sorted(shuffled[start : start + 2048], key=lambda i: len(encoded[i]["input_ids"])):
            length = min(_TRAIN_TOKENS, len(encoded[index]["input_ids"]))
            if batch and (len(batch) + 1) * length > _TOKENS_A_BATCH:
                batches.append(batch)
                batch = []
            batch.append(index)
        batches.append(batch)
    for position in torch.randperm(len(batches), generator=generator).tolist():
        yield batches[position]


def _padded(encoded: Sequence[dict[str, list[int]]]) -> dict[str, Tensor]:
    length = min(_TRAIN_TOKENS, max(len(row["input_ids"]) for row in encoded))
    return {
        name: torch.tensor([(row[name] + [0] * length)[:length] for row in encoded])
        for name in ("input_ids", "attention_mask", "token_type_ids")
    }


def _export(network: Network, graph: Path) -> None:
    """The network as one int8 graph; seven bits a weight, so that processors without VNNI give the same answers."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    names = ["input_ids", "attention_mask", "token_type_ids"]
    example = tuple(torch.ones((1, 8), dtype=torch.int64) for _ in names)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "model.onnx"
        torch.onnx.export(
            network,
            example,
            str(plain),
            input_names=names,
            output_names=["sentiment", "causes", "embedding"],
            dynamic_axes={name: {0: "rows", 1: "tokens"} for name in names},
            opset_version=17,
            dynamo=False,
        )
        quantize_dynamic(plain, graph, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)


def _measured(
    out: Path, version: str, rows: Sequence[Row], *, learned: dict[str, Any], say: Callable[[str], None]
) -> dict[str, Any]:
    """Writes the manifest: temperatures and thresholds as the exported graph itself needs them, and its figures."""
    manifest: dict[str, Any] = {
        "version": version,
        "sentiments": list(SENTIMENTS),
        "causes": list(CAUSE_KEYS),
        "files": {name: _about(out / name) for name in (GRAPH, TOKENIZER, CONFIG)},
        "temperatures": {"sentiment": 1.0, "causes": 1.0},
        "thresholds": asdict(Thresholds(cause=0.5, sure_sentiment=0.0, sure_causes=0.0)),
        "training": learned,
    }
    _write(out, manifest)
    manifest |= _calibrated(OnnxTagger(out), rows)
    _write(out, manifest)
    tagger = OnnxTagger(out)
    manifest["held_out"] = {
        name: scoring.score(part, tagger.suggest([Text(row.text, row.question) for row in part]))
        for name, part in (("own", [r for r in rows if r.own]), ("elsewhere", [r for r in rows if not r.own]))
        if part
    }
    manifest["held_out"]["industries"] = sorted({row.industry for row in rows if row.own})
    _write(out, manifest)
    say(f"measured on {len(rows)} held-out rows")
    return manifest


def _calibrated(tagger: OnnxTagger, rows: Sequence[Row]) -> dict[str, Any]:
    answers = [(row, answer) for row in rows if (answer := tagger.raw(Text(row.text, row.question))) is not None]
    told = [(row, answer) for row, answer in answers if row.sentiment]
    judged = [(row, answer) for row, answer in answers if row.causes and row.own]
    if not told or not judged:
        return {}
    sentiment_logits = np.array([answer[0] for _, answer in told])
    sentiment_truth = np.array([SENTIMENTS.index(row.sentiment or "") for row, _ in told], dtype=np.int64)
    cause_logits = np.array([answer[1] for _, answer in judged])
    cause_truth = np.array([[float(cause in (row.causes or ())) for cause in CAUSE_KEYS] for row, _ in judged])
    temperatures = {
        "sentiment": sentiment_temperature(sentiment_logits, sentiment_truth),
        "causes": cause_temperature(cause_logits, cause_truth),
    }
    limits = thresholds(
        softmax(sentiment_logits / temperatures["sentiment"]),
        sentiment_truth,
        sigmoid(cause_logits / temperatures["causes"]),
        cause_truth,
    )
    return {"temperatures": temperatures, "thresholds": asdict(limits)}


def _described(rows: Sequence[Row], options: Options) -> dict[str, Any]:
    sources = Counter("own corpus" if row.own else row.source for row in rows)
    return {
        "options": asdict(options),
        "rows": dict(sorted(sources.items())),
        "torch": torch.__version__,
        "bfloat16": _has_bfloat16(),
    }


def _about(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _write(out: Path, manifest: dict[str, Any]) -> None:
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
