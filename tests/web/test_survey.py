import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cxloop.cases import Case
from cxloop.db import db, transaction
from cxloop.intake.models import Feedback, SourceKind
from cxloop.surveys.models import Survey, SurveyKind
from cxloop.web.limits import limit_client
from cxloop.web.surveys import ANSWERS_PER_CLIENT, WINDOW
from tests.factories import a_case, a_survey
from tests.web.visitor import NO_LIMIT, XSS, hidden, link_of, send, use_up, words

Given = Callable[..., Any]


@pytest.fixture
def survey(given: Given) -> Survey:
    return given(a_survey)


@pytest.fixture
def link(app: Flask, survey: Survey) -> str:
    return link_of(app, survey)


def heard(app: Flask) -> list[Feedback]:
    with app.app_context():
        found = sa.select(Feedback).options(sa.orm.joinedload(Feedback.customer), sa.orm.joinedload(Feedback.source))
        return list(db.session.scalars(found.order_by(Feedback.id)))


def error_of(page: TestResponse, field: str) -> str:
    return page.text.partition(f'id="{field}-error"')[2].partition("</p>")[0].rpartition(">")[2]


@pytest.mark.parametrize(
    ("kind", "low", "high"), [(SurveyKind.NPS, 0, 10), (SurveyKind.CSAT, 1, 5), (SurveyKind.CES, 1, 7)]
)
def test_the_page_asks_the_question_of_its_kind(
    app: Flask, client: FlaskClient, given: Given, kind: SurveyKind, low: int, high: int
) -> None:
    survey = given(a_survey, kind)
    page = client.get(link_of(app, survey))
    assert survey.question in words(page)
    assert page.text.count('type="radio"') == high - low + 1
    for end in (low, high):
        assert send(app.test_client(), link_of(app, survey), score=str(end)).status_code == 303
    assert [(answer.score, answer.scale) for answer in heard(app)] == [(low, f"{low}-{high}"), (high, f"{low}-{high}")]


def test_an_answer_is_feedback_of_its_customer_and_waits_for_the_tagger(
    app: Flask, client: FlaskClient, survey: Survey, link: str
) -> None:
    answer = send(client, link, score="3", comment=" Nobody came. ", name="Mina Okafor", email="Mina@Example.test")
    assert (answer.status_code, answer.location) == (303, link)
    assert "Thank you" in words(client.get(link))
    [feedback] = heard(app)
    assert (feedback.text, feedback.score, feedback.question) == ("Nobody came.", 3, survey.question)
    assert (feedback.customer.name, feedback.customer.email) == ("Mina Okafor", "mina@example.test")
    assert feedback.source.kind == SourceKind.SURVEY
    assert feedback.due_at


def test_looking_at_a_survey_stores_nothing(app: Flask, client: FlaskClient, link: str) -> None:
    """SURV-04: a score in the address is marked, and counts only when the form is sent."""
    page = client.get(f"{link}?score=9")
    assert 'value="9" required checked' in page.text
    assert page.text.count("checked") == 1
    assert heard(app) == []
    for nonsense in ("11", "-1", "9 ", XSS, "nan"):
        assert " checked" not in client.get(link, query_string={"score": nonsense}).text


def test_the_same_form_sent_again_is_one_answer(app: Flask, client: FlaskClient, link: str) -> None:
    """SURV-01: a double click, a retry, and going back and sending once more."""
    form = hidden(client.get(link)) | {"score": "0", "comment": "Bad."}
    for _ in range(3):
        answer = client.post(link, data=form)
        assert answer.status_code == 303
        assert "Thank you" in words(client.get(answer.location))
    assert client.post(link, data=form | {"score": "9"}).status_code == 303
    assert [answer.score for answer in heard(app)] == [0]


def test_two_clicks_at_once_are_one_answer(app: Flask, link: str) -> None:
    """SURV-01, LINK-04."""
    client, barrier, answers = app.test_client(), threading.Barrier(2), []
    form = hidden(client.get(link)) | {"score": "0"}
    cookie = client.get_cookie("cxloop_page")
    assert cookie

    def click() -> None:
        hand = app.test_client()
        hand.set_cookie("cxloop_page", cookie.value)
        barrier.wait()
        answers.append(hand.post(link, data=form).status_code)

    threads = [threading.Thread(target=click) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [303, 303]
    assert len(heard(app)) == 1


def test_somebody_else_at_the_same_screen_may_answer_too(app: Flask, client: FlaskClient, link: str) -> None:
    send(client, link, score="0")
    assert "Open the survey again" in words(client.get(link))
    assert client.post(link, data=hidden(client.get(f"{link}?again=1")) | {"score": "9"}).status_code == 303
    assert [answer.score for answer in heard(app)] == [0, 9]


@pytest.mark.parametrize(
    "score",
    ["11", "-1", "", "NaN", "nan", "inf", "1e309", "1e1", "10 ", " 10", "+1", "1.5", "0x1", "00011", "01", "١", "ten"],
)
def test_a_score_off_the_scale_is_named_at_its_field_and_nothing_is_stored(
    app: Flask, client: FlaskClient, link: str, score: str
) -> None:
    """SURV-03."""
    page = send(client, link, score=score, comment="The words I typed", name="Mina", email="mina@example.test")
    assert page.status_code == 422
    assert error_of(page, "score") == "Choose a number from 0 to 10."
    assert "The words I typed" in page.text
    assert 'value="mina@example.test"' in page.text
    assert heard(app) == []


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("comment", "x" * 5001, "Keep it under 5000 characters."),
        ("email", "not an address", "This does not look like an e-mail address."),
        ("email", "a@b\r\nBcc: evil@evil.test", "This does not look like an e-mail address."),
    ],
)
def test_other_faults_are_named_at_their_fields_too(
    app: Flask, client: FlaskClient, link: str, field: str, value: str, said: str
) -> None:
    """SURV-02, SURV-03, INJ-05."""
    page = send(client, link, **{"score": "9", field: value})
    assert page.status_code == 422
    assert error_of(page, field) == said
    assert heard(app) == []


def test_a_corrected_form_is_taken(app: Flask, client: FlaskClient, link: str) -> None:
    page = send(client, link, score="11", comment="Late.")
    assert client.post(link, data=hidden(page) | {"score": "1", "comment": "Late."}).status_code == 303
    assert [answer.score for answer in heard(app)] == [1]


@pytest.mark.parametrize("ticket", ["", "forged", "another survey's", "another purpose's"])
def test_a_form_without_a_ticket_of_this_page_is_asked_for_again(
    app: Flask, client: FlaskClient, given: Given, survey: Survey, link: str, ticket: str
) -> None:
    other, links = given(a_survey), app.extensions["cxloop.links"]
    made = {
        "another survey's": links.sign("ticket", [other.key, "t"]),
        "another purpose's": links.sign("survey", [survey.key, "t"]),
    }
    page = send(client, link, ticket=made.get(ticket, ticket), score="5", comment="My words")
    assert page.status_code == 422
    assert "send your answer once more" in words(page)
    assert heard(app) == []
    assert client.post(link, data=hidden(page) | {"score": "5"}).status_code == 303


def flood(app: Flask, times: int, address: str) -> None:
    use_up(
        app,
        lambda at: limit_client("survey", times=NO_LIMIT, per=WINDOW, at=at),
        times=times,
        per=WINDOW,
        address=address,
    )


def test_a_flood_is_stopped(app: Flask, client: FlaskClient, link: str) -> None:
    """SURV-02: whatever the headers say about where it comes from."""
    flood(app, ANSWERS_PER_CLIENT, "127.0.0.1")
    form = hidden(client.get(link)) | {"score": "5"}
    stopped = client.post(link, data=form, headers={"X-Forwarded-For": "198.51.100.1"})
    assert stopped.status_code == 429
    assert int(stopped.headers["Retry-After"]) > 0
    assert heard(app) == []
    assert client.post(link, data=form, environ_base={"REMOTE_ADDR": "198.51.100.7"}).status_code == 303


def test_a_network_of_ipv6_counts_as_one_client(app: Flask, client: FlaskClient, link: str) -> None:
    flood(app, ANSWERS_PER_CLIENT, "2001:db8::1")
    form = hidden(client.get(link)) | {"score": "5"}
    assert client.post(link, data=form, environ_base={"REMOTE_ADDR": "2001:db8::ffff:9"}).status_code == 429
    assert client.post(link, data=form, environ_base={"REMOTE_ADDR": "2001:db8:0:1::9"}).status_code == 303


def test_absurd_forms_break_nothing(app: Flask, client: FlaskClient, link: str) -> None:
    """SURV-02: a megabyte of text, ten thousand fields, ten thousand parts, and signs that mean mischief."""
    form = hidden(client.get(link))
    assert client.post(link, data=form | {"score": "5", "comment": "x" * 1_000_000}).status_code == 422
    assert client.post(link, data=form | {"score": "5", "comment": "x" * 3_000_000}).status_code == 413
    assert client.post(link, data=form | {f"field{n}": "x" for n in range(10_000)}).status_code == 422
    part = '--x\r\nContent-Disposition: form-data; name="score"\r\n\r\n5\r\n'
    parts = {"data": part * 10_000 + "--x--", "content_type": "multipart/form-data; boundary=x"}
    assert client.post(link, **parts).status_code == 413
    assert client.post(link, data=form | {"score": "5", "comment": "a\x00b"}).status_code == 422
    assert heard(app) == []
    odd = "\u202eevil\u202c Z̸̡̛a̷l̵g̶o̸ 👩‍👩‍👧‍👦 \ufeff {{7*7}} {% for %}"
    assert client.post(link, data=form | {"score": "5", "comment": odd, "name": XSS}).status_code == 303
    assert heard(app)[0].text == odd


@pytest.mark.parametrize("how", ["altered", "cut off", "of a case", "of nothing", "made with another secret"])
def test_a_link_that_is_not_whole_or_not_for_this_is_answered_the_same(
    app: Flask, client: FlaskClient, given: Given, link: str, make_app: Callable[..., Flask], how: str
) -> None:
    """LINK-02."""
    other = make_app(SECRET_KEY="another secret of more than forty characters").extensions["cxloop.links"]
    path = {
        "altered": link[:-9] + ("A" if link[-9] != "A" else "B") + link[-8:],
        "cut off": link[:-9],
        "of a case": link_of(app, given(a_case)).replace("/your-case/", "/survey/"),
        "of nothing": "/survey/x",
        "made with another secret": "/survey/" + other.sign("survey", "key"),
    }[how]
    page, form = client.get(path), client.post(path, data=hidden(client.get("/sign-in")) | {"score": "1"})
    assert (page.status_code, form.status_code) == (404, 404)
    assert words(page) == words(client.get("/survey/anything"))


def test_a_survey_that_is_over_says_so(app: Flask, client: FlaskClient, survey: Survey, link: str) -> None:
    """LINK-03."""
    form = hidden(client.get(link))
    with app.app_context(), transaction():
        db.session.get_one(Survey, survey.id).active = False
    assert client.get(link).status_code == client.post(link, data=form | {"score": "5"}).status_code == 410
    assert "This survey is over" in words(client.get(link))


def test_a_bad_answer_of_somebody_with_an_address_opens_one_case(
    app: Flask, client: FlaskClient, link: str, kit: Any
) -> None:
    """SURV-01: one case at most."""
    from cxloop import drains

    form = hidden(client.get(link)) | {"score": "0", "comment": "It came late.", "email": "mina@example.test"}
    for _ in range(2):
        client.post(link, data=form)
    with app.app_context():
        drains.drain_tagging(kit)
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Case)) == 1


def test_the_survey_speaks_for_the_team_and_not_for_the_product(app: Flask, client: FlaskClient, given: Given) -> None:
    path = link_of(app, given(a_survey))
    for page in (client.get(path), send(client, path, score="9"), client.get(path)):
        if page.status_code == 200:
            assert '<span class="brand">Care</span>' in page.text
            assert words(page).count("cxloop") == 1
