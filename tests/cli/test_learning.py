"""`cxloop cause …` and `cxloop model learn|rollback|versions`, on the shipped model."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tests import lessons

Run = Callable[..., Result]


@pytest.mark.model
@pytest.mark.slow
def test_a_cause_is_added_shown_by_five_lines_of_a_file_and_served_and_rolled_back(cxloop: Run, tmp_path: Path) -> None:
    model = str(lessons.learning_folder(tmp_path))
    added = cxloop(
        "cause", "add", "points", "--name", "Loyalty points", "--definition", "Bonus points are missing or expired."
    )
    assert added.exit_code == 0, added.stderr
    (tmp_path / "five.txt").write_text("\n".join(lessons.POINTS))
    shown = cxloop("cause", "example", "points", tmp_path / "five.txt", MODEL=model)
    assert shown.exit_code == 0, shown.stderr
    assert "5 examples added" in shown.stdout
    assert "Serves" in shown.stdout

    [version] = json.loads(cxloop("model", "versions", "--json").stdout)
    assert (version["status"], version["corrections"]) == ("serving", 5)
    back = cxloop("model", "rollback")
    assert back.stdout == "The shipped heads serve.\n"
    again = cxloop("model", "rollback", version["version"])
    assert again.stdout == f"Version {version['version']} serves.\n"


def test_learning_without_anything_said_says_so_in_a_line(cxloop: Run, tmp_path: Path) -> None:
    done = cxloop("model", "learn", MODEL=str(lessons.learning_folder(tmp_path)))
    assert done.exit_code == 1
    assert "nothing to learn" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_version_that_is_none_is_refused(cxloop: Run) -> None:
    assert cxloop("model", "rollback", "latest").exit_code == 2
    missing = cxloop("model", "rollback", "7")
    assert (missing.exit_code, "no version 7" in missing.stderr) == (1, True)
    assert "shipped heads serve already" in cxloop("model", "rollback").stderr


def test_the_list_of_causes_follows_every_change(cxloop: Run) -> None:
    def keys(*options: str) -> list[str]:
        return [row["key"] for row in json.loads(cxloop("cause", "list", "--json", *options).stdout)]

    assert len(keys()) == 17
    assert cxloop("cause", "merge", "wait_time", "--into", "delivery_delay").exit_code == 0
    assert cxloop("cause", "retire", "price_value").exit_code == 0
    assert cxloop("cause", "rename", "cancellation", "--name", "Cancelled").exit_code == 0
    parts = ["--into", "twice", "Charged twice", "A double charge.", "--into", "unpaid", "No refund", "Not paid back."]
    assert cxloop("cause", "split", "billing_refund", *parts).exit_code == 0
    assert {"wait_time", "price_value", "billing_refund"}.isdisjoint(keys())
    assert {"twice", "unpaid"} <= set(keys())
    assert "wait_time" in keys("--all")
    assert cxloop("cause", "restore", "wait_time").exit_code == 0
    assert "wait_time" in keys()


@pytest.mark.parametrize(
    "arguments",
    [
        ("retire", "other"),
        ("retire", "no_such_cause"),
        ("add", "Not A Key", "--name", "x", "--definition", "x"),
        ("merge", "wait_time", "--into", "wait_time"),
        ("split", "wait_time", "--into", "a1", "A", "A."),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(cxloop: Run, arguments: tuple[str, ...]) -> None:
    done = cxloop("cause", *arguments)
    assert done.exit_code == 1
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_example_may_be_given_without_learning_at_once(cxloop: Run) -> None:
    done = cxloop("cause", "example", "wait_time", "Forty minutes on hold.", "--no-learn")
    assert done.stdout == "1 example added.\n"
