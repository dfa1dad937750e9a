"""`cxloop model`: which one serves, how good it is, and what training needs."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from cxloop.cli import main
from cxloop.paths import model_folder

GOLD = [
    {"id": 1, "text": "My parcel is nine days late.", "sentiment": "negative", "causes": ["delivery_delay"]},
    {"id": 2, "text": "Lovely stay, thank you!", "sentiment": "positive"},
]


def test_the_list_shows_the_shipped_model_as_the_one_that_serves() -> None:
    done = CliRunner().invoke(main, ["model", "list"])
    assert done.exit_code == 0
    [line] = [line for line in done.stdout.splitlines() if line.startswith("*")]
    assert model_folder().name in line
    assert "sha256 ok" in line


def test_the_list_shows_a_model_of_ones_own_and_says_when_it_cannot_serve(tmp_path: Path) -> None:
    own = shutil.copytree(model_folder(), tmp_path / "own")
    with (own / "tokenizer.json").open("a") as file:
        file.write(" ")
    done = CliRunner().invoke(main, ["model", "list"], env={"CXLOOP_MODEL": str(own)})
    assert done.exit_code == 0
    serving = [line for line in done.stdout.splitlines() if line.startswith("*")]
    assert len(serving) == 1
    assert "cannot serve" in serving[0]
    assert len(done.stdout.splitlines()) == 2


def test_evaluating_prints_figures_as_json(tmp_path: Path) -> None:
    (tmp_path / "gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in GOLD))
    done = CliRunner().invoke(main, ["model", "evaluate", str(tmp_path / "gold.jsonl")])
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert figures["model"] == model_folder().name
    assert figures["sentiment"]["macro_f1"]["value"] == 1.0
    assert figures["causes"]["n"] == 1


@pytest.mark.parametrize(
    "content", ['{"text": "nothing judged"}\n', "not json\n", '{"text": "x", "sentiment": "sour"}\n']
)
def test_a_file_that_nobody_has_judged_fails_in_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "gold.jsonl").write_text(content)
    done = CliRunner().invoke(main, ["model", "evaluate", str(tmp_path / "gold.jsonl")])
    assert done.exit_code == 1
    assert len(done.stderr.strip().splitlines()) == 1


def test_training_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    done = CliRunner().invoke(main, ["model", "train"])
    assert done.exit_code == 1
    assert "cxloop[train]" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
