"""Keeps processes running side by side: one that dies is brought back, and all of them end together.

Each gets a process group of its own, so that Ctrl-C on the terminal reaches the supervisor alone, and a leash (see
`leash.py`), so that none outlives it.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import IO

import click

from cxloop.cli.leash import GRACE

ENDS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
STEADY = 10.0
"""Seconds; a child that lived for less died at once, and the pause before its next start grows."""
PAUSE_MAX = 30.0


class Ended(Exception):
    """Somebody asked the supervisor to end."""


class Signals:
    """Signals, read like messages between two steps, instead of breaking in anywhere."""

    def __enter__(self) -> "Signals":
        self._inbox, self._slot = os.pipe()
        for end in (self._inbox, self._slot):
            os.set_blocking(end, False)
        self._before = {number: signal.signal(number, lambda *_: None) for number in (*ENDS, signal.SIGCHLD)}
        signal.set_wakeup_fd(self._slot, warn_on_full_buffer=False)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._inbox)
        os.close(self._slot)

    def wait(self, seconds: float | None) -> bool:
        """Sleep until a signal comes, as at the death of a child, or the time is over; whether it asks us to end."""
        select.select([self._inbox], [], [], seconds)
        with suppress(BlockingIOError):
            return not ENDS.isdisjoint(os.read(self._inbox, 512))
        return False


@dataclass
class Child:
    """A module to run, and what it is called when something is said about it."""

    name: str
    command: list[str]
    descriptors: tuple[int, ...] = ()
    """Of open files that it inherits."""
    stdout: int | None = subprocess.DEVNULL
    process: "subprocess.Popen[str] | None" = None
    started: float = 0.0
    pause: float = 0.0
    again: float = 0.0
    """When to start it next, by the monotonic clock."""


class Supervisor:
    """Use as a context: whatever happens inside, no child is left when it ends."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._children: list[Child] = []

    def __enter__(self) -> "Supervisor":
        self._leash, self._hand = os.pipe()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end_all()
        os.close(self._leash)
        os.close(self._hand)

    def run_once(self, child: Child) -> str:
        """Run it to its end and return what it printed. Raises Ended; SystemExit if it failed, having said why."""
        child.stdout = subprocess.PIPE
        self._start(child)
        assert child.process is not None
        while child.process.poll() is None:
            if self._signals.wait(None):
                raise Ended
        self._children.remove(child)
        if child.process.returncode:
            raise SystemExit(1)
        assert child.process.stdout is not None
        with child.process.stdout as printed:
            return printed.read()

    def start(self, children: Iterable[Child], *, until: Callable[[], bool], within: float) -> bool:
        """Start them and wait until `until()`, asked again and again; False if one died or it took too long."""
        deadline = time.monotonic() + within
        for child in children:
            self._start(child)
        while not until():
            dead = [child for child in self._children if child.process and child.process.poll() is not None]
            if dead:
                _say(f"{dead[0].name} {_how(dead[0].process)} before cxloop was ready.")
                return False
            if time.monotonic() > deadline:
                _say(f"cxloop did not answer within {within:g} s.")
                return False
            if self._signals.wait(0.1):
                raise Ended
        return True

    def watch(self) -> None:
        """Bring back who dies, until somebody asks us to end."""
        while True:
            now = time.monotonic()
            for child in self._children:
                if child.process and child.process.poll() is not None:
                    self._lost(child, now)
                elif child.process is None and child.again <= now:
                    self._start(child)
            waits = [child.again - time.monotonic() for child in self._children if child.process is None]
            if self._signals.wait(max(0.0, min(waits)) if waits else None):
                return

    def _start(self, child: Child) -> None:
        child.started = time.monotonic()
        child.process = subprocess.Popen(
            [sys.executable, "-m", "cxloop.cli.leash", str(self._leash), *child.command],
            stdin=subprocess.DEVNULL,
            stdout=child.stdout,
            pass_fds=(self._leash, *child.descriptors),
            process_group=0,
            text=True,
        )
        if child not in self._children:
            self._children.append(child)

    def _lost(self, child: Child, now: float) -> None:
        assert child.process is not None
        how = _how(child.process)
        _kill_group(child.process)  # what it had started must not stand in the way of its successor
        child.process = None
        child.pause = 0.0 if now - child.started >= STEADY else min(max(1.0, child.pause * 2), PAUSE_MAX)
        child.again = now + child.pause
        _say(f"{child.name} {how}; starting it again" + (f" in {child.pause:g} s." if child.pause else "."))

    def _end_all(self) -> None:
        """Ask all to end; kill those who have not after the grace, or at a second request."""
        running = [child.process for child in self._children if child.process]
        for process in running:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + GRACE
        while any(process.poll() is None for process in running) and time.monotonic() < deadline:
            if self._signals.wait(0.5):
                break
        for process in running:
            _kill_group(process)
            process.wait()
            _close(process.stdout)


def _kill_group(process: "subprocess.Popen[str]") -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS says the latter where all of a group have ended
        os.killpg(process.pid, signal.SIGKILL)


def _how(process: "subprocess.Popen[str] | None") -> str:
    code = process.returncode if process else 0
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _close(stream: IO[str] | None) -> None:
    if stream:
        stream.close()


def _say(line: str) -> None:
    click.echo(f"cxloop: {line}", err=True)
