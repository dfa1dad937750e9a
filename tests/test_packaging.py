"""cxloop from the wheel, from an editable install and from the checkout: two commands in an empty folder."""

import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

pytestmark = [pytest.mark.packaging, pytest.mark.slow]

TOP = Path(__file__).resolve().parent.parent
STARTS_WITHIN, ENDS_WITHIN = 180, 10  # seconds


@dataclass
class Installation:
    """A way to start cxloop: the command, and what the environment needs for it."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)

    def env(self, home: Path) -> dict[str, str]:
        """As in a new terminal: nothing of this process's settings."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        return {**kept, "HOME": str(home), **self.environment}

    def run(self, *arguments: str, folder: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *arguments],
            cwd=folder,
            env=self.env(folder),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=STARTS_WITHIN,
            check=False,
        )

    def start(self, *arguments: str, folder: Path) -> subprocess.Popen[str]:
        output = (folder / "output").open("w", encoding="utf-8")
        with output:
            return subprocess.Popen(
                [*self.command, *arguments],
                cwd=folder,
                env=self.env(folder),
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )


def pip(*arguments: str, python: Path) -> None:
    quiet = ["--quiet", "--disable-pip-version-check", "--python", str(python)]
    options = ["--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([sys.executable, "-m", "pip", *quiet, "install", *options, *arguments], check=True, timeout=300)


@pytest.fixture(scope="module")
def new_python(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes a virtual environment that holds the dependencies (this environment's, by path) and no cxloop."""

    def make(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        venv.create(folder, with_pip=False, symlinks=True)
        site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
        (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
        return folder / "bin" / "python"

    return make


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(TOP)]
    subprocess.run(build, check=True, timeout=300, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module", params=["wheel", "editable", "checkout"])
def installation(request: pytest.FixtureRequest, new_python: Callable[[str], Path]) -> Installation:
    if request.param == "checkout":
        return Installation([sys.executable, "-m", "cxloop"], {"PYTHONPATH": str(TOP)})
    python = new_python(request.param)
    if request.param == "wheel":
        pip(str(request.getfixturevalue("wheel")), python=python)
    else:
        pip("--editable", str(TOP), python=python)
    return Installation([str(python.with_name("cxloop"))])


@pytest.fixture
def running(installation: Installation, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`cxloop up --demo` on a free port, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = installation.start("up", "--demo", "--port", str(port), folder=tmp_path)
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_doctor_finds_nothing_wrong(installation: Installation, tmp_path: Path) -> None:
    done = installation.run("doctor", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.model
def test_tag_reads_a_line_and_writes_a_line(installation: Installation, tmp_path: Path) -> None:
    line = json.dumps({"id": "1", "text": "The parcel never arrived and nobody answers me."})
    done = installation.run("tag", folder=tmp_path, stdin=line + "\n")
    assert done.returncode == 0, done.stderr
    tagged = json.loads(done.stdout)
    assert (tagged["id"], tagged["sentiment"]) == ("1", "negative")
    assert not (tmp_path / "cxloop-data").exists(), "tagging needs no data folder"


def test_up_serves_until_it_is_told_to_end(
    running: tuple[subprocess.Popen[str], str], installation: Installation, tmp_path: Path
) -> None:
    process, url = running
    wait_for_health(url, process, tmp_path / "output")
    family = descendants(process.pid)
    assert len(family) >= 2, "the pages and a worker"

    process.send_signal(signal.SIGTERM)

    process.wait(timeout=ENDS_WITHIN)
    assert [pid for pid in family if alive(pid)] == []
    status = installation.run("status", "--json", folder=tmp_path)
    assert json.loads(status.stdout)["feedback"] >= 150, "the demo's data is in ./cxloop-data"


def wait_for_health(url: str, process: subprocess.Popen[str], output: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    pytest.fail(f"{url}/health never answered 200; cxloop said:\n{output.read_text(encoding='utf-8')}")


def descendants(pid: int) -> set[int]:
    """The children of a process, their children, and so on."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in map(str.split, listed.splitlines())}
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in {pid, *found}} - found:
        found |= more
    return found


def alive(pid: int) -> bool:
    """Whether the process still runs; one that ended and was not yet collected does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")
