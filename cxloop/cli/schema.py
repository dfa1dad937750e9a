"""Bringing the database to the version of this code, one process at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask

from cxloop import paths
from cxloop.db import db
from cxloop.errors import CxloopError

_LOCK = 0x6378_6C6F  # "cxlo": the advisory lock that migrations hold on PostgreSQL


def alembic_config(connection: sa.Connection) -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(paths.migrations()))
    config.attributes["connection"] = connection
    return config


def upgrade(app: Flask) -> bool:
    """Migrate to the newest version, under a lock; whether there was anything to do."""
    with app.app_context(), _alone(), db.engine.begin() as connection:
        if _is_current(connection):
            return False
        command.upgrade(alembic_config(connection), "head")
        return True


def require_current(app: Flask) -> None:
    """Raises CxloopError unless the database has the version of this code."""
    with app.app_context(), db.engine.connect() as connection:
        if not _is_current(connection):
            raise CxloopError("The database does not have the version of this code: run `cxloop migrate`.")


def _is_current(connection: sa.Connection) -> bool:
    heads = ScriptDirectory.from_config(alembic_config(connection)).get_heads()
    return set(MigrationContext.configure(connection).get_current_heads()) == set(heads)


@contextmanager
def _alone() -> Iterator[None]:
    """A file lock beside an embedded database, a session-level advisory lock on PostgreSQL."""
    url = db.engine.url
    if url.get_backend_name() == "sqlite":
        with Path(f"{url.database}.migrating").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    else:
        with db.engine.connect() as guard:
            guard.execute(sa.select(sa.func.pg_advisory_lock(_LOCK)))
            yield
            guard.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK)))
