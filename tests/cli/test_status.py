"""`cxloop status`."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from click.testing import Result
from flask import Flask

from cxloop import jobs
from cxloop.cases.models import State
from cxloop.clock import now
from cxloop.db import transaction
from cxloop.notices.models import NoticeState
from cxloop.sla.clocks import ClockState
from tests.factories import a_case, a_feedback

Cxloop = Callable[..., Result]


def test_a_new_installation_has_every_state_and_nothing_in_it(cxloop: Cxloop) -> None:
    assert json.loads(cxloop("status", "--json").stdout) == {
        "feedback": 0,
        "untagged": 0,
        "cases": {state.value: 0 for state in State},
        "promises": {state.value: 0 for state in ClockState},
        "notices": {state.value: 0 for state in NoticeState},
        "worker": {"last_beat": None},
    }


def test_what_is_there_is_counted_where_it_stands(cxloop: Cxloop, given: Callable[..., Any]) -> None:
    given(a_feedback, "Nobody has read this yet.")
    given(a_case, "waiting")
    given(a_case, "closed", email=None)
    found = json.loads(cxloop("status", "--json").stdout)
    assert (found["feedback"], found["untagged"]) == (3, 1)
    assert {state: count for state, count in found["cases"].items() if count} == {"waiting": 1, "closed": 1}
    assert sum(found["promises"].values()) == 4
    assert found["promises"]["paused"] == 1
    assert found["notices"]["suppressed"] == 2, "the customer without an address"
    assert found["notices"]["due"] == 2


def test_the_last_beat_is_the_newest_workers(cxloop: Cxloop, app: Flask) -> None:
    at = now()
    with app.app_context():
        for name, moment in (("one", at - timedelta(hours=1)), ("two", at)):
            with transaction():
                jobs.beat(name, model=None, at=moment)
    assert json.loads(cxloop("status", "--json").stdout)["worker"] == {"last_beat": at.isoformat()}
    assert "alive" in cxloop("status").stdout


def test_people_read_what_stands_how_and_that_nobody_works(
    cxloop: Cxloop, app: Flask, given: Callable[..., Any]
) -> None:
    given(a_case, "open")
    with app.app_context(), transaction():
        jobs.beat("one", model=None, at=now() - timedelta(minutes=5))
    said = cxloop("status").stdout
    assert "1 open" in said
    assert "closed" not in said, "what is not there is not listed"
    assert "none is alive" in said
