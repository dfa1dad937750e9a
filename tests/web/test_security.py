import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cxloop.accounts.models import User
from tests.factories import a_case, a_survey, an_admin, an_agent
from tests.web.desk import Desk
from tests.web.visitor import XSS, hidden, link_of

Given = Callable[..., Any]
DIRECTIVES = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def policy(headers: Any) -> dict[str, str]:
    parts = [part.strip().partition(" ") for part in headers["Content-Security-Policy"].split(";")]
    return {name: value for name, _, value in parts}


@pytest.fixture
def agent(given: Given) -> User:
    return given(an_agent, name="Ana Lind")


@pytest.mark.parametrize("path", ["/sign-in", "/queue", "/nowhere", "/health", "/api/v1/openapi.json", "/theme"])
def test_every_answer_carries_the_headers(app: Flask, agent: User, path: str) -> None:
    """SURV-05: nobody frames us."""
    answer = Desk(app, agent).get(path)
    found = policy(answer.headers)
    nonce = found.pop("script-src")
    assert found == DIRECTIVES
    assert re.fullmatch(r"'nonce-[\w-]{22}'", nonce)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_scripts_run_by_a_nonce_that_is_new_each_time(app: Flask, agent: User) -> None:
    pages = [Desk(app, agent).get("/queue") for _ in range(2)]
    nonces = [policy(page.headers)["script-src"].removeprefix("'nonce-").removesuffix("'") for page in pages]
    assert nonces[0] != nonces[1]
    for page, nonce in zip(pages, nonces, strict=True):
        scripts = re.findall(r"<script[^>]*>", page.text)
        assert scripts
        assert all(f'nonce="{nonce}"' in script for script in scripts)


def test_static_files_may_be_kept_and_absent_ones_not(client: FlaskClient) -> None:
    with client.get("/static/css/tokens.css") as sheet:
        assert "max-age" in sheet.headers["Cache-Control"]
    assert client.get("/static/css/nothing.css").headers["Cache-Control"] == "no-store"


def test_pages_with_a_token_in_the_address_send_no_referrer(app: Flask, client: FlaskClient, given: Given) -> None:
    """LINK-05."""
    for path in (link_of(app, given(a_survey)), link_of(app, given(a_case)), "/sign-in/" + "A" * 43, "/survey/broken"):
        answer = client.get(path)
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert 'name="referrer"' not in answer.text  # a meta element would overrule the header


@pytest.mark.parametrize(
    ("path", "fields"), [("/sign-in", {}), ("/theme", {"theme": "dark"}), ("/sign-out", {}), ("/cases/1/reply", {})]
)
def test_a_form_without_the_token_or_with_anothers_does_nothing(
    app: Flask, agent: User, path: str, fields: dict[str, str]
) -> None:
    """AUTH-11."""
    desk, stranger = Desk(app, agent), app.test_client()
    token = hidden(stranger.get("/sign-in"))["csrf_token"]
    desk.get("/queue")
    for given_token in ({}, {"csrf_token": ""}, {"csrf_token": "forged"}, {"csrf_token": token}):
        assert desk.client.post(path, data=fields | given_token).status_code == 400
    assert desk.get("/queue").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "http://localhost.evil.test"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_form_is_refused_even_with_the_right_token(
    app: Flask, agent: User, headers: dict[str, str]
) -> None:
    """AUTH-11, API-05: also a null origin, another port, and a name that only begins like ours."""
    desk = Desk(app, agent)
    token = re.search(r'name="csrf_token" value="([^"]+)"', desk.get("/system").text)
    assert token
    form = {"csrf_token": token[1], "theme": "dark"}
    assert desk.client.post("/theme", data=form, headers=headers).status_code == 403
    for own in ({"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin", "Origin": "null"}, {}):
        assert desk.client.post("/theme", data=form, headers=own).status_code == 303


def test_a_page_that_hides_its_referrer_may_still_send_its_form(app: Flask, client: FlaskClient, given: Given) -> None:
    """Browsers name the origin of such a page null."""
    path = link_of(app, given(a_survey))
    form = hidden(client.get(path)) | {"score": "9"}
    assert client.post(path, data=form, headers={"Origin": "null"}).status_code == 303
    assert client.post(path, data=form, headers={"Origin": "https://evil.test"}).status_code == 403


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_a_method_cannot_be_overridden(app: Flask, agent: User, header: str) -> None:
    """AUTH-11, API-07."""
    desk = Desk(app, agent)
    assert desk.client.get("/sign-out?_method=POST", headers={header: "POST"}).status_code == 405
    assert desk.client.post("/queue", data={"_method": "GET"}, headers={header: "GET"}).status_code in (400, 405)
    assert desk.get("/queue").status_code == 200


@pytest.mark.parametrize(
    "path", ["//queue", "/queue/", "/./queue", "/%2e%2e/queue", "//cases/1", "/cases//1", "/x/../queue"]
)
def test_another_spelling_of_a_path_opens_no_other_door(client: FlaskClient, path: str) -> None:
    """API-07: at most it leads to the usual one, where one has to sign in."""
    answer = client.get("/", environ_overrides={"PATH_INFO": path})
    if answer.status_code != 404:
        assert answer.status_code in (303, 308)
        assert client.get(answer.location, follow_redirects=True).request.path == "/sign-in"


@pytest.mark.parametrize("path", ["//evil.test/queue", "//evil.test//cases/1", "/\\evil.test"])
def test_no_path_leads_to_another_site(client: FlaskClient, path: str) -> None:
    location = client.get("/", environ_overrides={"PATH_INFO": path}).headers.get("Location", "/")
    assert re.match(r"/(?!/)|http://localhost/", location)


@pytest.mark.parametrize("method", ["TRACE", "PUT", "PATCH", "DELETE", "CONNECT", "NONSENSE"])
def test_a_method_that_a_page_lacks_is_refused(client: FlaskClient, method: str) -> None:
    """API-07, AUTH-17: nothing here is put or deleted."""
    for path in ("/sign-in", "/queue", "/cases/1", "/survey/x"):
        assert client.open(path, method=method).status_code in (400, 405)


def test_a_host_that_is_not_ours_gets_no_page(client: FlaskClient) -> None:
    answer = client.get("/sign-in", headers={"Host": "evil.test"})
    assert (answer.status_code, answer.mimetype) == (400, "text/plain")
    assert client.get("/sign-in", headers={"X-Forwarded-Host": "evil.test"}).status_code == 200
    assert "evil" not in client.get("/queue", headers={"X-Forwarded-Host": "evil.test"}).location


@pytest.mark.parametrize("path", ["/queue?cause=%00", "/survey/x?score=%00", "/sign-in?next=%00", "/%00"])
def test_a_nul_in_an_address_is_a_bad_request(app: Flask, agent: User, path: str) -> None:
    """SURV-02."""
    assert Desk(app, agent).get(path).status_code == 400


def test_a_nul_in_a_form_is_refused_by_every_page(app: Flask, agent: User, given: Given) -> None:
    desk, case = Desk(app, agent), given(a_case, owner=agent)
    assert desk.post(f"/cases/{case.id}/note", text="a\x00b").status_code == 422
    assert desk.post("/sign-in", email="a\x00b", password="c").status_code == 422


@pytest.mark.parametrize("id", ["2147483648", "9" * 40, "-1", "1e3", "١"])
def test_a_number_that_no_row_has_is_not_found(app: Flask, agent: User, id: str) -> None:
    desk = Desk(app, agent)
    assert desk.get(f"/cases/{id}").status_code == 404
    assert desk.get(f"/your-case/{id}").status_code == 404


PARAMETERS = (
    "q",
    "sort",
    "page",
    "next",
    "tab",
    "filter",
    "mine",
    "state",
    "cause",
    "urgency",
    "after",
    "score",
    "again",
)


def test_no_page_reflects_what_stands_in_the_address(app: Flask, given: Given) -> None:
    """XSS-07: every parameter of every page that answers GET, and unknown ones."""
    admin = given(an_admin)
    case, desk = given(a_case, owner=given(an_agent)), Desk(app, admin)
    paths = {"survey": link_of(app, given(a_survey)), "case": link_of(app, case)}
    tried = 0
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint == "static":
            continue
        path = re.sub(r"<int[^:]*:\w+>", str(case.id), rule.rule)
        path = path.replace("/survey/<token>", paths["survey"]).replace("/your-case/<token>", paths["case"])
        path = path.replace("<secret>", "unknown").replace("<token>", "unknown").replace("<key>", "website_app")
        assert "<" not in path, rule
        for value in (XSS, "-1", "1e309", "\u202e", "99999999999999999999999999", "2026-03-02T09:00:00Z,1", "[]"):
            answer = desk.client.get(path, query_string=dict.fromkeys(PARAMETERS, value), follow_redirects=True)
            assert answer.status_code < 500, (path, value)
            assert "<svg/onload" not in answer.text, path
            assert "<script>window" not in answer.text, path
            tried += 1
    assert tried > 60


def test_the_choice_of_light_or_dark_is_kept_in_this_browser(app: Flask, agent: User) -> None:
    desk = Desk(app, agent)
    for choice, shown in (("dark", "dark"), ("light", "light"), ("auto", "auto"), ('"><b>', "auto")):
        answer = desk.client.post(
            "/theme",
            data={"theme": choice, "csrf_token": hidden(desk.get("/system"))["csrf_token"]},
            headers={"Referer": "http://localhost/queue?state=open"},
        )
        assert (answer.status_code, answer.location) == (303, "/queue?state=open")
        assert f'<html lang="en" data-bs-theme="{shown}">' in desk.get("/queue").text
        cookie = desk.client.get_cookie("cxloop_theme")
        assert cookie
        assert cookie.value == shown


def test_the_way_back_after_a_choice_is_our_own(app: Flask, agent: User) -> None:
    """AUTH-10."""
    desk = Desk(app, agent)
    for referrer in ("https://evil.test//evil.test", "//evil.test", "https://evil.test/\\evil.test"):
        token = hidden(desk.get("/system"))["csrf_token"]
        answer = desk.client.post("/theme", data={"csrf_token": token}, headers={"Referer": referrer})
        assert answer.location == "/"


@pytest.mark.parametrize(
    "path", ["/cron", "/tasks", "/internal", "/setup", "/admin", "/metrics", "/openapi", "/console", "/.env", "/users"]
)
def test_there_is_no_back_door(client: FlaskClient, path: str) -> None:
    """IDOR-10."""
    assert client.get(path).status_code == 404


def test_health_says_nothing_about_the_inside(client: FlaskClient) -> None:
    """IDOR-10."""
    assert client.get("/health?verbose=1").get_json() == {"status": "ok"}
