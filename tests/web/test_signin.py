import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, request
from flask.testing import FlaskClient
from flask_login import encode_cookie
from werkzeug.test import TestResponse

from cxloop import accounts
from cxloop.accounts.models import Role, Session, User
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.web.access import COOKIE
from cxloop.web.limits import limit, limit_client
from cxloop.web.signin import TRIES_PER_ADDRESS, TRIES_PER_CLIENT, WINDOW
from tests.factories import a_user, an_admin, an_agent
from tests.web.desk import Desk
from tests.web.visitor import NO_LIMIT, XSS, hidden, send, use_up, words

Given = Callable[..., Any]
PASSWORD = "correct horse battery"


@pytest.fixture
def ana(given: Given) -> User:
    return given(an_agent, name="Ana Lind", email="ana@staff.test", password=PASSWORD)


def enter(client: FlaskClient, email: str = "ana@staff.test", password: str = PASSWORD, **fields: str) -> TestResponse:
    return send(client, "/sign-in", email=email, password=password, **fields)


def secret_of(client: FlaskClient) -> str:
    cookie = client.get_cookie(COOKIE)
    assert cookie
    return cookie.value


def is_inside(app: Flask, secret: str) -> bool:
    """Whether a browser with this cookie, and nothing else, gets to the desk."""
    other = app.test_client()
    other.set_cookie(COOKIE, secret)
    return other.get("/queue").status_code == 200


def a_link(app: Flask, user: User, **lasts: timedelta) -> str:
    with app.app_context(), transaction():
        return "/sign-in/" + accounts.offer_sign_in_link(db.session.get_one(User, user.id), at=now(), **lasts)


def test_the_password_opens_the_desk_and_leads_to_where_one_wanted_to_go(client: FlaskClient, ana: User) -> None:
    wanted = client.get("/queue?state=waiting")
    assert (wanted.status_code, wanted.location) == (303, "/sign-in?next=/queue?state%3Dwaiting")
    page = client.get(wanted.location)
    answer = client.post("/sign-in", data=hidden(page) | {"email": " Ana@staff.test", "password": PASSWORD})
    assert (answer.status_code, answer.location) == (303, "/queue?state=waiting")
    assert client.get(answer.location).status_code == 200


def test_the_front_door_leads_to_the_queue_or_to_the_sign_in_page(app: Flask, client: FlaskClient, ana: User) -> None:
    assert client.get("/").location == "/sign-in"
    assert Desk(app, ana).get("/").location == "/queue"
    assert Desk(app, ana).get("/sign-in").location == "/"


def test_an_unknown_address_and_a_wrong_password_are_answered_alike(client: FlaskClient, ana: User) -> None:
    wrong, unknown = enter(client, password="not this one"), enter(client, email="nobody@staff.test")
    assert wrong.status_code == unknown.status_code == 401
    assert "do not belong together" in words(wrong)
    assert words(wrong) == words(unknown)


@pytest.mark.parametrize("email", [XSS, "a\u202eb@c.d", "x" * 5000])
def test_what_was_typed_as_address_comes_back_escaped(client: FlaskClient, email: str) -> None:
    """XSS-07."""
    answer = enter(client, email=email)
    assert answer.status_code == 401
    assert "<svg/onload" not in answer.text
    assert "<script>window" not in answer.text


def test_the_cookie_is_for_http_alone_same_site_and_of_this_path(client: FlaskClient, ana: User) -> None:
    [cookie] = [value for value in enter(client).headers.getlist("Set-Cookie") if value.startswith(COOKIE)]
    assert re.fullmatch(rf"{COOKIE}=[\w-]{{43}}; HttpOnly; Path=/; SameSite=Lax", cookie)


def test_behind_https_the_cookies_are_secure(make_app: Callable[..., Flask], ana: User) -> None:
    client = make_app(BASE_URL="https://care.example.test").test_client()
    page = client.get("/sign-in", base_url="https://care.example.test")
    entered = client.post(
        "/sign-in",
        base_url="https://care.example.test",
        data=hidden(page) | {"email": ana.email, "password": PASSWORD},
        headers={"Origin": "https://care.example.test"},
    )
    assert entered.status_code == 303
    cookies = page.headers.getlist("Set-Cookie") + entered.headers.getlist("Set-Cookie")
    assert len(cookies) == 3  # one page session, ended, and the sign-in
    assert all("Secure" in cookie for cookie in cookies if "Expires" not in cookie)


def test_a_session_planted_before_the_sign_in_is_worth_nothing_after_it(
    app: Flask, client: FlaskClient, ana: User, given: Given
) -> None:
    """AUTH-01: a new secret, the old one is dead, and what was planted in the page session is gone."""
    theirs = secret_of(Desk(app, given(an_agent)).client)
    client.set_cookie(COOKIE, theirs)
    with client.session_transaction() as planted:
        planted.update({"cases": {"7": "planted"}, "_user_id": "1", "csrf_token": "0" * 40})
    client.delete_cookie(COOKIE)  # the form is only shown to somebody who is not signed in
    page = client.get("/sign-in")
    client.set_cookie(COOKIE, theirs)
    assert client.post("/sign-in", data=hidden(page) | {"email": ana.email, "password": PASSWORD}).status_code == 303
    assert secret_of(client) != theirs
    assert not is_inside(app, theirs)
    with client.session_transaction() as left:
        assert dict(left) == {}


def test_a_captured_cookie_is_worth_nothing_after_the_sign_out(app: Flask, ana: User) -> None:
    """AUTH-02."""
    desk = Desk(app, ana)
    captured = secret_of(desk.client)
    assert is_inside(app, captured)
    assert desk.post("/sign-out").location == "/sign-in"
    assert desk.client.get_cookie(COOKIE) is None
    assert not is_inside(app, captured)
    thief = app.test_client()
    thief.set_cookie(COOKIE, captured)
    assert thief.get("/queue", headers={"HX-Request": "true"}).status_code == 401
    assert send(thief, "/cases/1/reply", seen="/sign-in", text="Hello").status_code == 401


def test_a_get_signs_nobody_out(app: Flask, ana: User) -> None:
    desk = Desk(app, ana)
    assert desk.get("/sign-out").status_code == 405
    assert desk.get("/queue").status_code == 200


@pytest.mark.parametrize("what", ["password", "role", "deactivation", "everywhere"])
def test_open_sessions_end_at_once(app: Flask, given: Given, ana: User, what: str) -> None:
    """AUTH-03."""
    admin, desk = given(an_admin), Desk(app, ana)
    assert desk.get("/queue").status_code == 200
    with app.app_context(), transaction():
        user, by = db.session.get_one(User, ana.id), db.session.get_one(User, admin.id)
        if what == "password":
            accounts.change_password(user, "another long password", by=user.actor, at=now())
        elif what == "role":
            accounts.change_role(user, Role.SUPERVISOR, by=by, at=now())
        elif what == "deactivation":
            accounts.deactivate(user, by=by.actor, at=now())
        else:
            accounts.sign_out_everywhere(user)
    assert desk.get("/queue").location.startswith("/sign-in")


def test_sessions_end_by_idleness_and_by_age(app: Flask, ana: User) -> None:
    for seen, created in ((timedelta(hours=13), timedelta(hours=13)), (timedelta(0), timedelta(days=8))):
        desk = Desk(app, ana)
        with app.app_context(), transaction():
            db.session.execute(sa.update(Session).values(seen_at=now() - seen, created_at=now() - created))
        assert desk.get("/queue").status_code == 303


def test_neither_a_remember_cookie_nor_a_user_id_in_the_page_session_signs_anybody_in(
    app: Flask, client: FlaskClient, ana: User
) -> None:
    """AUTH-04: Flask-Login would take both; a remember cookie of its own would work for ever."""
    with app.app_context():
        client.set_cookie("remember_token", encode_cookie(str(ana.id)))
    with client.session_transaction() as page_session:
        page_session.update({"_user_id": str(ana.id), "_fresh": True})
    assert client.get("/queue").status_code == 303
    desk = Desk(app, ana)
    desk.client.set_cookie("remember_token", "1|forged")
    assert desk.get("/queue").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Remote-User": "ana@staff.test"},
        {"Remote-User": "ana@staff.test"},
        {"X-Forwarded-User": "1"},
        {"X-Forwarded-Email": "ana@staff.test"},
        {"Authorization": "1"},
    ],
)
def test_a_header_signs_nobody_in(client: FlaskClient, ana: User, headers: dict[str, str]) -> None:
    """AUTH-06."""
    assert client.get("/queue", headers=headers, environ_base={"REMOTE_USER": "ana@staff.test"}).status_code == 303


def guesses(app: Flask, email: str, times: int) -> None:
    """That many wrong passwords for this address, without the work of checking them."""
    use_up(
        app,
        lambda at: limit("sign-in:address", email, times=NO_LIMIT, per=WINDOW, at=at),
        times=times,
        per=WINDOW,
    )


def test_guesses_at_one_account_are_stopped_wherever_they_come_from(app: Flask, ana: User, given: Given) -> None:
    """AUTH-07: one account, many addresses. Others still sign in, and so does the owner by a link."""
    guesses(app, ana.email, TRIES_PER_ADDRESS - 1)
    client = app.test_client()
    form = hidden(client.get("/sign-in")) | {"email": "ANA@staff.test "}
    places = [{"REMOTE_ADDR": f"203.0.113.{number}"} for number in range(4)]
    tries = [client.post("/sign-in", data=form | {"password": "guess"}, environ_base=place) for place in places[:3]]
    assert tries[0].status_code == 401
    stopped = next(answer for answer in tries if answer.status_code == 429)
    assert 0 < int(stopped.headers["Retry-After"]) <= WINDOW
    guesses(app, ana.email, 1)
    assert client.post("/sign-in", data=form | {"password": PASSWORD}, environ_base=places[3]).status_code == 429
    given(a_user, email="ben@staff.test", password=PASSWORD)
    assert enter(app.test_client(), "ben@staff.test").status_code == 303
    assert send(app.test_client(), a_link(app, ana)).status_code == 303


def test_guesses_from_one_place_are_stopped_whatever_the_headers_say(app: Flask, ana: User) -> None:
    """AUTH-05, AUTH-07: many accounts, one address; no header about a proxy makes it another."""
    use_up(
        app,
        lambda at: limit_client("sign-in", times=NO_LIMIT, per=WINDOW, at=at),
        times=TRIES_PER_CLIENT,
        per=WINDOW,
        address="203.0.113.7",
    )
    client = app.test_client()
    form = hidden(client.get("/sign-in")) | {"email": ana.email, "password": PASSWORD}
    forged = {"X-Forwarded-For": "198.51.100.1", "X-Real-IP": "198.51.100.2", "Forwarded": "for=198.51.100.3"}
    here = {"REMOTE_ADDR": "203.0.113.7"}
    assert client.post("/sign-in", data=form, environ_base=here, headers=forged).status_code == 429
    assert client.post("/sign-in", data=form, environ_base={"REMOTE_ADDR": "203.0.113.8"}).status_code == 303


def test_behind_our_own_proxy_the_address_is_the_one_that_the_proxy_saw(make_app: Callable[..., Flask]) -> None:
    """AUTH-05: the hop that the proxy added counts, what the client wrote before it does not."""
    app = make_app(PROXIES="1")
    seen = []
    app.before_request(lambda: seen.append(request.remote_addr))
    app.test_client().get("/health", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.9"})
    assert seen == ["203.0.113.9"]


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.test", "https://evil.test", "https:evil.test", "/\\evil.test", "\\\\evil.test", "/%2f%2fevil.test",
        "javascript:alert(1)", "/\t/evil.test", " //evil.test", "/ /evil.test", "///evil.test", "/.//evil.test",
        "evil.test", "/%5cevil.test", "/\x00/evil.test",
    ],
)  # fmt: skip
def test_nobody_is_sent_elsewhere_after_the_sign_in(client: FlaskClient, ana: User, wanted: str) -> None:
    """AUTH-10: in the address and in the form."""
    page = client.get("/sign-in", query_string={"next": wanted})
    if "\x00" in wanted:
        assert page.status_code == 400
        return
    form = hidden(page)
    assert form["next"] == "/"
    answer = client.post("/sign-in", data=form | {"next": wanted, "email": ana.email, "password": PASSWORD})
    assert (answer.status_code, answer.location) == (303, "/")


def test_a_one_time_link_shows_who_and_the_button_signs_in_once(app: Flask, client: FlaskClient, ana: User) -> None:
    link = a_link(app, ana)
    for _ in range(2):  # mail scanners look, too
        page = client.get(link)
        assert page.status_code == 200
        assert "Ana Lind" in words(page)
        assert client.get("/queue").status_code == 303
    assert send(client, link).location == "/"
    assert client.get("/queue").status_code == 200
    assert app.test_client().get(link).status_code == 410


def test_of_two_who_press_the_button_at_once_one_is_let_in(app: Flask, ana: User) -> None:
    """LINK-04."""
    link, answers, barrier = a_link(app, ana), [], threading.Barrier(2)

    def press() -> None:
        client = app.test_client()
        form = hidden(client.get(link))
        barrier.wait()
        answers.append(client.post(link, data=form).status_code)

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303, 410]
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Session)) == 1


def test_a_link_that_is_used_expired_unknown_or_of_somebody_gone_is_answered_the_same(
    app: Flask, client: FlaskClient, ana: User, given: Given
) -> None:
    """LINK-03."""
    gone = given(an_agent)
    used, expired, of_gone = a_link(app, ana), a_link(app, ana, lasts=timedelta(0)), a_link(app, gone)
    send(app.test_client(), used)
    with app.app_context(), transaction():
        accounts.deactivate(db.session.get_one(User, gone.id), by="test", at=now())
    answers = [client.get(link) for link in (used, expired, of_gone, "/sign-in/" + "A" * 43)]
    assert {answer.status_code for answer in answers} == {410}
    assert len({words(answer) for answer in answers}) == 1


def test_the_use_of_a_session_is_noted_at_most_once_a_minute(app: Flask, ana: User) -> None:
    desk = Desk(app, ana)

    def noted() -> Any:
        with app.app_context():
            return db.session.scalars(sa.select(Session.seen_at)).one()

    first = noted()
    desk.get("/queue")
    assert noted() == first
    with app.app_context(), transaction():
        db.session.execute(sa.update(Session).values(seen_at=now() - timedelta(minutes=2)))
    desk.get("/queue")
    assert noted() > first


def test_secrets_are_long_random_and_kept_only_as_hashes(app: Flask, ana: User) -> None:
    """AUTH-13."""
    desk, link = Desk(app, ana), a_link(app, ana).removeprefix("/sign-in/")
    secrets = [secret_of(desk.client), secret_of(Desk(app, ana).client), link]
    assert len(set(secrets)) == 3
    assert all(re.fullmatch(r"[\w-]{43}", secret) for secret in secrets)
    with app.app_context():
        kept = str(list(db.session.execute(sa.text("SELECT * FROM session")))) + str(
            list(db.session.execute(sa.text("SELECT * FROM sign_in_link")))
        )
    assert not [secret for secret in secrets if secret in kept]


def test_a_page_that_renews_itself_keeps_no_session_alive(app: Flask, given: Given) -> None:
    desk = Desk(app, given(an_agent))
    long_ago = now() - accounts.SESSION_IDLE / 2

    def seen() -> Any:
        with app.app_context():
            return db.session.scalars(sa.select(Session.seen_at)).one()

    with app.app_context(), transaction():
        db.session.execute(sa.update(Session).values(seen_at=long_ago))
    assert desk.client.get("/queue", headers={"HX-Request": "true"}).status_code == 200
    assert seen() == long_ago
    assert desk.get("/queue").status_code == 200
    assert seen() > long_ago
