"""What `cxloop doctor` asks of the database: does it answer, does it fit, is the work done, do the clocks agree."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from cxloop import jobs
from cxloop.accounts.models import Role, User
from cxloop.cli.findings import Finding, note, ok, wrong
from cxloop.cli.schema import alembic_config
from cxloop.events import Event
from cxloop.intake.models import Feedback
from cxloop.notices.models import Notice, NoticeState
from cxloop.sla.clocks import ClockState
from cxloop.sla.models import Promise

WAITS_TOO_LONG = timedelta(minutes=2)
FAILS_AGAIN_AND_AGAIN = 3
"""Attempts."""
CLOCKS_MAY_DIFFER = timedelta(minutes=1)
REMEMBERED = timedelta(days=7)
"""A notice that failed longer ago than this is history."""


def look_into(url: sa.URL, *, at: datetime) -> Iterator[Finding]:
    """Changes nothing; an embedded database that is not there yet is not made."""
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        yield note(f"There is no database yet: the next command makes {url.database}.")
        return
    engine = sa.create_engine(url, connect_args={"connect_timeout": 5} if url.drivername != "sqlite" else {})
    try:
        connection = engine.connect()
    except DBAPIError as error:
        yield wrong(f"The database does not answer ({_said(error)})", "start it, or correct CXLOOP_DATABASE_URL")
        return
    try:
        with connection:
            yield from _inside(connection, at)
    except DBAPIError as error:
        yield wrong(f"The database cannot be read ({_said(error)})", "mend it, or put a backup in its place")
    finally:
        engine.dispose()


def _inside(connection: sa.Connection, at: datetime) -> Iterator[Finding]:
    version = _fits(connection)
    yield version
    if version.level == "ok":
        for look in (_doors, _work, _stuck, _clock):
            yield from look(connection, at)


def _said(error: DBAPIError) -> str:
    return " ".join(str(error.orig).split())


def _fits(connection: sa.Connection) -> Finding:
    has = set(MigrationContext.configure(connection).get_current_heads())
    scripts = ScriptDirectory.from_config(alembic_config(connection))
    name = connection.engine.url.render_as_string(hide_password=True)
    if has == set(scripts.get_heads()):
        return ok(f"The database answers and fits this version ({name}).")
    unknown = has - {script.revision for script in scripts.walk_revisions()}
    todo = "install the newer cxloop that it belongs to" if unknown else "run `cxloop migrate`"
    return wrong(f"The database ({name}) does not have the version of this code", todo)


def _doors(connection: sa.Connection, _at: datetime) -> Iterator[Finding]:
    admins = sa.select(User.id).where(User.role == Role.ADMIN, User.active).limit(1)
    if connection.scalar(admins) is None:
        yield note("Nobody administers this installation: cxloop user add EMAIL --name NAME --role admin.")


def _work(connection: sa.Connection, at: datetime) -> Iterator[Finding]:
    """A worker that is not alive is wrong only where something waits for it."""
    beat = connection.scalar(sa.select(sa.func.max(jobs.Worker.beat_at)))
    late = at - WAITS_TOO_LONG
    waiting = {
        "feedback": _count(connection, Feedback, Feedback.due_at <= late, Feedback.attempts < FAILS_AGAIN_AND_AGAIN),
        "promises": _count(connection, Promise, Promise.state == ClockState.running, Promise.due_at <= late),
        "notices": _count(connection, Notice, Notice.due_at <= late, Notice.attempts == 0),
    }
    told = ", ".join(f"{name} {number:,}" for name, number in waiting.items() if number)
    alive = beat is not None and at - beat <= jobs.SILENT_AFTER
    if alive and not told:
        yield ok("A worker is alive, and nothing waits for it.")
    elif alive:
        yield note(f"A worker is alive and has some catching up to do ({told}).")
    elif told:
        yield wrong(f"No worker is alive, and work waits for one ({told})", "start `cxloop work`, or `cxloop up`")
    else:
        yield note("No worker is alive; nothing waits for one at the moment (`cxloop work` starts one).")


def _stuck(connection: sa.Connection, at: datetime) -> Iterator[Finding]:
    unread = (Feedback.due_at.is_not(None), Feedback.attempts >= FAILS_AGAIN_AND_AGAIN)
    if number := _count(connection, Feedback, *unread):
        error = connection.scalar(sa.select(Feedback.last_error).where(*unread).limit(1))
        yield wrong(f"{number:,} pieces of feedback cannot be tagged ({error})", "mend that; they are tried again")
    aside = (Promise.state == ClockState.running, Promise.last_error.is_not(None))
    if number := _count(connection, Promise, *aside):
        error = connection.scalar(sa.select(Promise.last_error).where(*aside).limit(1))
        yield wrong(f"{number:,} promises were set aside ({error})", "mend that; they are tried again")
    delayed = (Notice.state == NoticeState.DUE, Notice.attempts >= FAILS_AGAIN_AND_AGAIN)
    if number := _count(connection, Notice, *delayed):
        error = connection.scalar(sa.select(Notice.last_error).where(*delayed).limit(1))
        yield wrong(f"{number:,} notices cannot be sent ({error})", "check CXLOOP_SMTP_URL and the mail server")
    failed = Notice.state == NoticeState.FAILED
    if number := _count(connection, Notice, failed, Notice.created_at >= at - REMEMBERED):
        yield wrong(
            f"{number:,} notices of the last week failed for good", "see why on the page /outbox, and send them again"
        )
    elif number := _count(connection, Notice, failed):
        yield note(f"{number:,} notices failed more than a week ago: the page /outbox says why.")


def _clock(connection: sa.Connection, at: datetime) -> Iterator[Finding]:
    newest = connection.scalar(sa.select(Event.at).order_by(Event.id.desc()).limit(1))
    if newest is not None and newest > at + CLOCKS_MAY_DIFFER:
        ahead = str(newest - at).partition(".")[0]
        yield wrong(f"The newest event lies {ahead} ahead of this machine's clock", "set the clock (NTP) everywhere")
    else:
        yield ok("The clock agrees with the record of events.")


def _count(connection: sa.Connection, rows: Any, *conditions: sa.ColumnElement[bool]) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(rows).where(*conditions)) or 0
