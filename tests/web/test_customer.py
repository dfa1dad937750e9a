import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from cxloop import cases, events, loop
from cxloop.cases import Case, Outcome, State
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.links import MAX_AGE
from cxloop.sla import Promise
from cxloop.web.customer import HOUR, MESSAGES_PER_CASE
from cxloop.web.limits import limit
from tests.factories import DAY, MINUTE, a_case, a_survey, an_agent, here
from tests.web.visitor import NO_LIMIT, XSS, hidden, link_of, send, use_up, words

Given = Callable[..., Any]


def state_of(app: Flask, case: Case) -> Case:
    with app.app_context():
        return db.session.get_one(Case, case.id)


def trail(app: Flask, case: Case) -> list[str]:
    with app.app_context():
        return [event.kind for event in events.of(case.subject)]


def everything(app: Flask) -> list[Any]:
    """All rows of all tables."""
    with app.app_context():
        tables = [*db.metadata.sorted_tables]
        return [list(map(tuple, db.session.execute(sa.select(table)))) for table in tables]


def arrive(app: Flask, client: FlaskClient, case: Case) -> str:
    """Open the link of a letter; the address that one ends up at."""
    answer = client.get(link_of(app, case))
    assert answer.status_code == 303, answer.text
    return answer.location


def test_the_link_leads_to_the_page_and_leaves_the_address(app: Flask, client: FlaskClient, given: Given) -> None:
    """LINK-05: the token is exchanged for an entry in the page session."""
    case = given(a_case)
    assert arrive(app, client, case) == f"/your-case/{case.id}"
    page = client.get(f"/your-case/{case.id}")
    assert page.status_code == 200
    assert link_of(app, case).rpartition("/")[2] not in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert not re.search(r"(?:src|href)=\"(?!/)", page.text.replace('href="#main"', ""))


def test_looking_changes_nothing(app: Flask, client: FlaskClient, given: Given) -> None:
    """A mail scanner that follows the link, and every address on its page, leaves no trace."""
    case = given(a_case, "resolved")
    before = everything(app)
    arrive(app, client, case)
    page = client.get(f"/your-case/{case.id}")
    for address in re.findall(r'(?:href|action)="(/your-case[^"]*)"', page.text):
        client.get(address)
    assert everything(app) == before


def test_the_page_says_what_was_told_who_does_what_and_by_when(app: Flask, client: FlaskClient, given: Given) -> None:
    agent = given(an_agent, name="Ana Lindqvist")
    case = given(a_case, text="The parcel came late.", owner=agent, urgency="low", at=now())
    page = words(client.get(arrive(app, client, case)))
    assert case.reference in page
    assert "What you told us just now The parcel came late." in page
    assert "Ana is looking after it." in page
    assert "Lindqvist" not in page
    assert re.search(r"You will hear from us by \w+( \d+ \w+)? at \d\d:\d\d UTC", page)


def test_after_the_first_answer_the_next_promise_is_to_put_it_right(
    app: Flask, client: FlaskClient, given: Given
) -> None:
    case = given(a_case, "open", urgency="low", at=now())
    page = words(client.get(arrive(app, client, case)))
    assert "You will hear from us" not in page
    assert re.search(r"We want to have it put right by \w+( \d+ \w+)? at \d\d:\d\d UTC", page)


def test_a_promise_that_broke_is_admitted(app: Flask, client: FlaskClient, given: Given) -> None:
    case = given(a_case, urgency="critical", at=now() - 30 * DAY)
    page = words(client.get(arrive(app, client, case)))
    assert re.search(r"We promised you an answer by .+ UTC and to have it put right by .+ UTC\. We are late", page)
    with app.app_context(), transaction():
        for promise in db.session.scalars(sa.select(Promise.id)).all():
            loop.escalate(promise, by="worker", at=now())
    assert "A supervisor knows about it." in words(client.get(f"/your-case/{case.id}"))


def test_while_we_wait_for_the_customer_no_time_is_promised(app: Flask, client: FlaskClient, given: Given) -> None:
    case = given(a_case, "waiting", at=now())
    page = words(client.get(arrive(app, client, case)))
    assert "We need something from you" in page
    assert "What is your order number?" in page
    assert "Your answer" in page
    assert "UTC" not in page


def test_notes_names_and_tags_stay_inside(app: Flask, client: FlaskClient, given: Given) -> None:
    agent = given(an_agent, name="Ana Lindqvist", email="ana.private@staff.test")
    case = given(a_case, "open", owner=agent)
    with app.app_context(), transaction():
        loop.note(here(case), "A difficult customer", by=agent.actor, at=now())
    page = client.get(arrive(app, client, case)).text
    for inside in ("difficult", "Lindqvist", "staff.test", "delivery_delay", "negative", "normal", "user:"):
        assert inside not in page


def test_the_words_of_everybody_are_shown_as_text(app: Flask, client: FlaskClient, given: Given) -> None:
    """XSS-02, INJ-02."""
    agent = given(an_agent, name=f"{XSS} Lind")
    case = given(a_case, "open", text=f"{XSS} {{{{7*7}}}}", customer_name=XSS, owner=agent)
    with app.app_context(), transaction():
        loop.answer(here(case), XSS, by=agent.actor, at=now())
    page = client.get(arrive(app, client, case)).text
    assert "<script>window" not in page
    assert "<svg/onload" not in page
    assert page.count("window.hit=1") >= 2
    assert "{{7*7}}" in page


def test_yes_closes_the_case_as_confirmed_by_its_customer(app: Flask, client: FlaskClient, given: Given) -> None:
    case = given(a_case, "resolved")
    path = arrive(app, client, case)
    page = words(client.get(path))
    assert "Is it fixed?" in page
    assert page.count("You have your money back.") == 1
    assert send(client, f"{path}/verdict", seen=path, fixed="yes", text="Thanks!").status_code == 303
    after = state_of(app, case)
    assert (after.state, after.outcome) == (State.CLOSED, Outcome.CONFIRMED)
    with app.app_context():
        assert {event.by for event in events.of(case.subject)[-2:]} == {case.customer.actor}
    page = words(client.get(path))
    assert "You told us that it is fixed." in page
    assert "Thanks!" in page


def test_no_opens_the_case_again_with_new_promises_and_a_supervisor(
    app: Flask, client: FlaskClient, given: Given
) -> None:
    case = given(a_case, "resolved")
    path = arrive(app, client, case)
    assert send(client, f"{path}/verdict", seen=path, fixed="no", text="Still broken").status_code == 303
    after = state_of(app, case)
    assert (after.state, after.cycle) == (State.OPEN, 2)
    assert {"verdict_added", "case_reopened", "case_escalated"} <= set(trail(app, case))
    page = words(client.get(path))
    assert "is working on it again" in page
    assert "Your case is open again, and a supervisor knows about it." in page


def test_a_closed_case_can_still_be_called_not_fixed(app: Flask, client: FlaskClient, given: Given) -> None:
    case = given(a_case, "closed")
    path = arrive(app, client, case)
    assert "Is something still wrong?" in words(client.get(path))
    send(client, f"{path}/verdict", seen=path, fixed="no")
    assert state_of(app, case).state == State.OPEN


@pytest.mark.parametrize("fixed", ["yes", "no"])
def test_a_verdict_sent_twice_counts_once(app: Flask, client: FlaskClient, given: Given, fixed: str) -> None:
    case = given(a_case, "resolved")
    path = arrive(app, client, case)
    form = hidden(client.get(path)) | {"fixed": fixed}
    client.post(f"{path}/verdict", data=form)
    once = trail(app, case)
    again = client.post(f"{path}/verdict", data=form)
    assert again.status_code == 303
    assert "You have told us already" in words(client.get(path))
    assert trail(app, case) == once


def test_of_two_verdicts_at_once_one_counts(app: Flask, given: Given) -> None:
    """LINK-04."""
    case, barrier, answers = given(a_case, "resolved"), threading.Barrier(2), []

    def decide() -> None:
        client = app.test_client()
        path = arrive(app, client, case)
        form = hidden(client.get(path)) | {"fixed": "no"}
        barrier.wait()
        answers.append(client.post(f"{path}/verdict", data=form).status_code)

    threads = [threading.Thread(target=decide) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [303, 303]
    assert trail(app, case).count("case_reopened") == 1
    assert state_of(app, case).cycle == 2


def test_a_verdict_on_a_page_of_yesterday_does_not_judge_a_later_solution(
    app: Flask, client: FlaskClient, given: Given
) -> None:
    case = given(a_case, "resolved")
    path = arrive(app, client, case)
    old = hidden(client.get(path)) | {"fixed": "yes"}
    with app.app_context(), transaction():
        mine = here(case)
        loop.confirm(mine, fixed=False, by=mine.customer.actor, at=now())
        loop.resolve(mine, cause="delivery_delay", text="A second try.", by="test", at=now())
    client.post(f"{path}/verdict", data=old)
    assert state_of(app, case).state == State.RESOLVED


@pytest.mark.parametrize("fixed", ["", "maybe", "YES", "1"])
def test_a_verdict_has_to_be_yes_or_no(app: Flask, client: FlaskClient, given: Given, fixed: str) -> None:
    case = given(a_case, "resolved")
    path = arrive(app, client, case)
    page = send(client, f"{path}/verdict", seen=path, fixed=fixed, text="What I wrote")
    assert page.status_code == 422
    assert "What I wrote" in page.text
    assert state_of(app, case).state == State.RESOLVED


def test_a_message_reaches_the_case_and_sets_it_going_again(app: Flask, client: FlaskClient, given: Given) -> None:
    case = given(a_case, "waiting")
    path = arrive(app, client, case)
    assert send(client, f"{path}/message", seen=path, text="It is 4711.").status_code == 303
    assert state_of(app, case).state == State.OPEN
    assert "It is 4711." in words(client.get(path))


def test_a_message_sent_twice_from_one_view_of_the_page_is_one(app: Flask, client: FlaskClient, given: Given) -> None:
    case = given(a_case, "open")
    path = arrive(app, client, case)
    form = hidden(client.get(path)) | {"text": "It is 4711."}
    assert [client.post(f"{path}/message", data=form).status_code for _ in range(2)] == [303, 303]
    assert words(client.get(path)).count("It is 4711.") == 1
    assert send(client, f"{path}/message", seen=path, text="It is 4711.").status_code == 303
    assert words(client.get(path)).count("It is 4711.") == 2


@pytest.mark.parametrize(("text", "said"), [("   ", "Write something first"), ("x" * 10_001, "Keep it under 10,000")])
def test_a_message_that_cannot_be_kept_comes_back_with_the_fault(
    app: Flask, client: FlaskClient, given: Given, text: str, said: str
) -> None:
    case = given(a_case, "open")
    path = arrive(app, client, case)
    page = send(client, f"{path}/message", seen=path, text=text)
    assert page.status_code == 422
    assert said in words(page)


def test_one_link_opens_one_case(app: Flask, client: FlaskClient, given: Given) -> None:
    """IDOR-04: not another of the same customer, and none of anybody else, whatever stands in the address."""
    mine = given(a_case, email="mina@example.test", cause="delivery_delay")
    other = given(a_case, email="mina@example.test", cause="staff_attitude", text="The clerk was rude.")
    strangers = given(a_case, text="A stranger's words")
    path = arrive(app, client, mine)
    token = hidden(client.get(path))["csrf_token"]
    for case in (other, strangers):
        assert client.get(f"/your-case/{case.id}").status_code == 404
        assert client.get(f"{path}?id={case.id}&case_id={case.id}").text.count("stranger") == 0
        for what in ("message", "verdict"):
            form = {"csrf_token": token, "text": "Hello", "fixed": "no", "cycle": "1", "case_id": str(mine.id)}
            assert client.post(f"/your-case/{case.id}/{what}", data=form).status_code == 404
    assert words(client.get(f"/your-case/{strangers.id}")) == words(client.get("/your-case/999999"))


def test_a_link_names_its_customer(app: Flask, client: FlaskClient, given: Given) -> None:
    """IDOR-04: a link of somebody who is not this case's customer any more shows nothing."""
    case, other = given(a_case), given(a_case)
    foreign = app.extensions["cxloop.links"].sign("case", [case.id, other.customer_id])
    assert client.get(f"/your-case/{foreign}").status_code == 410


@pytest.mark.parametrize("how", ["altered", "cut off", "of a survey", "of nothing", "made with another secret"])
def test_a_link_that_is_not_whole_or_not_for_this_is_answered_the_same(
    app: Flask, client: FlaskClient, given: Given, make_app: Callable[..., Flask], how: str
) -> None:
    """LINK-02."""
    case = given(a_case)
    link = link_of(app, case)
    other = make_app(SECRET_KEY="another secret of more than forty characters").extensions["cxloop.links"]
    path = {
        "altered": link[:-9] + ("A" if link[-9] != "A" else "B") + link[-8:],
        "cut off": link[:-9],
        "of a survey": link_of(app, given(a_survey)).replace("/survey/", "/your-case/"),
        "of nothing": "/your-case/x",
        "made with another secret": "/your-case/" + other.sign("case", [case.id, case.customer_id]),
    }[how]
    answer = client.get(path)
    assert answer.status_code == 404
    assert words(answer) == words(client.get("/your-case/anything"))


def test_an_expired_link_shows_nothing_even_to_a_browser_that_had_it_open(
    app: Flask, client: FlaskClient, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LINK-03: the age is checked on every request, and the page says how to get a new link."""
    case = given(a_case)
    link, path = link_of(app, case), arrive(app, client, case)
    form = hidden(client.get(path)) | {"text": "Hello"}
    monkeypatch.setitem(MAX_AGE, "case", -1)
    for answer in (client.get(link), client.get(path), client.post(f"{path}/message", data=form)):
        assert answer.status_code == 410
        assert "The parcel came late." not in answer.text
        assert "Open the link in the newest message that we sent you." in words(answer)


@pytest.mark.parametrize("what", ["merged", "deleted"])
def test_a_case_that_is_merged_or_gone_is_not_shown(app: Flask, client: FlaskClient, given: Given, what: str) -> None:
    """LINK-03."""
    case = given(a_case, "open")
    path = arrive(app, client, case)
    with app.app_context(), transaction():
        if what == "merged":
            loop.close(here(case), Outcome.MERGED, reason="one matter", by="test", at=now())
        else:
            db.session.delete(db.session.get_one(Case, case.id))
    for answer in (client.get(path), client.get(link_of(app, case))):
        assert answer.status_code == 410
        assert "The parcel came late." not in answer.text


def test_the_letter_opens_the_page_of_its_own_case(app: Flask, given: Given) -> None:
    """The browser keeps a handful of cases, the latest ones."""
    client, made = app.test_client(), [given(a_case) for _ in range(12)]
    for case in made:
        arrive(app, client, case)
    assert client.get(f"/your-case/{made[-1].id}").status_code == 200
    assert client.get(f"/your-case/{made[0].id}").status_code == 404
    cookie = client.get_cookie("cxloop_page")
    assert cookie
    assert len(cookie.value) < 4000


def test_too_many_messages_about_one_case_are_stopped(app: Flask, client: FlaskClient, given: Given) -> None:
    case = given(a_case, "open")
    path = arrive(app, client, case)
    use_up(
        app,
        lambda at: limit("customer:case", str(case.id), times=NO_LIMIT, per=HOUR, at=at),
        times=MESSAGES_PER_CASE - 1,
        per=HOUR,
    )
    form = hidden(client.get(path)) | {"text": "Hello?"}
    codes = [client.post(f"{path}/message", data=form).status_code for _ in range(3)]
    assert codes[0] == 303
    assert 429 in codes


def test_the_words_about_each_ending_are_kind(app: Flask, given: Given) -> None:
    for outcome, said in (
        (Outcome.CONFIRMED, "You told us that it is fixed."),
        (Outcome.UNREACHABLE, "We could not reach you"),
        (Outcome.WITHDRAWN, "it was withdrawn"),
        (Outcome.REFERRED, "passed on"),
        (Outcome.SPAM, "It is closed."),
    ):
        client, case = app.test_client(), given(a_case, "closed", outcome=outcome)
        page = words(client.get(arrive(app, client, case)))
        assert said in page
        assert "for the test" not in page


def test_silence_ends_as_unconfirmed_and_can_be_answered_late(app: Flask, client: FlaskClient, given: Given) -> None:
    case = given(a_case, "resolved", at=now() - 20 * DAY)
    with app.app_context(), transaction():
        assert loop.silence(case.id, by="worker", at=now())
    path = arrive(app, client, case)
    assert "We have not heard whether it is fixed" in words(client.get(path))
    send(client, f"{path}/verdict", seen=path, fixed="no")
    assert state_of(app, case).state == State.OPEN


def test_a_colleague_sees_what_the_customer_wrote(app: Flask, client: FlaskClient, given: Given) -> None:
    from tests.web.desk import Desk

    agent = given(an_agent)
    case = given(a_case, "open", owner=agent, at=now() - 61 * MINUTE)
    path = arrive(app, client, case)
    send(client, f"{path}/message", seen=path, text="And another thing.")
    assert "And another thing." in Desk(app, agent).page(f"/cases/{case.id}")
    with app.app_context():
        assert cases.find_for_customer(case.id, case.customer_id).id == case.id
        assert db.session.get_one(Case, case.id).opened_at < now() - timedelta(hours=1)


def test_staff_see_the_page_and_cannot_answer_in_the_customer_s_place(app: Flask, given: Given) -> None:
    from tests.web.desk import Desk

    agent = given(an_agent)
    case, talked = given(a_case, "resolved", owner=agent), given(a_case, "open", owner=agent, at=now())
    client = Desk(app, agent).client
    for each, what, fields in ((case, "verdict", {"fixed": "yes"}), (talked, "message", {"text": "It is fine."})):
        path = arrive(app, client, each)
        page = client.get(path)
        assert "You are signed in as staff" in words(page)
        assert page.text.count("<button") == page.text.count(" disabled>")
        before = trail(app, each)
        refused = send(client, f"{path}/{what}", seen=path, **fields)
        assert refused.status_code == 403
        assert "You are signed in as staff: only the customer has the last word." in words(refused)
        assert trail(app, each) == before
    customer = app.test_client()
    path = arrive(app, customer, case)
    assert " disabled" not in customer.get(path).text
    assert send(customer, f"{path}/verdict", seen=path, fixed="yes").status_code == 303


def test_what_was_done_is_told_under_the_name_of_whoever_did_it(app: Flask, client: FlaskClient, given: Given) -> None:
    owner, helper = given(an_agent, name="Ana Lindqvist"), given(an_agent, name="Bo Berg")
    case = given(a_case, "open", owner=owner)
    with app.app_context(), transaction():
        loop.resolve(here(case), cause="other", text="Your money is back.", by=helper.actor, at=now())
    page = words(client.get(arrive(app, client, case)))
    assert "Bo has done what is written below." in page
    assert "Ana has done" not in page


def test_the_page_speaks_for_the_team_and_not_for_the_product(app: Flask, client: FlaskClient, given: Given) -> None:
    page = client.get(arrive(app, client, given(a_case, team="Larkmoor Stores")))
    assert '<span class="brand">Larkmoor Stores</span>' in page.text
    assert "· Larkmoor Stores</title>" in page.text
    assert words(page).count("cxloop") == 1
    assert "<small>cxloop</small></footer>" in page.text
