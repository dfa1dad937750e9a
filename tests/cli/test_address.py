"""The address at which `cxloop up` runs, as other commands find it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from cxloop.cli import address

HERE, THERE = "http://127.0.0.1:9011", "http://127.0.0.1:9012"


def test_it_is_found_as_long_as_it_is_kept(tmp_path: Path) -> None:
    assert address.current(tmp_path) is None
    with address.kept(tmp_path, HERE):
        assert address.current(tmp_path) == HERE
    assert list(tmp_path.iterdir()) == []


def test_a_second_one_on_the_same_folder_takes_nothing_away(tmp_path: Path) -> None:
    with address.kept(tmp_path, HERE):
        with address.kept(tmp_path, THERE):
            assert address.current(tmp_path) == HERE
        assert address.current(tmp_path) == HERE


def test_that_of_a_killed_one_is_none_and_gives_way(tmp_path: Path) -> None:
    keeps = "import sys, pathlib; from cxloop.cli import address\n"
    keeps += "with address.kept(pathlib.Path(sys.argv[1]), sys.argv[2]): print('kept', flush=True); sys.stdin.read()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", keeps, tmp_path, HERE], stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "kept\n"
        assert address.current(tmp_path) == HERE
        other.kill()
    assert (tmp_path / address.NAME).read_text() == HERE
    assert address.current(tmp_path) is None
    with address.kept(tmp_path, THERE):
        assert address.current(tmp_path) == THERE


def test_where_nothing_can_be_written_it_is_not_kept(tmp_path: Path) -> None:
    with address.kept(tmp_path / "nowhere", HERE):
        assert address.current(tmp_path / "nowhere") is None


@pytest.mark.parametrize("command", [["user", "link", "a@firm.test"], ["survey", "list"], ["doctor"]])
def test_links_lead_to_it_unless_another_address_is_set(
    cxloop: Callable[..., Result], settings: dict[str, str], command: list[str]
) -> None:
    cxloop("user", "add", "a@firm.test", "--name", "A", "--role", "agent")
    cxloop("survey", "add", "How was it", "--kind", "nps")
    folder = Path(settings["DATA"])
    folder.mkdir(exist_ok=True)
    with address.kept(folder, HERE):
        assert HERE in cxloop(*command).stdout
        assert HERE not in cxloop(*command, BASE_URL="https://care.test").stdout
