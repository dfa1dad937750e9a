from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from cxloop import jobs, sla
from cxloop.clock import now
from cxloop.db import transaction
from tests.factories import MONDAY, a_case, a_feedback, an_admin, an_agent
from tests.web.desk import Desk

Given = Callable[..., Any]


def test_a_worker_that_beats_is_alive_and_names_its_model(app: Flask, given: Given) -> None:
    with app.app_context(), transaction():
        jobs.beat("desk:1", model="1", at=now())
    page = Desk(app, given(an_agent)).page("/system")
    assert "One worker is at work" in page
    assert "desk:1 alive" in page


@pytest.mark.parametrize("silent", [True, False])
def test_without_a_living_worker_the_page_says_what_that_means(app: Flask, given: Given, silent: bool) -> None:
    if silent:
        with app.app_context(), transaction():
            jobs.beat("desk:1", model=None, at=now() - timedelta(minutes=5))
    page = Desk(app, given(an_agent)).page("/system")
    assert "No worker is at work" in page
    assert "start cxloop work" in page
    assert ("the last sign of life came" in page) is silent


def test_what_waits_is_counted(app: Flask, given: Given) -> None:
    agent = given(an_agent)
    given(a_feedback, "Not read yet.")
    given(a_case, at=MONDAY)
    page = Desk(app, agent).page("/system")
    assert "To be read by the tagger 1" in page
    assert "Deadlines passed, not yet noticed 2" in page
    assert "Messages to send 1" in page


def test_a_failing_job_shows_and_only_an_admin_reads_why(app: Flask, given: Given) -> None:
    agent, admin = given(an_agent), given(an_admin)
    with app.app_context(), transaction():
        jobs.ran("tagging", done=3, at=now())
        jobs.ran("notices", error="ConnectionRefusedError: nobody there", at=now())
    page = Desk(app, agent).page("/system")
    assert "failing" in page
    assert "Read new feedback" in page
    assert "ConnectionRefusedError" not in page
    assert "ConnectionRefusedError" in Desk(app, admin).page("/system")


@pytest.mark.parametrize("path", ["/queue", "/queue/next", "/cases/1", "/board", "/outbox", "/outbox/1", "/system"])
def test_who_is_not_signed_in_is_asked_to(app: Flask, path: str) -> None:
    response = app.test_client().get(path)
    assert response.status_code == 303
    assert response.location.startswith("/sign-in?next=")


def test_a_promise_that_the_sweep_failed_on_is_named(app: Flask, given: Given) -> None:
    agent, admin = given(an_agent), given(an_admin)
    case = given(a_case, at=MONDAY)
    with app.app_context(), transaction():
        sla.set_aside(sla.due(at=now(), limit=1)[0], "KeyError: 'urgent'", at=now())
    page = Desk(app, agent).page("/system")
    assert f"first response of {case.reference}" in page
    assert "KeyError" not in page
    assert "KeyError" in Desk(app, admin).page("/system")
