from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cxloop import accounts
from cxloop.accounts.models import User
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.web.access import COOKIE
from cxloop.web.account import TRIES
from tests.factories import an_agent
from tests.web.desk import Desk, read
from tests.web.visitor import send, words

Given = Callable[..., Any]
OLD, NEW = "correct horse battery", "a better staple altogether"


def knows(app: Flask, user: User, password: str) -> bool:
    with app.app_context():
        return accounts.knows_password(db.session.get_one(User, user.id), password)


def test_who_came_by_a_link_is_offered_a_password_and_chooses_one(
    app: Flask, client: FlaskClient, given: Given
) -> None:
    agent = given(an_agent)
    with app.app_context(), transaction():
        secret = accounts.offer_sign_in_link(db.session.get_one(User, agent.id), at=now())
    send(client, f"/sign-in/{secret}")
    page = client.get("/", follow_redirects=True)
    assert "choose a password" in words(page)
    assert 'href="/account"' in page.text
    form = client.get("/account")
    assert 'name="current"' not in form.text
    done = send(client, "/account/password", seen="/account", password=NEW, again=NEW)
    assert (done.status_code, done.location) == (303, "/account")
    assert "Your password is set" in words(client.get("/account"))
    assert knows(app, agent, NEW)


def test_a_change_needs_the_present_password_and_ends_every_other_session(app: Flask, given: Given) -> None:
    agent = given(an_agent, password=OLD)
    here, elsewhere = Desk(app, agent), Desk(app, agent)
    before = here.client.get_cookie(COOKIE)
    assert before
    assert "Choose a password" not in here.page("/account")
    here.post("/account/password", current=OLD, password=NEW, again=NEW)
    assert knows(app, agent, NEW)
    assert here.get("/queue").status_code == 200
    assert elsewhere.get("/queue").status_code == 303
    stolen = app.test_client()
    stolen.set_cookie(COOKIE, before.value)
    assert stolen.get("/queue").status_code == 303, "also the secret that this session had"


@pytest.mark.parametrize(
    ("given_fields", "fault"),
    [
        ({"current": "wrong", "password": NEW, "again": NEW}, "not your present password"),
        ({"password": NEW, "again": NEW}, "not your present password"),
        ({"current": OLD, "password": "short", "again": "short"}, "at least 10 characters"),
        ({"current": OLD, "password": NEW, "again": "something else"}, "not the same"),
    ],
)
def test_a_password_that_cannot_be_set_changes_nothing_and_says_why(
    app: Flask, given: Given, given_fields: dict[str, str], fault: str
) -> None:
    agent = given(an_agent, password=OLD)
    desk = Desk(app, agent)
    refused = desk.post("/account/password", **given_fields)
    assert refused.status_code == 422
    assert fault in read(refused)
    assert NEW not in refused.text
    assert knows(app, agent, OLD)
    assert desk.get("/queue").status_code == 200


def test_the_present_password_cannot_be_guessed_for_long(app: Flask, given: Given) -> None:
    desk = Desk(app, given(an_agent))  # each try counts, also where there is nothing to guess
    codes = [desk.post("/account/password", password="short").status_code for _ in range(2 * TRIES + 1)]
    assert codes[0] == 422
    assert codes[-1] == 429
