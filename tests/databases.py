"""The databases of a run: one kind, made by the real migrations, empty for each test."""

import os
import secrets
import shutil
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from cxloop.app import create_app
from cxloop.cli import schema
from cxloop.db import Base, db

SECRET = "a secret of forty characters for the tests"
DEFAULT_POSTGRES = "postgresql://postgres@127.0.0.1:5432/test"


class Databases(Protocol):
    def fresh(self) -> str:
        """The URL of a migrated database without rows."""

    def empty(self) -> str:
        """The URL of a database without tables."""

    def close(self) -> None: ...


class SqliteDatabases:
    """Files in a folder of the run; a fresh one is a copy of one that was migrated once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._template = folder / "template.sqlite3"

    def fresh(self) -> str:
        if not self._template.exists():
            migrate(f"sqlite:///{self._template}")
        file = self._new()
        shutil.copyfile(self._template, file)
        return f"sqlite:///{file}"

    def empty(self) -> str:
        return f"sqlite:///{self._new()}"

    def close(self) -> None:
        """pytest removes the folder."""

    def _new(self) -> Path:
        return self._folder / f"{secrets.token_hex(6)}.sqlite3"


class PostgresDatabases:
    """Databases with names of their own on the server of CXLOOP_TEST_POSTGRES, dropped at the end; no other is touched.

    All tests share one, which is emptied before each: a new one would take the better part of a second.
    """

    def __init__(self) -> None:
        self._server = os.environ.get("CXLOOP_TEST_POSTGRES", DEFAULT_POSTGRES)
        try:
            self._admin = psycopg.connect(self._server, autocommit=True, connect_timeout=5)
        except psycopg.OperationalError as error:
            raise pytest.UsageError(f"no PostgreSQL to test on (see CXLOOP_TEST_POSTGRES): {error}") from error
        self._names: list[str] = []
        self._shared: psycopg.Connection[Any] | None = None

    def fresh(self) -> str:
        if self._shared is None:
            url = self.empty()
            migrate(url)
            self._shared = psycopg.connect(url, autocommit=True, options="-c lock_timeout=10s")
        tables = [sql.SQL("DELETE FROM {};").format(sql.Identifier(table.name)) for table in children_first()]
        restart = sql.SQL("SELECT setval(format('%I', sequencename)::regclass, start_value, false) FROM pg_sequences")
        with self._shared.transaction():
            self._shared.execute(sql.SQL("").join([*tables, restart]))
        return self._url(self._names[0])

    def empty(self) -> str:
        name = f"cxloop_test_{os.getpid()}_{secrets.token_hex(4)}"
        self._admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name))
        )
        self._names.append(name)
        relaxed = sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name))
        self._admin.execute(relaxed)  # a test does not outlive a power cut
        return self._url(name)

    def close(self) -> None:
        if self._shared:
            self._shared.close()
        for name in self._names:
            self._admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        self._admin.close()

    def _url(self, name: str) -> str:
        return make_url(self._server).set(database=name).render_as_string(hide_password=False)


def migrate(url: str) -> None:
    app = create_app(type("Settings", (), {"DATABASE_URL": url, "SECRET_KEY": SECRET}))
    schema.upgrade(app)
    with app.app_context():
        db.engine.dispose()


def children_first() -> list[Any]:
    """The tables, those that refer to others before these."""
    return list(reversed(Base.metadata.sorted_tables))
