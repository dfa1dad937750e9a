from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask

from cxloop import loop
from cxloop.cases import Case
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.sla import Promise
from tests.factories import MONDAY, a_case, a_supervisor, an_admin, an_agent
from tests.web.desk import Desk

Given = Callable[..., Any]


def set_due(app: Flask, case: Case, **moment: Any) -> None:
    with app.app_context(), transaction():
        db.session.execute(sa.update(Case).where(Case.id == case.id).values(**moment))


def test_agents_do_not_see_the_board_nor_a_way_to_it(app: Flask, given: Given) -> None:
    desk = Desk(app, given(an_agent))
    assert desk.get("/board").status_code == 403
    assert 'href="/board"' not in desk.get("/queue").text
    assert 'href="/board"' in Desk(app, given(a_supervisor)).get("/queue").text


def test_a_broken_promise_is_on_the_board_with_how_late_it_is(app: Flask, given: Given) -> None:
    lead = given(a_supervisor)
    case = given(a_case, customer_name="Mina", at=MONDAY)
    with app.app_context():
        promise_id = db.session.scalars(sa.select(Promise.id).where(Promise.case_id == case.id)).first()
        with transaction():
            loop.escalate(promise_id, by="worker", at=now())
    page = Desk(app, lead).page("/board")
    broken = page[page.index("What broke just now, then") : page.index("Nothing is about to break")]
    assert "Mina" in broken
    assert "breached" in broken


def test_a_case_that_nobody_has_can_be_given_to_somebody_of_its_team(app: Flask, given: Given) -> None:
    lead = given(a_supervisor)
    given(an_agent, name="Ana Lind")
    given(an_agent, name="From Elsewhere", team="Stores")
    case = given(a_case, customer_name="Mina")
    set_due(app, case, owner_id=None)
    desk = Desk(app, lead)
    page = desk.get("/board").text
    unowned = page[page.index('id="unowned"') :]
    assert "Mina" in unowned
    assert "Ana Lind" in unowned
    assert "From Elsewhere" not in unowned
    assert f'action="/cases/{case.id}/assignment"' in unowned


def test_an_untroubled_board_says_so(app: Flask, given: Given) -> None:
    page = Desk(app, given(a_supervisor)).page("/board")
    assert "No promise is broken" in page
    assert "Nothing is about to break" in page
    assert "Every case has an owner" in page


def test_a_supervisor_sees_the_own_team_and_an_admin_all(app: Flask, given: Given) -> None:
    lead, admin = given(a_supervisor), given(an_admin)
    case = given(a_case, customer_name="Elsewhere", team="Stores")
    set_due(app, case, owner_id=None)
    assert "Elsewhere" not in Desk(app, lead).page("/board")
    assert "Elsewhere" in Desk(app, admin).page("/board")


def test_who_sees_the_board_begins_there_and_agents_at_their_queue(app: Flask, given: Given) -> None:
    for builder, begins in ((an_agent, "/queue"), (a_supervisor, "/board"), (an_admin, "/board")):
        desk = Desk(app, given(builder))
        assert desk.get("/").location == begins
        assert desk.get("/sign-in?next=/system").location == "/system"


def test_what_broke_in_the_last_quarter_of_an_hour_is_called_so_in_words(app: Flask, given: Given) -> None:
    lead = given(a_supervisor)
    for name, minutes in (("Mina", 14), ("Omar", 16)):
        case = given(a_case, customer_name=name, at=MONDAY)
        with app.app_context():
            for promise in db.session.scalars(sa.select(Promise).where(Promise.case_id == case.id)).all():
                with transaction():
                    promise.due_at = now() - timedelta(minutes=minutes)
                with transaction():
                    loop.escalate(promise.id, by="worker", at=now())
    page = Desk(app, lead).page("/board")
    mina, omar = page.index("Mina"), page.index("Omar")
    assert mina < page.index("broke just now", mina) < omar
    assert "broke just now" not in page[omar : page.index("Nothing is about to break")]
