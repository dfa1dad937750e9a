"""What every test stands on: a real database that is new for each test, the application, and what is outside of it.

A run uses one kind of database: `CXLOOP_TEST_DATABASE=sqlite` (the default) or `postgresql`.
"""

import ipaddress
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, event

from cxloop.app import create_app
from cxloop.cli import main
from cxloop.db import Base, db
from cxloop.drains import Kit
from cxloop.notices.smtp import SmtpSettings
from tests.databases import SECRET, Databases, PostgresDatabases, SqliteDatabases
from tests.fakes import FakeTagger
from tests.smtp import MailServer

KIND = os.environ.get("CXLOOP_TEST_DATABASE", "sqlite")
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

Row = TypeVar("Row", bound=Base)


def pytest_configure() -> None:
    if KIND not in ("sqlite", "postgresql"):
        raise pytest.UsageError(f"CXLOOP_TEST_DATABASE is sqlite or postgresql, not {KIND!r}")
    for name in os.environ.keys() - OFFLINE.keys():
        if name.startswith("CXLOOP_") and not name.startswith("CXLOOP_TEST_"):
            del os.environ[name]  # the settings of whoever runs the tests are not the tests'
    os.environ.update(OFFLINE)


def pytest_report_header() -> str:
    return f"database: {KIND}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    other = {"sqlite": "postgresql", "postgresql": "sqlite"}[KIND]
    for item in items:
        if item.get_closest_marker(other):
            item.add_marker(pytest.mark.skip(reason=f"about {other} alone, and this run is on {KIND}"))
        fixtures = set(getattr(item, "fixturenames", ()))
        if "in_app" in fixtures and fixtures & {"client", "live_app"}:
            raise pytest.UsageError(
                f"{item.nodeid} holds an application context open around the client: Flask-Login would keep the user "
                "on it. Build with `given(a_case, …)` and look with `with app.app_context():`."
            )


# ------------------------------------------------------------------------------------------------ the network


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    """No test talks to anything but this machine."""

    def guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
        def check(self: socket.socket, address: Any) -> Any:
            if self.family != socket.AF_UNIX and not is_loopback(address[0]):
                raise RuntimeError(f"a test tried to reach {address[0]}: only loopback is allowed")
            return connect(self, address)

        return check

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
        yield


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# ------------------------------------------------------------------------------- the database and the application


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    made: Databases = PostgresDatabases() if KIND == "postgresql" else SqliteDatabases(tmp_path_factory.mktemp("db"))
    yield made
    made.close()


@pytest.fixture
def database_url(databases: Databases) -> str:
    """A migrated database without rows."""
    return databases.fresh()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> dict[str, str]:
    """This test's installation, as CXLOOP_… settings without the prefix."""
    return {"DATABASE_URL": database_url, "DATA": str(tmp_path / "data"), "SECRET_KEY": SECRET}


@pytest.fixture(autouse=True)
def _connections_end() -> Iterator[None]:
    """No connection outlives its test, whoever opened it."""
    used: set[Engine] = set()

    def note(connection: Connection) -> None:
        used.add(connection.engine)

    event.listen(Engine, "engine_connect", note)
    yield
    event.remove(Engine, "engine_connect", note)
    for engine in used:
        engine.dispose()


@pytest.fixture
def make_app(settings: dict[str, str]) -> Callable[..., Flask]:
    """`make_app(BASE_URL=…)`: an application on this test's database with other settings than `app`."""

    def make(**others: str) -> Flask:
        app = create_app(type("Settings", (), settings | others))
        app.testing = True
        return app

    return make


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """The application. No context is open: see `in_app`, `client` and `given`."""
    return make_app()


@pytest.fixture
def in_app(app: Flask) -> Iterator[Flask]:
    """An application context around the whole test: for tests of verbs, not of pages."""
    with app.app_context():
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Somebody with a browser, not signed in."""
    return app.test_client()


@pytest.fixture
def given(app: Flask) -> Callable[..., Any]:
    """`case = given(a_case, state="open")`: runs a builder in a context of its own; what it made can still be read."""

    def build(builder: Callable[..., Any], *arguments: Any, **particulars: Any) -> Any:
        with app.app_context():
            made = builder(*arguments, **particulars)
            for row in made if isinstance(made, (tuple, list)) else (made,):
                if isinstance(row, Base):
                    db.session.refresh(row)
            return made

    return build


# --------------------------------------------------------------------------------------------- what is outside


@pytest.fixture
def tagger() -> FakeTagger:
    return FakeTagger()


@pytest.fixture
def smtp() -> Iterator[MailServer]:
    """A real mail server; `smtp.url` is what CXLOOP_SMTP_URL has to say."""
    server = MailServer()
    yield server
    server.close()


@pytest.fixture
def kit(app: Flask, tagger: FakeTagger) -> Kit:
    """What the worker's jobs need, with a fake tagger and no mail server."""
    return Kit(links=app.extensions["cxloop.links"], load_tagger=lambda: tagger, name="test")


@pytest.fixture
def mailing_kit(kit: Kit, smtp: MailServer) -> Kit:
    """The same with the mail server."""
    kit.smtp = SmtpSettings.from_url(smtp.url)
    return kit


# ------------------------------------------------------------------------------------------- the command line


@pytest.fixture
def environment(settings: dict[str, str]) -> dict[str, str]:
    """The environment of a `cxloop` command on this test's installation."""
    return {f"CXLOOP_{name}": value for name, value in settings.items()}


@pytest.fixture
def cxloop(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`cxloop("import", path)`: runs the command in this process; the result has `exit_code`, `stdout`, `stderr`."""

    def run(*arguments: Any, stdin: str | bytes | None = None, **settings: str) -> Result:
        for name, value in (environment | {f"CXLOOP_{name}": value for name, value in settings.items()}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.delitem(sys.modules, "config", raising=False)  # it reads the environment when it is imported
        return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin, prog_name="cxloop")

    return run


@pytest.fixture
def spawn(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`spawn("work", SMTP_URL=…)`: runs the command in a process of its own, which the test may kill."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: Any, **settings: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", "from cxloop.cli import main; main()", *map(str, arguments)],
            env=os.environ | environment | {f"CXLOOP_{name}": value for name, value in settings.items()},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
