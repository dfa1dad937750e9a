"""`cxloop verify`."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from cxloop import events
from cxloop.db import db, transaction
from cxloop.events import Event
from tests.factories import HOUR, MONDAY, a_case

Cxloop = Callable[..., Result]


@pytest.fixture
def walked(app: Flask, given: Callable[..., Any]) -> int:
    """How many events there are: those of a case with a whole life, and two seals over them."""
    given(a_case, "closed")
    with app.app_context():
        for hours in (1, 2):
            with transaction():
                events.seal(at=MONDAY + hours * HOUR)
        return db.session.scalar(sa.select(sa.func.count()).select_from(Event)) or 0


def test_what_nobody_touched_is_whole(cxloop: Cxloop, walked: int) -> None:
    done = cxloop("verify")
    assert done.exit_code == 0
    assert f"{walked:,} events were walked" in done.stdout


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (sa.update(Event).where(Event.kind == "case_resolved").values(by="user:99"), "case_resolved"),
        (sa.delete(Event).where(Event.kind == "case_resolved"), "is missing before it"),
        (sa.delete(Event).where(Event.kind == "case_closed"), "missing or changed"),
    ],
    ids=["changed", "cut out", "cut off at the end"],
)
def test_the_first_broken_link_is_named(cxloop: Cxloop, app: Flask, walked: int, tamper: Any, named: str) -> None:
    with app.app_context(), transaction():
        db.session.execute(tamper)
    done = cxloop("verify")
    assert done.exit_code == 1
    assert named in done.stdout
