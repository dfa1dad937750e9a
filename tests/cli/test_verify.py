"""`cxloop verify`."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from cxloop import events, loop
from cxloop.cases import Case, Kind, Message, Outcome, State
from cxloop.db import db, transaction
from cxloop.events import Event
from tests.factories import HOUR, MONDAY, a_case, a_survey, a_token, an_agent

Cxloop = Callable[..., Result]


@pytest.fixture
def walked(app: Flask, given: Callable[..., Any]) -> int:
    """How many events there are: those of a case with a whole life, and a seal over them."""
    given(a_case, "closed")
    with app.app_context():
        with transaction():
            events.seal(at=MONDAY + HOUR)
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


@pytest.fixture
def unsealed(given: Callable[..., Any]) -> None:
    """A new case and a closed one, and one of everything else that begins with an event; nothing is sealed."""
    for state in ("new", "closed"):
        given(a_case, state, email=f"{state}@example.test")
    for builder in (a_survey, an_agent, a_token):
        given(builder)


def reopened() -> Case:
    case = a_case("resolved", email="again@example.test")
    with transaction():
        loop.confirm(case, fixed=False, by=case.customer.actor, at=MONDAY + HOUR)
    return case


def test_what_was_never_sealed_is_compared_with_the_tables_and_is_whole(
    cxloop: Cxloop, unsealed: None, given: Callable[..., Any]
) -> None:
    for state in (State.OPEN, State.WAITING, State.RESOLVED):
        given(a_case, state, email=f"{state.value}@example.test")
    for outcome in (Outcome.UNCONFIRMED, Outcome.SPAM):
        given(a_case, "closed", outcome=outcome, email=f"{outcome.value}@example.test")
    given(reopened)
    done = cxloop("verify")
    assert done.exit_code == 0, done.stdout
    assert "every case stands as its chain says" in done.stdout


def events_of(subject: Any, *kinds: str) -> Any:
    of_it = Event.subject == subject
    return sa.delete(Event).where(of_it, Event.kind.in_(kinds)) if kinds else sa.delete(Event).where(of_it)


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (events_of("case:1"), "case:1: the case is there, and no event"),
        (events_of("case:2"), "case:2: the case is there, and no event"),
        (events_of("case:2", "verdict_added", "case_closed"), "case:2: it is closed, and its events leave it resolved"),
        (sa.update(Case).where(Case.id == 2).values(outcome=Outcome.SPAM), "case:2: how or when it was closed"),
        (sa.update(Case).where(Case.id == 2).values(closed_at=MONDAY), "case:2: how or when it was closed"),
        (sa.update(Case).where(Case.id == 1).values(state=State.RESOLVED), "case:1: it is resolved, and its events"),
        (
            sa.insert(Message).values(case_id=1, at=MONDAY, by="user:1", kind=Kind.REPLY, body="No."),
            "case:1: it holds 1 messages",
        ),
        (events_of("feedback:1"), "feedback:1: it is there, and no event says how it came"),
        (events_of("source:1"), "source:1: it is there"),
        (events_of("survey:1"), "survey:1: it is there"),
        (events_of("user:1"), "user:1: it is there"),
        (events_of("token:1"), "token:1: it is there"),
    ],
)
def test_what_the_events_do_not_account_for_is_named_before_any_seal(
    cxloop: Cxloop, app: Flask, unsealed: None, tamper: Any, named: str
) -> None:
    with app.app_context(), transaction():
        db.session.execute(tamper, execution_options={"synchronize_session": False})
    done = cxloop("verify")
    assert done.exit_code == 1
    assert f"Broken: {named}" in done.stdout
