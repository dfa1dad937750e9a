"""`cxloop import FILE`: what it says, what it keeps, and that it may be stopped and repeated."""

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask
from sqlalchemy import event

from cxloop.clock import now
from cxloop.customers.models import Customer
from cxloop.db import db
from cxloop.intake.models import Feedback, Source, SourceKind

Run = Callable[..., Result]

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "import"
real_files = pytest.mark.skipif(not REAL.is_dir(), reason="the real exports (../shared/data/import) are not here")

THREE = "id,date,score,comment\n1,13/04/2021,5,All fine\n2,14/04/2021,1,It came late\n3,15/04/2021,,\n4,16/04/2021,2,\n"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def export(content: str, name: str = "export.csv") -> Path:
    path = Path(name)
    path.write_text(content, encoding="utf-8", newline="")
    return path


def many(rows: int) -> Path:
    return export("shop,score,text\n" + "".join(f"north,{n % 5 + 1},It took {n} hours\n" for n in range(rows)))


def kept(app: Flask) -> list[Feedback]:
    with app.app_context():
        return list(db.session.scalars(sa.select(Feedback).order_by(Feedback.id)))


def summary(result: Result) -> str:
    return result.stdout.splitlines()[-1]


def test_it_tells_its_guesses_keeps_the_feedback_and_adds_up(cxloop: Run, app: Flask) -> None:
    result = cxloop("import", export(THREE), "--source", "shop", "--kind", "review")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "export.csv: CSV, 4 columns with commas between",
        "  text      comment",
        "  score     score, on a scale of 1-5",
        "  when      date, day first (4 can be read no other way); UTC where no zone is given",
        "  id        id",
        '  from      the source "shop", of kind review',
        "rejected: empty: neither text nor score: 1",
        "The rejected rows are in export.rejects.csv, with line number and reason.",
        "read 4, new 3, duplicate 0, rejected 1",
    ]
    first, second, third = kept(app)
    assert (first.external_id, first.text, first.score, first.scale) == ("1", "All fine", 5, "1-5")
    assert f"{second.occurred_at:%Y-%m-%d}" == "2021-04-14"
    assert third.text is None


def test_what_has_words_waits_for_the_tagger_and_a_bare_score_only_for_the_worker(cxloop: Run, app: Flask) -> None:
    cxloop("import", export(THREE))
    assert [(feedback.due_at is None, feedback.tagged_at is None) for feedback in kept(app)] == [
        (False, True),
        (False, True),
        (False, False),
    ]


def test_a_second_run_adds_nothing(cxloop: Run, app: Flask) -> None:
    without_id = export("text,shop\nfine,north\nfine,north\nfine,south\n")
    assert summary(cxloop("import", without_id)) == "read 3, new 3, duplicate 0, rejected 0"
    assert summary(cxloop("import", without_id)) == "read 3, new 0, duplicate 3, rejected 0"
    assert len(kept(app)) == 3


def test_a_longer_export_adds_what_is_new(cxloop: Run, app: Flask) -> None:
    cxloop("import", export("id,text\n1,fine\n2,late\n"), "--source", "shop")
    result = cxloop("import", export("id,text\n3,new\n1,fine\n2,late\n3,new\n", "next.csv"), "--source", "shop")
    assert summary(result) == "read 4, new 1, duplicate 3, rejected 0"
    assert [feedback.external_id for feedback in kept(app)] == ["1", "2", "3"]


def test_the_same_number_from_another_source_is_another_piece_of_feedback(cxloop: Run, app: Flask) -> None:
    for source in ("north", "south"):
        assert cxloop("import", export("id,text\n1,fine\n"), "--source", source).exit_code == 0
    assert len(kept(app)) == 2


def test_the_rejects_stand_in_a_file_with_line_and_reason(cxloop: Run) -> None:
    result = cxloop(
        "import",
        export('score,text\n5,fine\nbroken\n,\n=1+1,\n3,"cut off'),
        "--score",
        "score",
        "--rejects",
        "left over.csv",
    )
    assert result.exit_code == 0
    with Path("left over.csv").open(newline="", encoding="utf-8") as stream:
        assert list(csv.reader(stream)) == [
            ["line", "reason", "row"],
            ["3", "1 fields where the heading has 2", "broken\n"],
            ["4", "empty: neither text nor score", ",\n"],
            ["5", "a score that cannot be read", "'=1+1,\n"],  # no formula for the spreadsheet that opens it
            ["6", "broken row: a quote that is not closed", '3,"cut off'],
        ]


def test_without_rejects_there_is_no_file_of_rejects(cxloop: Run) -> None:
    cxloop("import", export("text\nfine\n"))
    assert [path.name for path in Path().glob("*.rejects.csv")] == []


@pytest.mark.parametrize("broken", [True, False], ids=["with rejects", "without rejects"])
def test_a_file_that_is_not_ours_is_no_place_for_rejects(cxloop: Run, app: Flask, broken: bool) -> None:
    Path("accounts.csv").write_text("line,amount\n1,1000\n")
    result = cxloop("import", export(THREE if broken else "text\nfine\n"), "--rejects", "accounts.csv")
    assert (result.exit_code, "no file of rejects" in result.stderr) == (2, True)
    assert Path("accounts.csv").read_text() == "line,amount\n1,1000\n"
    assert kept(app) == []


def test_an_earlier_file_of_rejects_stays_unless_it_is_named(cxloop: Run) -> None:
    file = export("score,text\n5,fine\nbroken\n")
    for name in ("export.rejects.csv", "export.rejects-2.csv"):
        assert f"are in {name}," in cxloop("import", file).stdout
    earlier = Path("export.rejects.csv").read_text()
    Path("export.csv").write_text("score,text\n5,fine\nworse\nbroken\n")
    cxloop("import", file, "--rejects", "export.rejects-2.csv")
    assert Path("export.rejects.csv").read_text() == earlier
    assert "worse" in Path("export.rejects-2.csv").read_text()
    cxloop("import", export("text\nfine\n", "sound.csv"), "--rejects", "export.rejects.csv")
    assert Path("export.rejects.csv").read_text() == earlier
    assert list(Path().glob(".rejects-*")) == []


@contextmanager
def interrupted_at_feedback(number: int) -> Iterator[None]:
    """Ctrl-C, in the midst of a batch."""
    seen = 0

    def press(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal seen
        seen += statement.startswith("INSERT INTO feedback ")
        if seen == number:
            signal.raise_signal(signal.SIGINT)

    event.listen(sa.Engine, "before_cursor_execute", press)
    try:
        yield
    finally:
        event.remove(sa.Engine, "before_cursor_execute", press)


def test_an_interrupted_import_goes_on_when_it_is_run_again(cxloop: Run, app: Flask) -> None:
    file = many(1200)
    with interrupted_at_feedback(700):
        result = cxloop("import", file)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "Interrupted. In so far: read 500, new 500, duplicate 0, rejected 0. Run it again and it goes on."
    ]
    assert len(kept(app)) == 500
    assert list(Path().glob(".rejects-*")) == []
    assert summary(cxloop("import", file)) == "read 1200, new 700, duplicate 500, rejected 0"
    assert len(kept(app)) == 1200


def test_two_imports_of_one_file_at_the_same_time_keep_each_row_once(
    spawn: Callable[..., subprocess.Popen[str]], app: Flask
) -> None:
    file = many(900).resolve()
    processes = [spawn("import", file, "--rejects", f"{n}.csv") for n in range(2)]
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert len(kept(app)) == 900


def test_only_rows_with_an_address_or_a_handle_share_a_customer(cxloop: Run, app: Flask) -> None:
    cxloop(
        "import", export("name,email,text\nAnn,ann@example.org,fine\nAnn,ANN@example.org,late\nAnn,,lost\nAnn,,found\n")
    )
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Customer)) == 3
    assert len({feedback.customer_id for feedback in kept(app)[:2]}) == 1


def test_old_words_are_not_acknowledged_unless_that_is_wished(cxloop: Run, app: Flask) -> None:
    recent, old = (
        f"{now() - timedelta(hours=71):%Y-%m-%dT%H:%M:%SZ}",
        f"{now() - timedelta(hours=73):%Y-%m-%dT%H:%M:%SZ}",
    )
    file = export(f"date,text\n{recent},late\n{old},lost\n")
    cxloop("import", file, "--source", "quiet")
    cxloop("import", file, "--source", "loud", "--notify")
    assert [feedback.tell for feedback in kept(app)] == [True, False, True, True]


def test_columns_scale_order_and_zone_can_be_said(cxloop: Run, app: Flask) -> None:
    file = export("a,b,c,d\n03/04/2021 10:00,1,It was late,x1\n04/05/2021 10:00,2,It was lost,x2\n")
    result = cxloop(
        *("import", file, "--when", "a", "--score", "B", "--text", "c", "--id", "d", "--scale", "5-1"),
        *("--day-first", "--zone", "Europe/Berlin", "--kind", "survey", "--source", "desk"),
    )
    assert result.exit_code == 0
    first = kept(app)[0]
    assert (first.external_id, first.scale, f"{first.occurred_at:%d %b %H:%M}") == ("x1", "5-1", "03 Apr 08:00")
    with app.app_context():
        assert db.session.scalars(sa.select(Source)).one().kind == SourceKind.SURVEY


def test_json_lines_are_imported(cxloop: Run, app: Flask) -> None:
    result = cxloop("import", export('{"id": 1, "text": "fine"}\n{"id": 2}\nnot json\n', "export.jsonl"))
    assert summary(result) == "read 3, new 1, duplicate 0, rejected 2"
    assert [feedback.external_id for feedback in kept(app)] == ["1"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--text", "Nope"], 'no column "Nope" for --text. The file has: id, date, score, comment (see'),
        (["--scale", "five"], "0-10, 1-5 or 1-7"),
        (["--scale", "6-9"], "does not fit"),
        (["--zone", "Mars/Base"], "no such zone"),
        (["--kind", "gossip"], "gossip"),
        (["--source", "a\nb"], "--source"),
        (["--source", "n" * 81], "--source"),
        (["--rejects", "export.csv"], "--rejects names the imported file, which"),
    ],
)
def test_wrong_usage_ends_with_2_and_takes_nothing(cxloop: Run, app: Flask, options: list[str], said: str) -> None:
    result = cxloop("import", export(THREE), *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert kept(app) == []
    assert Path("export.csv").read_text() == THREE


@pytest.mark.parametrize("heading", ["text,score", "text,score\n\n", "Kommentar;Note\n"])
def test_column_names_without_rows_are_said_to_be_that(cxloop: Run, app: Flask, heading: str) -> None:
    result = cxloop("import", export(heading))
    assert result.exit_code == 1
    assert result.stderr == "cxloop: export.csv has column names and no rows: there is nothing to import.\n"
    assert kept(app) == []


def test_a_column_whose_name_promises_more_than_it_holds_is_told(cxloop: Run) -> None:
    result = cxloop("import", export("when,text\nlast week,It came late\nsoon,All fine\n"))
    assert result.exit_code == 0
    assert "  look at   when: called like the date, but only 0% of it can be read as one" in result.stdout


def test_a_file_that_is_not_there_is_wrong_usage(cxloop: Run) -> None:
    assert cxloop("import", "nowhere.csv").exit_code == 2


def test_a_source_keeps_its_kind(cxloop: Run) -> None:
    file = export(THREE)
    cxloop("import", file, "--kind", "social")
    assert "of kind social" in cxloop("import", file).stdout
    result = cxloop("import", file, "--kind", "review")
    assert result.exit_code == 2
    assert "is of kind social, not review. Say its kind with --kind" in result.stderr


@pytest.mark.parametrize("content", ["", "PK\x03\x04", '[{"text": "fine"}]'])
def test_a_file_that_cannot_be_read_fails_in_one_line(cxloop: Run, content: str) -> None:
    result = cxloop("import", export(content))
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1


def test_rejects_that_cannot_be_written_are_noticed_before_anything_is_taken(cxloop: Run, app: Flask) -> None:
    result = cxloop("import", export(THREE), "--rejects", "nowhere/rejects.csv")
    assert result.exit_code == 1
    assert (
        result.stderr
        == "cxloop: nowhere/rejects.csv cannot be written (No such file or directory): say --rejects PATH.\n"
    )
    assert kept(app) == []


@pytest.mark.sqlite
def test_it_asks_nothing_and_prepares_an_absent_database(cxloop: Run, tmp_path: Path) -> None:
    result = cxloop("import", export(THREE), DATABASE_URL="", DATA=str(tmp_path / "new"))
    assert summary(result) == "read 4, new 3, duplicate 0, rejected 1"
    assert (tmp_path / "new" / "cxloop.sqlite3").exists()


def test_headings_and_names_do_not_talk_to_the_terminal(cxloop: Run) -> None:
    """XSS-08, INJ-07: what a file is called and holds is told with its control characters spelled out."""
    hostile = export("text,\x1b]0;owned\x07\x1b[2J\n" + "fine,x\n" * 9, "a\x1b[31m\u202e.csv")
    for result in (cxloop("import", hostile), cxloop("import", hostile, "--score", "none\x1b[2J")):
        said = result.stdout + result.stderr
        assert r"\x1b" in said
        assert all(char.isprintable() or char == "\n" for char in said)


def test_a_bar_is_drawn_on_a_terminal_only(cxloop: Run, environment: dict[str, str], app: Flask) -> None:
    file = export(THREE)
    assert "%" not in (result := cxloop("import", file)).stdout + result.stderr
    terminal, end = os.openpty()
    command = [sys.executable, "-c", "from cxloop.cli import main; main()", "import", str(file)]
    subprocess.run(
        command,
        env=os.environ | environment | {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=end,
        check=True,
        timeout=60,
    )
    os.close(end)
    drawn = os.read(terminal, 65_536).decode()
    os.close(terminal)
    assert "100%" in drawn


@real_files
@pytest.mark.parametrize(
    ("name", "kind", "new", "rejected"),
    [
        ("reviews_clothing.csv", "review", 2883, 1),
        ("complaints_finance.csv", "email", 1157, 0),
        ("social_airline.csv", "social", 6735, 0),
        ("survey_health.csv", "survey", 2699, 89),
    ],
)
@pytest.mark.slow
def test_the_real_exports_are_kept_whole_and_once(
    cxloop: Run, app: Flask, name: str, kind: str, new: int, rejected: int
) -> None:
    result = cxloop("import", REAL / name, "--kind", kind)
    assert result.exit_code == 0
    assert summary(result) == f"read {new + rejected}, new {new}, duplicate 0, rejected {rejected}"
    if rejected:
        with Path(name.replace(".csv", ".rejects.csv")).open(newline="", encoding="utf-8") as stream:
            assert len(list(csv.reader(stream))) == rejected + 1
    assert (
        summary(cxloop("import", REAL / name)) == f"read {new + rejected}, new 0, duplicate {new}, rejected {rejected}"
    )
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Feedback)) == new
