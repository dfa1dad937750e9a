"""`cxloop up`: real processes on a free port; asked, killed and started again."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from cxloop import accounts, jobs, surveys
from cxloop.accounts.models import User
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.errors import Gone

pytestmark = pytest.mark.slow

STARTS_WITHIN, ENDS_WITHIN, RETURNS_WITHIN = 90.0, 10.0, 30.0  # seconds; machines that run tests are busy


class Running:
    """A process whose output is read as it comes."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))

    def line(self, pattern: str, *, within: float = STARTS_WITHIN) -> re.Match[str]:
        """The first line that the pattern is found in."""
        found: list[re.Match[str]] = []

        def look() -> bool:
            silent = not self._reader.is_alive()
            found.extend(match for line in list(self.said) if (match := re.search(pattern, line)))
            return bool(found) or silent

        until(look, within=within, otherwise=lambda: f"nothing like {pattern!r} was said, but: {self.said}")
        assert found, f"it ended without saying {pattern!r}, but: {self.said}"
        return found[0]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(timeout=ENDS_WITHIN)
        self._reader.join(timeout=ENDS_WITHIN)
        return code

    def child(self, of: str, *, other_than: int = 0) -> int:
        """The process id of a child by a word of its command line, once there is one."""
        found: list[int] = []

        def look() -> bool:
            found.extend(pid for pid, args in children(self.process.pid) if of in args and pid != other_than)
            return bool(found)

        until(look, within=RETURNS_WITHIN, otherwise=lambda: f"no {of}; said: {self.said}")
        return found[0]


def until(true: Callable[[], bool], *, within: float, otherwise: Callable[[], str]) -> None:
    deadline = time.monotonic() + within
    while not true():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {within:g} s: {otherwise()}")
        time.sleep(0.05)


def processes() -> list[tuple[int, int, str]]:
    """(process id, parent's, command line) of everything that runs; who has ended and was not collected does not."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 3) for line in listed.stdout.splitlines()]
    return [(int(row[0]), int(row[1]), row[3]) for row in rows if len(row) == 4 and not row[2].startswith("Z")]


def children(pid: int) -> list[tuple[int, str]]:
    return [(child, args) for child, parent, args in processes() if parent == pid]


def family(pid: int) -> set[int]:
    """Its children, their children, and so on."""
    everybody, found = processes(), set[int]()
    while more := {child for child, parent, _ in everybody if parent in {pid, *found}} - found:
        found |= more
    return found


def gone(pids: set[int]) -> bool:
    return pids.isdisjoint(pid for pid, _, _ in processes())


def is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@pytest.fixture
def up(spawn: Callable[..., "subprocess.Popen[str]"]) -> Iterator[Callable[..., Running]]:
    """`up("--demo", BASE_URL=…)` on a free port."""
    started: list[Running] = []

    def start(*arguments: str, **settings: str) -> Running:
        started.append(Running(spawn("up", "--port", "0", *arguments, **settings)))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                running.end()


Up = Callable[..., Running]


def ready(running: Running) -> str:
    """Its address, once it has said that it is ready."""
    running.line("Ctrl-C ends it")
    return running.line(r"cxloop runs at (\S+)")[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_and_works_until_it_is_told_to_end(up: Up, app: Flask, number: signal.Signals) -> None:
    running = up()
    assert is_healthy(ready(running)), "who says that it runs has been asked before"

    def beats() -> bool:
        with app.app_context():
            return jobs.last_beat() is not None

    until(beats, within=RETURNS_WITHIN, otherwise=lambda: f"no worker; said: {running.said}")
    everybody = family(running.process.pid)
    assert len(everybody) >= 3, "the web server with a process of its own, and the worker"

    assert running.end(number) == 0
    assert gone(everybody)
    assert running.said[-1] == "cxloop has ended."


def test_links_that_are_printed_elsewhere_lead_to_where_it_runs(
    up: Up, app: Flask, cxloop: Callable[..., Result], tmp_path: Path
) -> None:
    running = up()
    url = ready(running)
    assert cxloop("survey", "add", "How was it", "--kind", "nps").stdout.startswith(f"{url}/survey/")
    elsewhere = cxloop("user", "add", "a@firm.test", "--name", "A", "--role", "agent", BASE_URL="https://care.test")
    assert elsewhere.stdout.startswith("https://care.test/sign-in/"), "what is set counts"
    assert running.end() == 0
    assert list((tmp_path / "data").glob("address*")) == []


def test_a_new_installation_holds_nobody_and_says_how_to_begin(up: Up, app: Flask, tmp_path: Path) -> None:
    running = up(DATABASE_URL="", SECRET_KEY="", DATA="here", BASE_URL="https://care.example.com/")
    assert ready(running) == "https://care.example.com"
    assert running.line(r"(\S+)/outbox")[1] == "https://care.example.com"
    assert running.line("cxloop user add .* --role admin")
    assert (tmp_path / "here" / "secret.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "here").stat().st_mode & 0o777 == 0o700
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'here' / 'cxloop.sqlite3'}")
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(User)) == 0


def test_whoever_dies_is_brought_back(up: Up, app: Flask) -> None:
    running = up()
    url = ready(running)

    worker = running.child("cxloop work")
    os.kill(worker, signal.SIGKILL)
    running.line("The worker was ended by SIGKILL; starting it again", within=RETURNS_WITHIN)
    again = running.child("cxloop work", other_than=worker)
    name = f"{socket.gethostname()}:{again}"

    def beats() -> bool:
        with app.app_context():
            return name in [found.name for found in jobs.workers()]

    until(beats, within=RETURNS_WITHIN, otherwise=lambda: f"{name} does not work; said: {running.said}")

    server = running.child("gunicorn")
    orphans = family(server)
    os.kill(server, signal.SIGKILL)
    running.line("The web server was ended by SIGKILL; starting it again", within=RETURNS_WITHIN)
    running.child("gunicorn", other_than=server)
    until(lambda: is_healthy(url), within=RETURNS_WITHIN, otherwise=lambda: f"no pages; said: {running.said}")
    assert gone(orphans), "no second server stays beside the new one"


def test_ctrl_c_on_the_terminal_reaches_the_supervisor_alone_and_nobody_outlives_it(up: Up) -> None:
    running = up()
    ready(running)
    pid = running.process.pid
    for child in (running.child("gunicorn"), running.child("cxloop work")):
        assert os.getpgid(child) != os.getpgid(pid), "it would end before the supervisor can say so"
        assert os.getsid(child) == os.getsid(pid), "it ends with the terminal"
    everybody = family(pid)
    running.process.kill()
    until(lambda: gone(everybody), within=ENDS_WITHIN, otherwise=lambda: f"{everybody} live on")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="this system does not tell what a process has loaded")
def test_neither_the_supervisor_nor_the_pages_load_a_model(up: Up) -> None:
    running = up()
    ready(running)
    server = running.child("gunicorn")
    for pid in (running.process.pid, server, *family(server)):
        assert "onnxruntime" not in Path(f"/proc/{pid}/maps").read_text()


def test_it_listens_on_the_sixth_version_of_the_internet_protocol_too(up: Up) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    running = up("--host", "::")
    port = ready(running).removeprefix("http://localhost:")
    connection = http.client.HTTPConnection("::1", int(port), timeout=5)
    connection.request("GET", "/health", headers={"Host": f"localhost:{port}"})
    assert connection.getresponse().status == 200
    connection.close()
    assert running.line("set CXLOOP_BASE_URL"), "others are not let in under any name they like"


def test_a_port_that_is_taken_is_said_before_anything_is_done(cxloop: Callable[..., Result], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = cxloop("up", "--port", port, DATABASE_URL="", SECRET_KEY="", DATA=str(tmp_path / "new"))
    assert done.exit_code == 1
    assert done.stderr.startswith(f"cxloop: Port {port} of 127.0.0.1 is taken")
    assert done.output.count("\n") == 1
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("host", ["192.0.2.1", "care..example"])
def test_a_host_that_is_not_this_machine_is_said(cxloop: Callable[..., Result], host: str) -> None:
    done = cxloop("up", "--host", host)
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert host in done.stderr


@pytest.mark.parametrize(
    ("mistaken", "named"),
    [({"SECRET_KEY": "short"}, "CXLOOP_SECRET_KEY"), ({"SMTP_URL": "mail"}, "CXLOOP_SMTP_URL")],
)
def test_a_setting_that_cannot_serve_starts_nothing(up: Up, mistaken: dict[str, str], named: str) -> None:
    running = up(**mistaken)
    running.line(f"cxloop: {named}")
    assert running.process.wait(timeout=ENDS_WITHIN) == 1
    assert [line for line in running.said if "Traceback" in line or "runs at" in line] == []


@pytest.mark.model
@pytest.mark.sqlite
def test_the_demo_lets_one_in_of_each_role_and_is_there_once(up: Up, app: Flask, cxloop: Callable[..., Result]) -> None:
    secrets: set[str] = set()
    for first in (True, False):
        running = up("--demo")
        url = ready(running)
        assert running.line("nothing was added" if not first else "The demo is ready")
        assert any("takes a moment" in line for line in running.said) == first
        for role in ("agent", "supervisor", "admin"):
            secret = running.line(rf"{role} .*{url}/sign-in/(\S+)")[1]
            secrets.add(secret)
            with app.app_context():
                with transaction():
                    assert accounts.use_sign_in_link(secret, at=now())[0].role == role
                with pytest.raises(Gone), transaction():
                    accounts.use_sign_in_link(secret, at=now())
        key = running.line(rf"{url}/survey/(\S+)")[1]
        with app.app_context():
            assert surveys.of_key(app.extensions["cxloop.links"].open("survey", key)).active
        held = json.loads(cxloop("status", "--json").stdout)["feedback"]
        assert 150 <= held <= 300
        assert running.end() == 0
    assert len(secrets) == 6, "a second start makes new links"


@pytest.mark.postgresql
def test_the_demo_is_not_for_postgresql(up: Up, app: Flask) -> None:
    running = up("--demo")
    running.line("cxloop: The demo is only for the embedded database")
    assert running.process.wait(timeout=ENDS_WITHIN) == 1
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(User)) == 0


# ------------------------------------------------------------------------------------- the supervisor by itself

SUPERVISE = """
from cxloop.cli.supervisor import Child, Signals, Supervisor
with Signals() as signals, Supervisor(signals) as supervisor:
    supervisor.start([Child("It", {command!r})], until=lambda: True, within=1)
    print("started", flush=True)
    supervisor.watch()
"""


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """A supervisor over one child: the module that is written here."""
    started: list[Running] = []

    def start(module: str) -> Running:
        (tmp_path / "it.py").write_text(module)
        process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE.format(command=["it"])],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(Running(process))
        return started[-1]

    yield start
    for running in started:
        running.process.kill()
        running.process.communicate()


STUBBORN = """
import pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path("deaf").touch()
while True:
    time.sleep(60)
"""


def test_the_pause_grows_for_a_child_that_dies_at_once_again_and_again(supervise: Callable[..., Running]) -> None:
    running = supervise("raise SystemExit(3)")
    for pause in (1, 2, 4):
        running.line(rf"It ended with exit code 3; starting it again in {pause} s\.", within=RETURNS_WITHIN)
    asked = time.monotonic()
    assert running.end() == 0
    assert time.monotonic() - asked < 2, "nobody waits for a pause to end"


def test_a_child_that_does_not_listen_is_ended_within_ten_seconds(
    supervise: Callable[..., Running], tmp_path: Path
) -> None:
    running = supervise(STUBBORN)
    until((tmp_path / "deaf").exists, within=RETURNS_WITHIN, otherwise=lambda: str(running.said))
    everybody = family(running.process.pid)
    assert running.end() == 0
    assert gone(everybody)


def test_a_second_request_to_end_is_not_kept_waiting(supervise: Callable[..., Running], tmp_path: Path) -> None:
    running = supervise(STUBBORN)
    until((tmp_path / "deaf").exists, within=RETURNS_WITHIN, otherwise=lambda: str(running.said))
    asked = time.monotonic()
    running.process.send_signal(signal.SIGINT)
    until(lambda: asks_again(running), within=ENDS_WITHIN, otherwise=lambda: "it does not end")
    assert time.monotonic() - asked < 5


def asks_again(running: Running) -> bool:
    running.process.send_signal(signal.SIGINT)
    return running.process.poll() is not None


def test_a_deaf_child_does_not_outlive_a_supervisor_that_is_killed(
    supervise: Callable[..., Running], tmp_path: Path
) -> None:
    running = supervise(STUBBORN)
    until((tmp_path / "deaf").exists, within=RETURNS_WITHIN, otherwise=lambda: str(running.said))
    everybody = family(running.process.pid)
    running.process.kill()
    until(lambda: gone(everybody), within=ENDS_WITHIN, otherwise=lambda: f"{everybody} live on")
