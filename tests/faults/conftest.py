"""What the tests of faults do to an installation: start workers that say what they do, and let time pass."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from cxloop.clock import now
from cxloop.db import transaction
from cxloop.intake.models import Feedback
from cxloop.notices import Notice

ACTOR = Path(__file__).with_name("actor.py")
Actors = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def actor(environment: dict[str, str], tmp_path: Path) -> Iterator[Actors]:
    """`actor("notices", SMTP_URL=…)`: a process of actor.py, ready to begin when `begin` tells it."""
    started: list[subprocess.Popen[str]] = []

    def start(job: str, **settings: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(ACTOR), job],
            env=os.environ | environment | {f"CXLOOP_{name}": value for name, value in settings.items()},
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def begin(*actors: subprocess.Popen[str]) -> None:
    """When all are ready, all begin."""
    for process in actors:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == "ready\n", (line, process.stderr.read() if process.stderr else "")
    for process in actors:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def leases_lapse() -> None:
    """A minute passes, as far as the leases of dead workers are concerned."""
    with transaction() as session:
        for rows in (Feedback, Notice):
            lapsed = sa.update(rows).where(rows.leased_until.is_not(None))
            session.execute(lapsed.values(leased_until=now() - timedelta(seconds=1)))
