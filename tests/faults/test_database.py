"""The database fails: nothing half-done stays, and work goes on by itself when it is back."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import OperationalError

from cxloop import drains, events, loop
from cxloop.cases import Case, State
from cxloop.clock import now
from cxloop.db import db, stop_reading, transaction
from cxloop.drains import Kit
from cxloop.intake.models import Feedback
from tests.factories import a_case, a_feedback, a_source, an_item


def count(rows: type) -> int:
    stop_reading()
    return db.session.scalar(sa.select(sa.func.count()).select_from(rows)) or 0


@pytest.mark.postgresql
def test_a_connection_that_is_cut_takes_the_step_back_and_the_next_one_works(app: Flask, in_app: Flask) -> None:
    case = a_case(State.OPEN)
    known = [event.kind for event in events.of(case.subject)]
    cut = sa.text("SELECT pg_terminate_backend(:pid)")

    def resolve_while_it_is_cut() -> None:
        with transaction() as session:
            pid = session.scalar(sa.text("SELECT pg_backend_pid()"))
            loop.resolve(case, cause="wait_time", text="Money back.", by="user:1", at=now())
            with db.engine.connect() as other:
                other.execute(cut, {"pid": pid})
            loop.note(case, "Done.", by="user:1", at=now())

    with pytest.raises(OperationalError):
        resolve_while_it_is_cut()
    assert case.state == State.OPEN
    assert [event.kind for event in events.of(case.subject)] == known


@pytest.mark.postgresql
def test_connections_that_died_in_the_pool_are_not_noticed_by_a_worker(app: Flask, kit: Kit) -> None:
    with app.app_context():
        a_feedback("It came late.", at=now())
        died = db.session.scalar(sa.text("SELECT pg_backend_pid()"))
        with db.engine.connect() as other:
            stop_reading()  # it lies in the pool now
            other.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": died})
    with app.app_context():
        assert drains.drain_tagging(kit) == 1
        assert count(Case) == 1


@contextmanager
def full_disk() -> Iterator[None]:
    """SQLite may not take one page more."""

    def limit(connection: sa.Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    sa.event.listen(db.engine, "begin", limit)
    try:
        yield
    finally:
        sa.event.remove(db.engine, "begin", limit)
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1000000")


@pytest.mark.sqlite
def test_a_full_disk_keeps_what_was_there_and_acknowledges_nothing(in_app: Flask) -> None:
    source = a_source()
    a_feedback("It came late.", source=source)
    many = [an_item("x" * 2000) for _ in range(50)]

    def hear() -> int:
        with transaction():
            return len(loop.hear(source, many, by="test", at=now()).new)

    with full_disk(), pytest.raises(OperationalError, match="full"):
        hear()
    assert count(Feedback) == 1
    assert events.verify().broken is None
    assert hear() == 50


@pytest.mark.sqlite
def test_whoever_waits_too_long_for_another_writer_is_told_and_can_try_again(app: Flask, in_app: Flask) -> None:
    case = a_case()

    def impatient(connection: sa.Connection) -> None:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")

    writer = db.engine.connect().execution_options(writes=True)
    writer.begin()
    sa.event.listen(db.engine, "engine_connect", impatient)
    with pytest.raises(OperationalError, match="locked"), transaction():
        loop.note(case, "Not kept.", by="user:1", at=now())
    sa.event.remove(db.engine, "engine_connect", impatient)
    writer.close()
    with transaction():
        loop.note(case, "Kept.", by="user:1", at=now())
    assert [event.kind for event in events.of(case.subject)].count("note_added") == 1
