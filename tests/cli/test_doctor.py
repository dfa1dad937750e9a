"""`cxloop doctor`: each thing that can be wrong is found, in one line that says what to do, and never a traceback."""

import shutil
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from cxloop import events, jobs, paths
from cxloop.accounts.models import Role
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.intake.models import Feedback
from cxloop.notices.models import Notice, NoticeState
from cxloop.sla.models import Promise
from tests.databases import Databases
from tests.factories import a_case, a_feedback, a_user
from tests.smtp import MailServer

Cxloop = Callable[..., Result]


@pytest.fixture
def whole_model(tmp_path: Path) -> Path:
    """A copy of the shipped model, to be harmed."""
    copy = tmp_path / "model"
    shutil.copytree(paths.model_folder(), copy)
    return copy


@pytest.fixture
def doctor(cxloop: Cxloop) -> Callable[..., tuple[int, list[str]]]:
    """The exit code of `cxloop doctor`, and its lines that say what is wrong."""

    def look(**settings: str) -> tuple[int, list[str]]:
        done = cxloop("doctor", **settings)
        assert done.stderr == ""
        assert all(line[:7] in ("ok     ", "note   ", "WRONG  ") for line in done.stdout.splitlines()[:-1]), done.stdout
        return done.exit_code, [line for line in done.stdout.splitlines() if line.startswith("WRONG")]

    return look


Doctor = Callable[..., tuple[int, list[str]]]


def test_a_sound_installation_with_a_worker(
    doctor: Doctor, cxloop: Cxloop, app: Flask, given: Callable[..., Any]
) -> None:
    given(a_user, Role.ADMIN)
    with app.app_context(), transaction():
        jobs.beat("one", model=None, at=now())
    assert doctor() == (0, [])
    assert "A worker is alive" in cxloop("doctor").stdout


def test_where_nothing_is_installed_yet_nothing_is_wrong_and_nothing_is_made(doctor: Doctor, tmp_path: Path) -> None:
    data = tmp_path / "new"
    assert doctor(DATABASE_URL="", SECRET_KEY="", DATA=str(data)) == (0, [])
    assert not data.exists()


@pytest.mark.parametrize(
    ("mistaken", "named"),
    [
        ({"DATABASE_URL": "mysql://localhost/x"}, "CXLOOP_DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://who:hunter2@127.0.0.1:1/x"}, "does not answer"),
        ({"SECRET_KEY": "short"}, "CXLOOP_SECRET_KEY"),
        ({"SECRET_KEY": "a" * 64}, "can be guessed"),
        ({"DATABASE_URL": "postgresql://127.0.0.1:1/x", "SECRET_KEY": ""}, "CXLOOP_SECRET_KEY is not set"),
        ({"BASE_URL": "care.example.com"}, "CXLOOP_BASE_URL"),
        ({"SMTP_URL": "mail.example.com"}, "CXLOOP_SMTP_URL"),
        ({"SMTP_URL": "smtp://mail.example.com:many"}, "CXLOOP_SMTP_URL"),
        ({"MODEL": "/nowhere"}, "No tagger"),
        ({"DATA": __file__}, "Nothing can be written"),
    ],
)
def test_a_setting_that_cannot_serve(doctor: Doctor, mistaken: dict[str, str], named: str) -> None:
    code, lines = doctor(**mistaken)
    assert code == 1
    assert any(named in line for line in lines), lines
    assert "hunter2" not in " ".join(lines)


@pytest.mark.parametrize("url", ["mysql://localhost/x", "postgresql://host:many/x"])
def test_a_database_url_that_cannot_serve_is_named_once(doctor: Doctor, url: str) -> None:
    code, lines = doctor(DATABASE_URL=url)
    assert (code, len(lines)) == (1, 1)
    code, lines = doctor(DATABASE_URL=url, SECRET_KEY="")
    assert [line for line in lines if "CXLOOP_DATABASE_URL" in line or "database" in line] == lines[-1:]


def test_a_mail_server_that_lets_us_in(doctor: Doctor, cxloop: Cxloop, smtp: MailServer) -> None:
    assert doctor(SMTP_URL=smtp.url) == (0, [])
    assert f"Mail leaves by 127.0.0.1:{smtp.port}" in cxloop("doctor", SMTP_URL=smtp.url).stdout
    assert smtp.received == []


@pytest.mark.parametrize(
    ("user", "more", "named"),
    [("", "&tls=starttls", "STARTTLS"), ("me:pw@", "&tls=none", "AUTH"), ("", "&tls=tls", "SSL")],
)
def test_a_mail_server_that_does_not_take_us_as_set(
    doctor: Doctor, smtp: MailServer, user: str, more: str, named: str
) -> None:
    code, [line] = doctor(SMTP_URL=smtp.url.replace("//", f"//{user}") + more)
    assert (code, "No way into the mail server" in line, named in line) == (1, True, True), line
    assert "pw" not in line


def test_a_mail_server_that_is_not_there(doctor: Doctor) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        code, [line] = doctor(SMTP_URL=f"smtp://{where}?from=care@example.test")
    assert (code, where in line, "CXLOOP_SMTP_URL" in line) == (1, True, True)


def test_a_database_that_is_not_migrated(doctor: Doctor, databases: Databases) -> None:
    code, [line] = doctor(DATABASE_URL=touched(databases.empty()))
    assert (code, "cxloop migrate" in line) == (1, True)


def test_a_database_of_a_newer_version(doctor: Doctor, databases: Databases) -> None:
    url = databases.fresh()
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        known = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = 'from the future'"))
    try:
        code, [line] = doctor(DATABASE_URL=url)
    finally:
        with engine.begin() as connection:  # on PostgreSQL all tests share it
            connection.execute(sa.text("UPDATE alembic_version SET version_num = :known"), {"known": known})
    assert (code, "install the newer cxloop" in line) == (1, True)


@pytest.mark.sqlite
def test_a_file_that_is_no_database(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "broken.sqlite3").write_text("This is not a database. " * 100)
    code, [line] = doctor(DATABASE_URL=f"sqlite:///{tmp_path / 'broken.sqlite3'}")
    assert (code, "cannot be read" in line) == (1, True)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_secret_that_others_may_read(doctor: Doctor, cxloop: Cxloop, tmp_path: Path, mode: int) -> None:
    own = {"DATABASE_URL": "", "SECRET_KEY": "", "DATA": str(tmp_path / "own")}
    assert cxloop("status", **own).exit_code == 0
    assert doctor(**own) == (0, [])
    (tmp_path / "own" / "secret.key").chmod(mode)
    code, [line] = doctor(**own)
    assert (code, "chmod 600" in line) == (1, True)


@pytest.mark.parametrize("file", ["model.int8.onnx", "tokenizer.json", "manifest.json"])
@pytest.mark.parametrize("harm", ["changed", "gone"])
def test_a_model_that_is_not_the_one_that_was_measured(doctor: Doctor, whole_model: Path, file: str, harm: str) -> None:
    assert doctor(MODEL=str(whole_model)) == (0, [])
    if harm == "gone":
        (whole_model / file).unlink()
    else:
        with (whole_model / file).open("ab") as graph:
            graph.write(b"x")
    code, [line] = doctor(MODEL=str(whole_model))
    assert (code, str(whole_model) in line) == (1, True)


def test_work_that_waits_while_no_worker_is_alive(doctor: Doctor, app: Flask, given: Callable[..., Any]) -> None:
    given(a_feedback, at=now() - timedelta(minutes=5))
    code, [line] = doctor()
    assert (code, "feedback 1" in line, "cxloop work" in line) == (1, True, True)
    with app.app_context(), transaction():
        jobs.beat("one", model=None, at=now())
    assert doctor() == (0, [])


@pytest.mark.parametrize(
    ("stick", "named"),
    [
        (
            sa.update(Feedback).values(attempts=5, last_error="MemoryError"),
            "1 pieces of feedback cannot be tagged (Mem",
        ),
        (sa.update(Promise).where(Promise.id == 1).values(last_error="KeyError: 'mon'"), "1 promises were set aside"),
        (sa.update(Notice).values(state=NoticeState.FAILED, due_at=None), "1 notices of the last week failed"),
        (sa.update(Notice).values(attempts=4, last_error="Unavailable: no route"), "1 notices cannot be sent (Unav"),
    ],
)
def test_rows_that_are_stuck(doctor: Doctor, app: Flask, given: Callable[..., Any], stick: Any, named: str) -> None:
    given(a_case, at=now())
    given(a_feedback, at=now())
    with app.app_context(), transaction():
        db.session.execute(stick)
        jobs.beat("one", model=None, at=now())
    code, lines = doctor()
    assert code == 1
    assert any(named in line for line in lines), lines


def test_what_failed_long_ago_is_history(doctor: Doctor, app: Flask, given: Callable[..., Any]) -> None:
    given(a_case, "closed", at=now() - timedelta(days=30))
    with app.app_context(), transaction():
        db.session.execute(sa.update(Notice).values(state=NoticeState.FAILED, due_at=None))
    assert doctor() == (0, [])


def test_a_clock_that_lags_behind_what_was_recorded(doctor: Doctor, app: Flask) -> None:
    with app.app_context(), transaction():
        events.record("user:1", "user_added", by="test", at=now() + timedelta(hours=3))
    code, [line] = doctor()
    assert (code, "NTP" in line) == (1, True)


def test_a_look_that_fails_is_a_finding_too(doctor: Doctor, app: Flask) -> None:
    with app.app_context(), transaction():
        db.session.execute(sa.text('ALTER TABLE "notice" RENAME TO "not_there"'))
    try:
        code, lines = doctor()
    finally:
        with app.app_context(), transaction():  # on PostgreSQL all tests share it
            db.session.execute(sa.text('ALTER TABLE "not_there" RENAME TO "notice"'))
    assert code == 1
    assert len(lines) == 1


def touched(url: str) -> str:
    """The URL, its file there if it is one: an absent file is a new installation."""
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).touch()
    return url
