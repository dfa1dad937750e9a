"""Training, from rows to a folder that serves, with an encoder so small that it takes seconds (train extra)."""

import json
import shutil
from pathlib import Path

import pytest

from cxloop.paths import model_folder
from cxloop.tagging.model import CONFIG, TOKENIZER, OnnxTagger
from cxloop.tagging.rows import Row
from cxloop.tagging.tagger import Text

pytest.importorskip("torch", reason="training is tested where the train extra is installed (torch)")
pytest.importorskip("onnx", reason="training is tested where the train extra is installed (onnx)")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """An encoder of one narrow layer that knows nothing yet."""
    import torch
    from transformers import BertConfig, BertModel

    folder = tmp_path / "base"
    torch.manual_seed(1)
    config = BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    BertModel(config).save_pretrained(folder)
    shutil.copyfile(model_folder() / TOKENIZER, folder / TOKENIZER)
    assert (folder / CONFIG).is_file()
    return folder


def labelled() -> list[Row]:
    said = {
        "negative": ("wait_time", "the queue was terribly long"),
        "positive": (None, "lovely friendly people"),
        "neutral": (None, "we came on a tuesday"),
    }
    return [
        Row(
            id=f"{industry}-{sentiment}-{number}",
            text=text,
            sentiment=sentiment,
            causes=frozenset({cause} if cause else ()),
            industry=industry,
        )
        for industry, count in (("bank", 30), ("shop", 30), ("gym", 8))
        for sentiment, (cause, text) in said.items()
        for number in range(count)
    ]


@pytest.mark.filterwarnings("ignore")  # the exporter of torch warns about itself
def test_training_makes_a_model_that_serves_and_says_how_it_was_made(base: Path, tmp_path: Path) -> None:
    from cxloop.tagging.training import Options, train

    heard: list[str] = []
    options = Options(epochs=6, encoder_rate=1e-3, head_rate=1e-2)
    manifest = train(labelled(), base=base, out=tmp_path / "out", version="try", options=options, say=heard.append)

    tagger = OnnxTagger(tmp_path / "out")
    said = tagger.suggest([Text("the queue was terribly long"), Text("lovely friendly people")])
    assert [answer.sentiment for answer in said] == ["negative", "positive"]
    assert said[0].causes[0].cause == "wait_time"
    assert manifest == json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["held_out"]["industries"] == ["gym"]
    assert manifest["training"]["rows"] == {"own corpus": 2 * 180}
    assert sum(line.startswith("epoch") for line in heard) == 6
