"""`cxloop export`."""

import csv
import io
import json
import stat
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask
from hypothesis import given as examples
from hypothesis import strategies as st

from cxloop import accounts
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.events import Event
from cxloop.intake.models import SourceKind
from cxloop.intake.spreadsheets import guarded, unguarded
from tests.factories import MONDAY, a_case, a_feedback, a_source, a_survey, a_token, a_user

Cxloop = Callable[..., Result]

FORMULAS = [
    "=cmd|'/c calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "＝1+1", "＋1", "－1", "＠SUM(A1)", "'=1+1", "''@x",
]  # fmt: skip
HARMLESS = ["It's fine", "'quoted'", "1 = 1", "a\nb", 'said "no", twice', "ｆｕｌｌ", "'"]


def table(done: Result) -> list[dict[str, str]]:
    assert done.exit_code == 0, done.output
    return list(csv.DictReader(io.StringIO(done.stdout, newline="")))


def lines(done: Result) -> list[dict[str, Any]]:
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_feedback_is_told_with_what_was_made_of_it(cxloop: Cxloop, given: Callable[..., Any]) -> None:
    given(a_feedback, None, score=9.0, scale="0-10", email=None)
    given(
        a_case,
        text="The parcel came late.",
        score=2.0,
        scale="1-5",
        customer_name="Mina",
        email="mina@example.test",
        question="How was it?",
        occurred_at=MONDAY - timedelta(days=1),
    )
    bare, told = table(cxloop("export", "feedback"))
    assert (bare["text"], bare["rating"], bare["email"], bare["case"]) == ("", "9 out of 10", "", "")
    assert {name: told[name] for name in ("text", "rating", "score", "scale", "name", "email", "question", "when")} == {
        "text": "The parcel came late.",
        "rating": "2 out of 5",
        "score": "2",
        "scale": "1-5",
        "name": "Mina",
        "email": "mina@example.test",
        "question": "How was it?",
        "when": "2026-03-01T09:00:00+00:00",
    }
    assert (told["sentiment"], told["causes"], told["case"]) == ("negative", "delivery_delay", "CX-00001")


def test_cases_are_told_with_their_people_and_promises(cxloop: Cxloop, given: Callable[..., Any]) -> None:
    given(a_user, email="ana@firm.test")
    given(a_case, "closed", email="mina@example.test")
    given(a_case, "waiting")
    closed, waiting = lines(cxloop("export", "cases", "--format", "jsonl"))
    assert (closed["state"], closed["outcome"], closed["owner"]) == ("closed", "confirmed", "ana@firm.test")
    assert (closed["email"], closed["first_response"], closed["resolution"]) == ("mina@example.test", "met", "met")
    assert (waiting["waiting_on"], waiting["resolution"], waiting["closed_at"]) == ("customer", "paused", None)


def test_events_are_told_so_that_somebody_else_can_check_the_chain(
    cxloop: Cxloop, app: Flask, given: Callable[..., Any]
) -> None:
    given(a_case, "closed")
    told = lines(cxloop("export", "events", "--format", "jsonl"))
    with app.app_context():
        kept = list(db.session.scalars(sa.select(Event).order_by(Event.id)))
        assert [(row["subject"], row["seq"], row["kind"], row["hash"]) for row in told] == [
            (row.subject, row.seq, row.kind, row.digest()) for row in kept
        ]
    last = {}
    for row in told:
        assert row["prev"] == last.get(row["subject"], "")
        last[row["subject"]] = row["hash"]
    assert [json.loads(row["data"]) for row in table(cxloop("export", "events"))] == [row["data"] for row in told]


@pytest.mark.parametrize("what", ["feedback", "cases", "events"])
def test_where_there_is_nothing_the_columns_are_named_all_the_same(cxloop: Cxloop, what: str) -> None:
    done = cxloop("export", what)
    assert table(done) == []
    assert "id," in done.stdout
    assert cxloop("export", what, "--format", "jsonl").stdout == ""


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_runs_as_a_formula(cxloop: Cxloop, given: Callable[..., Any], formula: str) -> None:
    given(a_feedback, f"{formula} DDE", customer_name=formula, email=None)
    [row] = table(cxloop("export", "feedback"))
    assert [cell for cell in row.values() if cell[:1] in tuple("=+-@\t\r＝＋－＠")] == []
    assert row["text"] == f"'{formula} DDE"
    [told] = lines(cxloop("export", "feedback", "--format", "jsonl"))
    assert told["text"] == f"{formula} DDE", "JSON is no spreadsheet"


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert guarded(text) == text
    assert unguarded(text) == text


@examples(st.text(st.sampled_from("'=+-@\t\r\n＝＋－＠aé 1"), max_size=8) | st.text())
def test_guarding_loses_nothing(text: str) -> None:
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_exported_feedback_imports_again_as_it_was(
    cxloop: Cxloop, given: Callable[..., Any], databases: Any, tmp_path: Path, form: str
) -> None:
    shop = given(a_source, "Shop", SourceKind.REVIEW)
    for number, text in enumerate(["Late.", 'He said "no",\nand left', "Schön · 好 🙂", None, *HARMLESS]):
        score = {"score": float(number % 5 + 1), "scale": "1-5"} if number % 3 else {"score": 7.0, "scale": "0-10"}
        who = {"customer_ref": f"user{number}", "customer_name": f"Mina {number}"} if number % 2 else {}
        given(
            a_feedback,
            text,
            source=shop,
            external_id=f"r-{number}",
            question="How was it?",
            occurred_at=MONDAY - timedelta(days=number, microseconds=number),
            **score,
            **who,
        )
    file = tmp_path / f"shop.{form}"
    assert cxloop("export", "feedback", "--format", form, "--source", "Shop", "--output", file).exit_code == 0

    again = cxloop("import", file, "--source", "Shop", "--kind", "review", "--rejects", tmp_path / "rejects.csv")
    assert "new 0, duplicate 11, rejected 0" in again.stdout, "the same installation has it all"

    elsewhere = {"DATABASE_URL": f"sqlite:///{tmp_path / 'elsewhere.sqlite3'}"}
    there = cxloop(
        "import", file, "--source", "Shop", "--kind", "review", "--rejects", tmp_path / "rejects.csv", **elsewhere
    )
    assert "new 11, duplicate 0, rejected 0" in there.stdout, there.output
    same = ("id", "source", "kind", "text", "rating", "score", "scale", "question", "when", "name", "email", "customer")
    before, after = (
        [{name: row[name] for name in same} for row in lines(cxloop("export", "feedback", "--format", "jsonl", **to))]
        for to in ({}, elsewhere)
    )
    assert after == before


def test_a_guarded_cell_imports_again_as_it_was(cxloop: Cxloop, given: Callable[..., Any], tmp_path: Path) -> None:
    for number, formula in enumerate(formula for formula in FORMULAS if formula == formula.strip()):
        given(a_feedback, formula, external_id=f"r-{number}")
    file, elsewhere = tmp_path / "all.csv", {"DATABASE_URL": f"sqlite:///{tmp_path / 'elsewhere.sqlite3'}"}
    cxloop("export", "feedback", "--output", file)
    cxloop("import", file, "--rejects", tmp_path / "rejects.csv", **elsewhere)
    before, after = (
        [row["text"] for row in lines(cxloop("export", "feedback", "--format", "jsonl", **to))]
        for to in ({}, elsewhere)
    )
    assert after == before


def test_one_source_alone_can_be_told(cxloop: Cxloop, given: Callable[..., Any]) -> None:
    given(a_feedback, "One", source=given(a_source, "Shop"))
    given(a_feedback, "Two", source=given(a_source, "Web"))
    assert [row["text"] for row in table(cxloop("export", "feedback", "--source", "Web"))] == ["Two"]
    assert cxloop("export", "feedback", "--source", "Nowhere").exit_code == 1
    assert cxloop("export", "cases", "--source", "Web").exit_code == 2


def test_no_secret_leaves(cxloop: Cxloop, app: Flask, given: Callable[..., Any], settings: dict[str, str]) -> None:
    user = given(a_user, password="correct horse battery")
    _, token = given(a_token)
    key = given(a_survey).key
    given(a_case, "closed")
    with app.app_context(), transaction():
        link = accounts.offer_sign_in_link(db.session.get_one(type(user), user.id), at=now())
        session = accounts.open_session(db.session.get_one(type(user), user.id), at=now())
    told = "".join(
        cxloop("export", what, "--format", form).stdout
        for what in ("feedback", "cases", "events")
        for form in ("csv", "jsonl")
    )
    secrets = [
        settings["SECRET_KEY"],
        token,
        token.rpartition("_")[2],
        key,
        link,
        session,
        user.password_hash,
        "argon2",
    ]
    assert [secret for secret in secrets if secret in told] == []


def test_a_file_is_complete_or_absent_and_its_owners_alone(
    cxloop: Cxloop, given: Callable[..., Any], tmp_path: Path
) -> None:
    given(a_feedback)
    file = tmp_path / "all.csv"
    file.write_text("from yesterday")
    done = cxloop("export", "feedback", "--output", file)
    assert (done.stdout, "1 rows" in done.stderr) == ("", True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "The parcel came late." in file.read_text()
    assert cxloop("export", "feedback", "--output", file, "--source", "Nowhere").exit_code == 1
    assert "The parcel came late." in file.read_text(), "an export that failed takes nothing away"
    assert [path.name for path in tmp_path.glob("all*")] == ["all.csv"]


def test_a_place_that_cannot_be_written_to_is_one_line(cxloop: Cxloop, tmp_path: Path) -> None:
    done = cxloop("export", "feedback", "--output", tmp_path / "absent" / "all.csv")
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1


def test_rows_are_fetched_as_they_are_written(cxloop: Cxloop, app: Flask, tmp_path: Path) -> None:
    with app.app_context(), transaction():
        db.session.execute(sa.insert(Event), [_event(number, "x" * 2_000) for number in range(1, 10_001)])
    tracemalloc.start()
    try:
        assert cxloop("export", "events", "--output", tmp_path / "events.csv").exit_code == 0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "events.csv").stat().st_size > 20_000_000
    assert peak < 10_000_000


def _event(number: int, text: str) -> dict[str, Any]:
    named = {"subject": f"x:{number}", "seq": 1, "kind": "x", "by": "test", "prev": "", "hash": "0" * 64}
    return named | {"at": MONDAY, "data": {"text": text}}
