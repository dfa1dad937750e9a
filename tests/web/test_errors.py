import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cxloop.errors import Conflict, Forbidden, Gone, Invalid, NotFound, TooMany
from cxloop.web.access import COOKIE
from tests.factories import an_agent
from tests.web.desk import Desk
from tests.web.visitor import words

MakeApp = Callable[..., Flask]


def failing(app: Flask, error: Exception) -> FlaskClient:
    """The application with an address at which this goes wrong."""

    def fail() -> str:
        raise error

    app.add_url_rule("/fail", view_func=fail)
    return app.test_client()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Invalid("The cause is missing."), 422),
        (Forbidden("Your role may not do that."), 403),
        (Conflict("It is resolved already."), 409),
        (Gone("This survey is over."), 410),
    ],
)
def test_an_error_becomes_its_page_and_keeps_its_own_words(app: Flask, error: Exception, code: int) -> None:
    answer = failing(app, error).get("/fail")
    assert answer.status_code == code
    assert str(error) in words(answer)


def test_what_is_not_there_is_answered_the_same_whatever_the_reason(app: Flask) -> None:
    client = failing(app, NotFound("The link is another customer's."))
    hidden, absent = client.get("/fail"), client.get("/nowhere")
    assert hidden.status_code == absent.status_code == 404
    assert words(hidden) == words(absent)


def test_too_many_attempts_are_told_when_to_come_back(app: Flask) -> None:
    answer = failing(app, TooMany("Please wait.", retry_after=42)).get("/fail")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "42")
    assert "Wait 1 minute, then try again." in words(answer)


def test_a_longer_wait_is_said_in_minutes_and_at_the_sign_in_page_leads_back_there(app: Flask) -> None:
    @app.get("/sign-in-fail", endpoint="signin.fail")
    def fail() -> str:
        raise TooMany("Please wait.", retry_after=601)

    answer = app.test_client().get("/sign-in-fail")
    assert "Wait 11 minutes, then sign in" in words(answer)
    assert '<a href="/sign-in">' in answer.text


def test_a_sign_in_link_that_is_over_offers_the_sign_in_page_and_a_customer_s_the_newest_message(app: Flask) -> None:
    client = failing(app, Gone("This link has expired."))
    over, other = client.get("/sign-in/used-already"), client.get("/fail")
    assert over.status_code == other.status_code == 410
    assert '<a href="/sign-in">' in over.text
    assert "Open the link in the newest message that we sent you." in words(other)
    assert "/sign-in" not in other.text


def test_somebody_of_the_staff_finds_the_way_back_also_where_the_database_is_what_failed(
    app: Flask, make_app: MakeApp, given: Any
) -> None:
    agent = given(an_agent)
    for code, client in ((404, Desk(app, agent).client), (500, failing(app, RuntimeError()))):
        client.set_cookie(COOKIE, "whatever") if code == 500 else None
        answer = client.get("/nowhere" if code == 404 else "/fail")
        assert answer.status_code == code
        assert 'href="/queue">My queue<' in answer.text
    assert "My queue" not in app.test_client().get("/nowhere").text


@pytest.mark.parametrize("path", ["/fail", "/api/v1/fail"])
def test_what_nobody_foresaw_says_nothing_but_the_reference_under_which_it_is_logged(
    app: Flask, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    """API-06."""

    def fail() -> str:
        raise RuntimeError("SELECT password FROM secret_table")

    app.add_url_rule(path, view_func=fail)
    with caplog.at_level(logging.ERROR):
        answer = app.test_client().get(path)
    assert answer.status_code == 500
    [reference] = re.findall(r"\b[0-9a-f]{8}\b", answer.text)
    [entry] = [record for record in caplog.records if reference in record.getMessage()]
    assert "secret_table" in str(entry.exc_info and entry.exc_info[1])
    for inside in ("secret_table", "RuntimeError", "Traceback", "werkzeug", "SECRET_KEY", ".py"):
        assert inside not in answer.text


def test_a_path_in_the_log_cannot_begin_a_line_of_its_own(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """INJ-07."""

    def fail(path: str) -> str:
        raise RuntimeError

    app.add_url_rule("/fail/<path>", view_func=fail)
    app.test_client().get("/fail/x%0aERROR%20forged%1b[31m")
    [entry] = [record for record in caplog.records if record.getMessage().startswith("incident")]
    assert "\n" not in entry.getMessage()
    assert "\x1b" not in entry.getMessage()


@pytest.mark.parametrize("path", ["/survey/", "/api/v1/feedback"])
def test_without_the_database_one_is_asked_to_come_again(make_app: MakeApp, path: str) -> None:
    """CRASH-04: the page needs nothing of what failed."""
    app = make_app(DATABASE_URL="sqlite:////nowhere/at/all.sqlite3")
    if path.startswith("/survey"):
        answer = app.test_client().get(path + app.extensions["cxloop.links"].sign("survey", "key"))
    else:
        token = "cxl_" + "0" * 12 + "_" + "A" * 43
        answer = app.test_client().post(path, json={}, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert "sqlite" not in answer.text


def test_a_page_that_htmx_asks_for_is_answered_in_one_line(app: Flask) -> None:
    client = failing(app, Conflict("It is resolved already."))
    answer = client.get("/fail", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.mimetype, answer.text) == (409, "text/plain", "It is resolved already.")
    assert client.get("/nowhere", headers={"HX-Request": "true"}).text == "That did not work (404)."


def test_a_wrong_method_is_told_the_right_ones(client: FlaskClient) -> None:
    answer = client.delete("/sign-in")
    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(re.findall(r"\w+", answer.headers["Allow"]))


def test_a_body_that_is_too_large_is_refused(client: FlaskClient) -> None:
    """SURV-02."""
    assert client.post("/sign-in", data={"email": "x" * 3_000_000}).status_code == 413


@pytest.mark.parametrize("code", [406, 414, 431, 418, 501])
def test_an_error_without_a_page_of_its_own_still_gets_one(app: Flask, code: int) -> None:
    from werkzeug.exceptions import HTTPException

    class Odd(HTTPException):
        pass

    Odd.code = code
    answer = failing(app, Odd()).get("/fail")
    assert answer.status_code == code
    assert "<h1>" in answer.text


def test_the_error_page_needs_nobody_who_is_signed_in_and_sets_no_cookie(client: FlaskClient) -> None:
    answer: Any = client.get("/nowhere")
    assert answer.status_code == 404
    assert "Set-Cookie" not in answer.headers
