"""The tagger that is shipped: sensible on plain words of many trades, the same alone and among others, never thrown.

Figures on real feedback belong to the model's card; here stands only what nobody could accept to be otherwise.
"""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cxloop.paths import model_folder
from cxloop.tagging.model import GRAPH, MANIFEST, TOKENIZER, Manifest, ModelError, OnnxTagger, prepare
from cxloop.tagging.rows import read_rows
from cxloop.tagging.scoring import score
from cxloop.tagging.tagger import Suggestion, Text
from cxloop.tagging.taxonomy import CAUSE_KEYS, SENTIMENTS
from cxloop.tagging.urgency import LEVELS

EVAL = Path(__file__).resolve().parents[3] / "shared" / "eval"

COMPLAINTS = [
    ("delivery_delay", "My parcel is nine days late and still not here."),
    ("cancellation", "They cancelled our flight the night before and left us with nothing."),
    ("lost_damaged", "The lamp arrived smashed to pieces in a torn box."),
    ("wait_time", "We stood in the queue for an hour and a half."),
    ("staff_attitude", "The receptionist was incredibly rude and rolled her eyes at me."),
    ("support_handling", "I have written to customer service five times and nobody ever answers."),
    ("billing_refund", "I was charged twice this month and the refund has not been paid."),
    ("price_value", "Far too expensive for what you get."),
    ("cleanliness_environment", "The room was filthy and the bathroom smelled of mould."),
    ("website_app", "The app crashes every time I try to log in."),
    ("account_fraud", "Somebody opened a credit card in my name and you let them."),
]
PRAISE = [
    "Wonderful stay, the staff could not have been kinder.",
    "The best pizza in town, we loved every bite!",
    "Great app, quick and easy to use.",
    "Thank you so much, the nurse was lovely and explained everything.",
    "Delivered a day early and beautifully packed. Very happy.",
]
JUNK = [
    "",
    " ",
    "\n\t",
    "😡",
    "👍👍👍",
    "\x00\x01\x02",
    "\ud800",
    "\u202e\u200b",
    "?!?!",
    "…",
    "é",
    "服务很差",
    "9" * 500,
]


@pytest.fixture(scope="module")
def tagger() -> OnnxTagger:
    return OnnxTagger(model_folder())


def one(tagger: OnnxTagger, text: str, question: str | None = None) -> Suggestion:
    return tagger.suggest([Text(text, question)])[0]


@pytest.mark.parametrize(("cause", "text"), COMPLAINTS)
def test_a_plain_complaint_is_understood(tagger: OnnxTagger, cause: str, text: str) -> None:
    said = one(tagger, text)
    assert said.sentiment == "negative"
    assert cause in [guess.cause for guess in said.causes]


@pytest.mark.parametrize("text", PRAISE)
def test_plain_praise_is_praise_and_not_urgent(tagger: OnnxTagger, text: str) -> None:
    said = one(tagger, text)
    assert (said.sentiment, said.urgency) == ("positive", "low")


def test_a_plain_fact_is_neither(tagger: OnnxTagger) -> None:
    assert one(tagger, "I ordered two shirts on Monday and paid by card.").sentiment == "neutral"


def test_what_was_asked_matters_to_a_short_answer(tagger: OnnxTagger) -> None:
    assert one(tagger, "The staff", "What did you like most?").sentiment == "positive"
    assert one(tagger, "The staff", "What should we improve?").sentiment == "negative"


def test_neighbours_never_change_an_answer_not_by_a_bit(tagger: OnnxTagger) -> None:
    texts = [Text(text) for _, text in COMPLAINTS] + [Text(text) for text in PRAISE] + [Text("late " * 400), Text("")]
    together = tagger.suggest(texts)
    assert together == [tagger.suggest([text])[0] for text in texts]
    assert together[::-1] == tagger.suggest(texts[::-1])


def test_two_loads_of_a_model_answer_alike(tagger: OnnxTagger) -> None:
    texts = [Text(text) for _, text in COMPLAINTS]
    assert OnnxTagger(model_folder()).suggest(texts) == tagger.suggest(texts)


@pytest.mark.parametrize("text", JUNK)
def test_whatever_is_sent_gets_an_answer_or_an_abstention(tagger: OnnxTagger, text: str) -> None:
    said = one(tagger, text, question=text)
    assert said.sentiment in SENTIMENTS
    assert {guess.cause for guess in said.causes} <= {*CAUSE_KEYS, "other"}
    assert said.causes
    assert said.urgency in LEVELS
    assert 0 <= said.sentiment_confidence <= 1


@pytest.mark.parametrize("text", ["", " \n ", "\x00\x07", "?!?!"])
def test_where_there_is_nothing_to_read_a_person_decides(tagger: OnnxTagger, text: str) -> None:
    said = one(tagger, text)
    assert (said.sentiment, said.unsure, said.embedding) == ("neutral", ("sentiment", "causes"), None)


def test_another_language_is_left_to_a_person(tagger: OnnxTagger) -> None:
    assert "language" in one(tagger, "Das Zimmer war nicht sauber und wir haben sehr lange gewartet.").unsure


@pytest.mark.parametrize("unit", ["The train was late again and nobody told us why. ", "x", "😡", "\n", "a b "])
def test_a_megabyte_is_quick_and_says_what_its_first_pages_say(tagger: OnnxTagger, unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    started = time.perf_counter()
    said = one(tagger, text)
    assert time.perf_counter() - started < 20
    assert said == one(tagger, text)
    # All that the model reads of it is the beginning.
    first_pages = one(tagger, text[:30_000])
    assert (said.sentiment, said.causes, said.embedding) == (
        first_pages.sentiment,
        first_pages.causes,
        first_pages.embedding,
    )


def test_the_embedding_is_384_numbers_of_length_one(tagger: OnnxTagger) -> None:
    embedding = one(tagger, "The soup was cold.").embedding
    assert embedding is not None
    numbers = np.frombuffer(embedding, dtype="<f4")
    assert numbers.shape == (384,)
    assert np.linalg.norm(numbers) == pytest.approx(1.0, abs=1e-5)


def test_confidences_are_chances_and_causes_come_best_first(tagger: OnnxTagger) -> None:
    for text in [text for _, text in COMPLAINTS] + PRAISE:
        said = one(tagger, text)
        confidences = [guess.confidence for guess in said.causes]
        assert confidences == sorted(confidences, reverse=True)
        assert all(0 <= value <= 1 for value in confidences)


# ------------------------------------------------------------------------------------------- what the encoder reads


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("@airline you  are\nlate", "[NAME] you are late"),
        ("mail me at jo@example.com", "mail me at jo@example.com"),
        ("see https://example.com/a?b=c now", "see [LINK] now"),
        ("ugh \U0001f621", "ugh pouting face"),
        ("good \U0001f44d\U0001f3fd", "good good"),
        ("a\x00b\u200bc", "a b c"),
        ("Cafe\u0301", "Café"),
    ],
)
def test_text_is_prepared_for_the_encoder(text: str, read: str) -> None:
    assert prepare(text) == read


# -------------------------------------------------------------------------------------------- what is never loaded


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_folder(), tmp_path / "copy"))


@pytest.mark.parametrize("name", [GRAPH, TOKENIZER])
def test_a_changed_file_is_refused(copy: Path, name: str) -> None:
    with (copy / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(ModelError, match=rf"{name} is not the file that the manifest names \(sha256 differs\)"):
        OnnxTagger(copy)


@pytest.mark.parametrize("name", [GRAPH, TOKENIZER, MANIFEST])
def test_a_missing_file_is_refused(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ModelError):
        OnnxTagger(copy)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"sentiments": 3}', "\ufffd"])
def test_a_manifest_that_is_none_is_refused(copy: Path, content: str) -> None:
    (copy / MANIFEST).write_text(content)
    with pytest.raises(ModelError, match="not a manifest"):
        OnnxTagger(copy)


def test_a_model_for_another_taxonomy_is_refused(copy: Path) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())
    manifest["causes"].append("gremlins")
    (copy / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="another list"):
        OnnxTagger(copy)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pkl"])
def test_a_pickle_is_never_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(ModelError, match="never a pickle"):
            OnnxTagger(path)


# ---------------------------------------------------------------------------------------------- what it costs, weighs


def test_graph_and_tokenizer_weigh_at_most_25_megabytes() -> None:
    assert sum((model_folder() / name).stat().st_size for name in (GRAPH, TOKENIZER)) <= 25_000_000


def test_importing_the_package_loads_neither_runtime_nor_transformers() -> None:
    code = "import sys, cxloop.tagging.model; print({'onnxruntime', 'transformers', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_shipped_folder_is_complete() -> None:
    folder = model_folder()
    assert Manifest.read(folder).version == folder.name
    assert {"CARD.md", "NOTICE"} <= {path.name for path in folder.iterdir()}


# ------------------------------------------------------------------------------------------- on real feedback, if here


@pytest.mark.skipif(not EVAL.is_dir(), reason="the real feedback to measure on (../shared/eval) is not here")
@pytest.mark.parametrize(
    ("name", "task", "floor"),
    [
        ("airline", "sentiment", 0.64),
        ("restaurant", "sentiment", 0.69),
        ("airline", "causes", 0.35),
        ("restaurant", "causes", 0.47),
        ("apps", "causes", 0.82),
    ],
)
def test_real_feedback_is_understood_at_least_this_well(tagger: OnnxTagger, name: str, task: str, floor: float) -> None:
    rows = [row for row in read_rows(EVAL / f"dev_{name}.jsonl", own=True) if getattr(row, task)]
    answers = tagger.suggest([Text(row.text, row.question) for row in rows])
    assert score(rows, answers)[task]["macro_f1"]["value"] >= floor
