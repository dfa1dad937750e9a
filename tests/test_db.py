"""The database: one commit, moments with a zone, rows that are claimed once."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop.accounts.models import Team, User
from cxloop.db import (
    Instant,
    after,
    alone,
    backoff,
    database_url,
    db,
    insert,
    locked,
    stop_reading,
    transaction,
)
from cxloop.errors import CxloopError
from cxloop.jobs import Worker
from tests.factories import MONDAY, an_agent
from tests.together import together


def teams() -> list[str]:
    stop_reading()
    return list(db.session.scalars(sa.select(Team.name).order_by(Team.name)))


# -------------------------------------------------------------------------------------------------- transactions


def test_what_happens_inside_is_committed(in_app: Flask) -> None:
    with transaction() as session:
        session.add(Team(name="Care"))
    stop_reading()
    assert teams() == ["Care"]


def test_an_error_takes_everything_back(in_app: Flask) -> None:
    def fail() -> None:
        with transaction() as session:
            session.add(Team(name="Care"))
            session.flush()
            raise KeyError("half-way")

    with pytest.raises(KeyError):
        fail()
    assert teams() == []
    with transaction() as session:
        session.add(Team(name="Billing"))
    assert teams() == ["Billing"]


@pytest.mark.parametrize("how", ["added", "changed", "deleted"])
def test_a_change_outside_a_transaction_is_refused(in_app: Flask, how: str) -> None:
    with transaction() as session:
        session.add(Team(name="Care"))
    team = db.session.scalars(sa.select(Team)).one()
    if how == "added":
        db.session.add(Team(name="Billing"))
    elif how == "changed":
        team.name = "Billing"
    else:
        db.session.delete(team)
    with pytest.raises(RuntimeError, match="outside a transaction"), transaction():
        pass
    db.session.rollback()
    assert teams() == ["Care"]


def test_a_transaction_in_another_is_refused_before_it_loses_anything(in_app: Flask) -> None:
    def nest() -> None:
        with transaction() as session:
            session.execute(sa.insert(Team).values(name="Care"))
            with transaction():
                pass

    with pytest.raises(RuntimeError, match="do not nest"):
        nest()
    assert teams() == []


def test_what_was_read_before_is_read_again_inside(app: Flask, in_app: Flask) -> None:
    with transaction() as session:
        session.add(Team(name="Care"))
    team = db.session.scalars(sa.select(Team)).one()

    def rename() -> None:
        with transaction() as session:
            session.scalars(sa.select(Team)).one().name = "Billing"

    together(app, rename)
    with transaction():
        assert team.name == "Billing"


def test_two_who_read_and_then_write_at_once_lose_nothing(app: Flask) -> None:
    """Also on SQLite, where whoever reads before writing without BEGIN IMMEDIATE meets "database is locked"."""
    with app.app_context(), transaction() as session:
        session.add(Team(name="0"))

    def count_up() -> None:
        for _ in range(20):
            with transaction() as session:
                team = session.scalars(sa.select(Team).with_for_update(of=Team)).one()
                team.name = str(int(team.name) + 1)

    together(app, count_up, count_up, count_up)
    with app.app_context():
        assert teams() == ["60"]


COUNT_UP = """
import sqlalchemy as sa, sys
from cxloop.accounts.models import Team
from cxloop.app import create_app
from cxloop.db import transaction
app = create_app(type("Settings", (), {"DATABASE_URL": sys.argv[1], "SECRET_KEY": "x" * 40}))
with app.app_context():
    for _ in range(50):
        with transaction() as session:
            team = session.scalars(sa.select(Team).with_for_update(of=Team)).one()
            team.name = str(int(team.name) + 1)
"""


def test_two_processes_that_read_and_then_write_lose_nothing(app: Flask, database_url: str) -> None:
    with app.app_context(), transaction() as session:
        session.add(Team(name="0"))
    command = [sys.executable, "-c", COUNT_UP, database_url]
    both = [subprocess.Popen(command, env=os.environ, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[1] for process in both] == ["", ""]
    with app.app_context():
        assert teams() == ["100"]


@pytest.mark.sqlite
def test_sqlite_begins_to_write_at_once_and_to_read_without_a_lock(app: Flask, in_app: Flask) -> None:
    db.session.scalars(sa.select(Team)).all()  # reading
    together(app, lambda: _add("Care"))  # keeps nobody from writing
    begun: list[str] = []
    sa.event.listen(db.engine, "before_cursor_execute", lambda c, cur, statement, *_: begun.append(statement))
    with transaction():
        pass
    assert begun == ["BEGIN IMMEDIATE"]


def _add(name: str) -> None:
    with transaction() as session:
        session.add(Team(name=name))


@pytest.mark.sqlite
def test_sqlite_keeps_its_promises(in_app: Flask) -> None:
    found = {name: db.session.scalar(sa.text(f"PRAGMA {name}")) for name in ("journal_mode", "foreign_keys")}
    assert found == {"journal_mode": "wal", "foreign_keys": 1}


def test_only_one_at_a_time_does_what_is_done_alone(app: Flask) -> None:
    inside: list[str] = []

    def work() -> None:
        with transaction():
            alone("a matter without a row")
            inside.append("in")
            db.session.execute(sa.select(Team)).all()
            inside.append("out")

    together(app, work, work, work)
    assert inside == ["in", "out"] * 3


# ------------------------------------------------------------------------------------------------------- moments


def test_a_moment_comes_back_aware_and_in_utc(in_app: Flask) -> None:
    somewhere = datetime(2026, 3, 2, 10, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    agent = an_agent(at=somewhere)
    db.session.refresh(agent)
    assert agent.created_at == somewhere
    assert agent.created_at.tzinfo is UTC


def test_a_moment_without_a_zone_is_refused() -> None:
    for dialect in (sa.dialects.sqlite.dialect(), sa.dialects.postgresql.dialect()):
        with pytest.raises(ValueError, match="without a zone"):
            Instant().process_bind_param(datetime(2026, 3, 2), dialect)  # noqa: DTZ001


# --------------------------------------------------------------------------------------------------- small things


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 30), (2, 60), (3, 120), (7, 1920), (8, 3600), (50, 3600), (5000, 3600)]
)
def test_one_waits_longer_after_each_failure_but_no_more_than_about_an_hour(attempts: int, seconds: int) -> None:
    waits = {backoff(attempts).total_seconds() for _ in range(50)}
    assert all(0.75 * seconds <= wait <= 1.25 * seconds for wait in waits)
    assert len(waits) > 1, "without jitter all would come back at once"


def test_a_locked_row_is_read_as_it_is_now(app: Flask, in_app: Flask) -> None:
    agent = an_agent(name="Amira")

    def rename() -> None:
        with transaction() as session:
            session.get_one(User, agent_id).name = "Jonas"

    agent_id = agent.id
    with transaction():
        pass
    assert agent.name == "Amira"
    together(app, rename)
    with transaction():
        found = locked(User, agent_id)
        assert found is not None
        assert found.name == "Jonas"
        assert locked(User, agent_id + 1) is None


def test_an_insert_that_meets_its_row_can_change_it(in_app: Flask) -> None:
    for beat in (0, 1):
        with transaction() as session:
            moment = MONDAY + timedelta(seconds=beat)
            new = insert(Worker).values(name="w", started_at=MONDAY, beat_at=moment)
            session.execute(new.on_conflict_do_update(index_elements=["name"], set_={"beat_at": moment}))
    [worker] = db.session.scalars(sa.select(Worker))
    assert (worker.started_at, worker.beat_at) == (MONDAY, MONDAY + timedelta(seconds=1))


def test_a_page_begins_behind_the_last_key(in_app: Flask) -> None:
    with transaction() as session:
        session.add_all([Worker(name=name, started_at=MONDAY, beat_at=MONDAY) for name in "abcd"])
    behind = sa.select(Worker.name).where(after((Worker.beat_at, Worker.name), (MONDAY, "b")))
    assert list(db.session.scalars(behind.order_by(Worker.beat_at, Worker.name))) == ["c", "d"]


@pytest.mark.parametrize(
    ("configured", "url"),
    [
        ("", "sqlite:////data/cxloop.sqlite3"),
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("sqlite:////tmp/x.db", "sqlite:////tmp/x.db"),
    ],
)
def test_the_ways_to_name_a_database(configured: str, url: str) -> None:
    assert database_url(configured, "/data") == url


@pytest.mark.parametrize("configured", ["mysql://h/d", "/tmp/x.db", "sqlite://", "postgresql+psycopg2://h/d"])
def test_a_database_we_do_not_know_is_refused(configured: str) -> None:
    with pytest.raises(CxloopError, match="CXLOOP_DATABASE_URL"):
        database_url(configured, "/data")
