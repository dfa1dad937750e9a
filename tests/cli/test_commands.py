"""What all commands share: they are there, they start, and what goes wrong is one line and an exit code."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from cxloop import __version__
from cxloop.cli import COMMANDS
from tests.databases import Databases

Cxloop = Callable[..., Result]

ON_THE_DATABASE = [
    ["status"],
    ["verify"],
    ["user", "list"],
    ["token", "list"],
    ["survey", "list"],
    ["export", "events"],
]


def is_one_line(said: str) -> bool:
    return said.startswith("cxloop: ") and said.count("\n") == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does(cxloop: Cxloop, name: str) -> None:
    done = cxloop(name, "--help")
    assert done.exit_code == 0, done.output
    assert name in done.stdout


def test_the_help_lists_every_command_and_the_version_is_said(cxloop: Cxloop) -> None:
    said = cxloop("--help").stdout
    assert [name for name in COMMANDS if f"  {name} " not in said] == []
    assert __version__ in cxloop("--version").stdout


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["dance"], "cxloop"),
        (["--loud"], "cxloop"),
        (["status", "--loud"], "cxloop status"),
        (["user", "add"], "cxloop user add"),
        (["user", "add", "a@b.test", "--name", "A"], "cxloop user add"),  # of a choice click says much
        (["export", "secrets"], "cxloop export"),
        (["up", "--port", "x"], "cxloop up"),
        (["import", "absent.csv"], "cxloop import"),
    ],
)
def test_wrong_usage_is_one_line_and_two(cxloop: Cxloop, arguments: list[str], command: str) -> None:
    done = cxloop(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{command}: ")
    assert done.stderr.endswith(f"(see {command} --help)\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("group", [[], ["user"]])
def test_a_group_without_a_command_says_what_there_is(cxloop: Cxloop, group: list[str]) -> None:
    done = cxloop(*group)
    assert done.exit_code == 2
    assert "Commands:" in done.output


@pytest.mark.sqlite
@pytest.mark.parametrize("harm", ["junk", "torn"])
@pytest.mark.parametrize("arguments", ON_THE_DATABASE)
def test_a_file_that_is_no_database_is_one_line_and_one(
    cxloop: Cxloop, databases: Databases, tmp_path: Path, arguments: list[str], harm: str
) -> None:
    file = tmp_path / "cxloop.sqlite3"
    whole = Path(databases.fresh().removeprefix("sqlite:///")).read_bytes()
    file.write_bytes(bytes(range(256)) * 8 if harm == "junk" else whole[:4096] + bytes(len(whole) - 4096))
    done = cxloop(*arguments, DATABASE_URL=f"sqlite:///{file}")
    assert done.exit_code == 1
    assert is_one_line(done.stderr), done.output
    assert "cxloop doctor" in done.stderr


@pytest.mark.parametrize("arguments", ON_THE_DATABASE)
@pytest.mark.parametrize(
    ("mistaken", "named"),
    [
        ({"DATABASE_URL": "mysql://localhost/x"}, "CXLOOP_DATABASE_URL"),
        ({"SECRET_KEY": "short"}, "CXLOOP_SECRET_KEY"),
        ({"DATABASE_URL": "postgresql://localhost/x", "SECRET_KEY": ""}, "CXLOOP_SECRET_KEY"),
        ({"DATABASE_URL": "postgresql://127.0.0.1:1/x?connect_timeout=2"}, "does not answer"),
    ],
)
def test_a_setting_that_cannot_serve_is_one_line_and_one(
    cxloop: Cxloop, arguments: list[str], mistaken: dict[str, str], named: str
) -> None:
    done = cxloop(*arguments, **mistaken)
    assert done.exit_code == 1
    assert is_one_line(done.stderr), done.stderr
    assert named in done.stderr


def test_a_database_elsewhere_is_not_migrated_behind_ones_back(cxloop: Cxloop, empty_database_url: str) -> None:
    done = cxloop("status", DATABASE_URL=empty_database_url)
    if empty_database_url.startswith("sqlite"):
        assert done.exit_code == 0, "an embedded one is prepared by every command"
    else:
        assert done.exit_code == 1
        assert "cxloop migrate" in done.stderr


@pytest.mark.parametrize("arguments", ON_THE_DATABASE)
def test_an_absent_embedded_database_is_prepared(cxloop: Cxloop, tmp_path: Path, arguments: list[str]) -> None:
    done = cxloop(*arguments, DATABASE_URL="", SECRET_KEY="", DATA=str(tmp_path / "new"))
    assert done.exit_code == 0, done.output
    assert (tmp_path / "new" / "cxloop.sqlite3").exists()
    assert (tmp_path / "new" / "secret.key").stat().st_mode & 0o777 == 0o600


@pytest.fixture
def empty_database_url(databases: Databases) -> str:
    """A database without tables."""
    return databases.empty()
