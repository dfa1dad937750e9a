"""`cxloop tag`: lines in, lines out, in order, without a data directory; a wrong line is named, never dropped."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cxloop.cli import main

LINES = [
    {"id": "a", "text": "My parcel is nine days late and still not here."},
    {"id": 7, "text": "Lovely stay, everybody was so kind to us.", "question": "How was it?"},
    {"id": "c", "text": "", "question": None},
    {"text": "no id at all", "more": ["fields", "are", "ignored"]},
]


def tag(*lines: dict[str, Any] | bytes, arguments: tuple[str, ...] = ()) -> Result:
    raw = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    return CliRunner().invoke(main, ["tag", *arguments], input=raw)


def test_every_line_gets_its_line_in_the_same_order() -> None:
    done = tag(*LINES)
    assert done.exit_code == 0, done.output
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == ["a", 7, "c", None]
    assert [answer["sentiment"] for answer in answers[:2]] == ["negative", "positive"]
    assert answers[0]["causes"][0]["cause"] == "delivery_delay"
    assert answers[2]["unsure"] == ["sentiment", "causes"]
    assert all(
        list(answer) == ["id", "sentiment", "sentiment_confidence", "causes", "urgency", "unsure"] for answer in answers
    )


def test_it_reads_a_file_and_keeps_its_hands_off_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps(LINES[0]) + "\n\n")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["tag", "in.jsonl"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["id"] == "a"
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n",
        b"[]\n",
        b'{"id": 2}\n',
        b'{"text": null}\n',
        b'{"text": 5}\n',
        b"\xff\xfe\x00\n",
        b'{"text": "x", "question": 3}\n',
    ],
)
def test_a_wrong_line_is_named_and_the_exit_code_is_2(line: bytes) -> None:
    done = tag(LINES[0], line, LINES[1])
    assert done.exit_code == 2
    assert "line 2" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert len(done.stdout.splitlines()) == 1


def test_a_missing_file_is_wrong_usage() -> None:
    assert CliRunner().invoke(main, ["tag", "nowhere.jsonl"]).exit_code == 2


def test_a_pickle_or_a_missing_model_fails_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    for name in ("nowhere", str(tmp_path / "weights"), str(tmp_path / "weights" / "pytorch_model.bin")):
        done = tag(LINES[0], arguments=("--model", name))
        assert done.exit_code == 1
        assert len(done.stderr.strip().splitlines()) == 1
        assert done.stdout == ""


def test_an_answer_comes_before_the_next_line_is_sent() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "cxloop", "tag"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as pipe:
        assert pipe.stdin is not None
        assert pipe.stdout is not None
        for line in LINES[:2]:
            pipe.stdin.write(json.dumps(line) + "\n")
            pipe.stdin.flush()
            assert json.loads(pipe.stdout.readline())["id"] == line["id"]
        pipe.stdin.close()
        assert pipe.wait(timeout=60) == 0


def test_nothing_but_answers_is_said_where_there_is_no_torch() -> None:
    without = "import sys; sys.modules['torch'] = None; from cxloop.cli import main; main()"
    line = json.dumps(LINES[0]).encode()
    done = subprocess.run([sys.executable, "-c", without, "tag"], input=line, capture_output=True, check=True)
    assert json.loads(done.stdout)["sentiment"] == "negative"
    assert done.stderr == b""
