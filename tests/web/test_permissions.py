"""Who comes through which door: every route with every role, so that a new one cannot be forgotten."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from cxloop import events
from cxloop.accounts.models import Role
from cxloop.accounts.permissions import PERMISSIONS, Permission
from cxloop.db import db, transaction
from cxloop.events import Event
from cxloop.notices import Notice
from tests.factories import a_case, a_user, an_admin, an_agent
from tests.web.desk import Desk
from tests.web.visitor import hidden

Given = Callable[..., Any]

PUBLIC = {"static", "health", "signin", "theme", "surveys", "customer", "api_feedback", "api_openapi"}
"""Blueprints without a door; the API has its own, for tokens."""
DOORS = {
    "account": Permission.WORK_CASES,
    "queue": Permission.WORK_CASES,
    "cases": Permission.WORK_CASES,
    "board": Permission.SEE_BOARD,
    "outbox": Permission.SEE_OUTBOX,
    "models": Permission.SEE_MODELS,
    "models.learn": Permission.ADMINISTER,
    "models.serve": Permission.ADMINISTER,
    "causes": Permission.ADMINISTER,
    "system": Permission.WORK_CASES,
}
"""The permission of each blueprint, and of the views that ask for more than their blueprint."""


def desk_routes(app: Flask) -> list[tuple[str, str, Permission]]:
    """Method, path and the permission it needs, of every route of the desk. A new blueprint has to be named above."""
    found = []
    for rule in app.url_map.iter_rules():
        blueprint = rule.endpoint.partition(".")[0]
        assert blueprint in PUBLIC | DOORS.keys(), f"{rule.endpoint}: whose is it? Say so in PUBLIC or DOORS."
        if blueprint in DOORS:
            permission = DOORS.get(rule.endpoint, DOORS[blueprint])
            found += [(method, path_of(rule), permission) for method in sorted(rule.methods - {"OPTIONS"})]
    assert len(found) > 20
    return found


def path_of(rule: Rule) -> str:
    return re.sub(r"<int[^:]*:\w+>", "1", rule.rule).replace("<key>", "website_app")


def ask(desk: Desk, method: str, path: str, **headers: str) -> TestResponse:
    page = desk.client.get("/system", follow_redirects=True)  # or the sign-in page: either has a form
    form = {"csrf_token": hidden(page)["csrf_token"]}
    return desk.client.open(path, method=method, data=form if method == "POST" else None, headers=headers)


def nobody(app: Flask) -> Desk:
    desk = Desk.__new__(Desk)
    desk.client = app.test_client()
    return desk


@pytest.mark.parametrize("role", list(Role))
def test_each_role_comes_through_its_own_doors_and_no_other(app: Flask, given: Given, role: Role) -> None:
    """IDOR-05: also with htmx, and with what only answers POST."""
    given(a_case, owner=given(an_agent))
    desk = Desk(app, given(a_user, role))
    for method, path, permission in desk_routes(app):
        for headers in ({}, {"HX-Request": "true"}):
            answer = ask(desk, method, path, **headers)
            if permission in PERMISSIONS[role]:
                assert answer.status_code not in (401, 403, 404, 405, 500), (role, method, path, answer.status_code)
            else:
                assert answer.status_code in (403, 404), (role, method, path, answer.status_code)


def test_somebody_not_signed_in_comes_through_none(app: Flask, given: Given) -> None:
    """IDOR-05."""
    given(a_case, owner=given(an_agent))
    visitor = nobody(app)
    for method, path, _ in desk_routes(app):
        answer = ask(visitor, method, path)
        if method == "POST":
            assert answer.status_code == 401, path
        else:
            assert answer.status_code == 303, path
            assert answer.location.startswith("/sign-in?next="), path
        assert ask(visitor, method, path, **{"HX-Request": "true"}).status_code == 401, path


@pytest.mark.parametrize("role", [Role.AGENT, Role.SUPERVISOR])
def test_what_belongs_to_another_team_is_not_there(app: Flask, given: Given, role: Role) -> None:
    """IDOR-01: every route with a number in it, looking and acting; nothing of the other team changes."""
    case = given(a_case, owner=given(an_agent, team="Billing"), team="Billing", text="The secret of Billing")
    desk = Desk(app, given(a_user, role))

    def trail() -> list[str]:
        with app.app_context():
            return [event.kind for event in events.of(case.subject)]

    before = trail()
    numbered = [(method, path) for method, path, _ in desk_routes(app) if "/1" in path]
    assert len(numbered) > 8
    for method, path in numbered:
        foreign = path.replace("/1", f"/{first_notice(app) if 'outbox' in path else case.id}")
        answer, absent = ask(desk, method, foreign), ask(desk, method, path.replace("/1", "/999999"))
        assert (answer.status_code, absent.status_code) == (404, 404), (method, foreign)
        assert same_words(answer, absent), (method, foreign)
        assert "secret of Billing" not in answer.text
    assert trail() == before
    for path in ("/queue?mine=", "/queue?mine=0", "/outbox", "/board"):
        assert "secret of Billing" not in desk.get(path).text


def first_notice(app: Flask) -> int:
    with app.app_context():
        found = db.session.scalars(db.select(Notice.id).order_by(Notice.id)).first()
        assert found
        return found


def same_words(one: TestResponse, other: TestResponse) -> bool:
    return re.sub(r"<[^>]+>", "", one.text) == re.sub(r"<[^>]+>", "", other.text)


def test_a_case_is_not_given_to_somebody_of_another_team(app: Flask, given: Given) -> None:
    """IDOR-02: the second number is looked up as strictly as the first."""
    agent, stranger = given(an_agent), given(an_agent, team="Billing", name="Zoe Elsewhere")
    case, desk = given(a_case, owner=agent), Desk(app, agent)
    for owner in (stranger.id, 999_999, -1, 10**30, "1 OR 1=1", ""):
        answer = desk.post(f"/cases/{case.id}/assignment", owner_id=str(owner))
        assert answer.status_code in (404, 422), owner
    with app.app_context():
        assert db.session.get(type(case), case.id).owner_id == agent.id


@pytest.mark.parametrize("path", ["reply", "note", "resolution"])
def test_fields_that_a_form_does_not_have_change_nothing(app: Flask, given: Given, path: str) -> None:
    """IDOR-07."""
    agent = given(an_agent)
    case, desk = given(a_case, owner=agent), Desk(app, agent)
    extra = {
        "role": "admin", "is_admin": "1", "team_id": "99", "state": "closed", "outcome": "confirmed", "id": "99",
        "created_at": "2000-01-01", "opened_at": "2000-01-01", "queue_at": "2000-01-01", "customer_id": "99",
        "by": "user:99", "owner_id": "99", "tell": "0", "at": "2000-01-01",
    }  # fmt: skip
    assert desk.post(f"/cases/{case.id}/{path}", text="Hello", cause="delivery_delay", **extra).status_code == 303
    with app.app_context():
        after, user = db.session.get(type(case), case.id), db.session.get(type(agent), agent.id)
        for name in ("team_id", "customer_id", "owner_id", "opened_at", "tell", "outcome"):
            assert getattr(after, name) == getattr(case, name), name
        assert (user.role, user.team_id) == (Role.AGENT, agent.team_id)
        assert {event.by for event in events.of(case.subject)} <= {"worker", "test", agent.actor}


def test_no_page_shows_the_hash_of_a_password_or_a_token(app: Flask, given: Given) -> None:
    """IDOR-08: to nobody, the admin included; and there is no collection of users."""
    admin = given(an_admin, password="a password of some length")
    given(a_case, owner=given(an_agent))
    desk = Desk(app, admin)
    for method, path, _ in desk_routes(app):
        if method == "GET":
            assert not re.search(r"argon2|password_hash|cxl_[0-9a-f]{12}", desk.get(path).text), path
    assert not [rule for rule in app.url_map.iter_rules() if "user" in rule.rule or "token" in rule.rule.split("<")[0]]


def test_the_audit_trail_has_no_door_and_a_change_behind_our_back_is_found(app: Flask, given: Given) -> None:
    """AUTH-17."""
    case = given(a_case, owner=given(an_agent))
    methods = {method for rule in app.url_map.iter_rules() for method in rule.methods or ()}
    assert not methods & {"PUT", "PATCH", "DELETE"}
    assert not [rule for rule in app.url_map.iter_rules() if re.search("event|audit|trail", rule.rule)]
    with app.app_context():
        assert events.verify().broken is None
        with transaction():
            tampered = db.update(Event).where(Event.subject == case.subject, Event.seq == 2).values(by="user:99")
            db.session.execute(tampered)
        assert f"{case.subject} event 2" in str(events.verify().broken)
