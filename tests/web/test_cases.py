import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import events, loop
from cxloop.cases import Case, Kind, Message, Outcome, State, WaitingOn
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.notices import Notice, NoticeKind
from cxloop.sla import Promise
from tests.factories import MINUTE, MONDAY, a_case, a_supervisor, an_admin, an_agent
from tests.web.desk import Desk, read

Given = Callable[..., Any]
FORMS = ("reply", "request", "note", "assignment", "waiting", "resumption", "resolution", "closure")


def stored(app: Flask, case: Case) -> Case:
    with app.app_context():
        found = db.session.get_one(Case, case.id)
        db.session.refresh(found)
        return found


def last_message(app: Flask, case: Case) -> Message:
    with app.app_context():
        query = sa.select(Message).where(Message.case_id == case.id).order_by(Message.id.desc())
        return db.session.scalars(query).first()  # type: ignore[return-value]


def last_event(app: Flask, case: Case, kind: str) -> events.Event:
    with app.app_context():
        return [event for event in events.of(case.subject) if event.kind == kind][-1]


def owed(app: Flask, case: Case, kind: NoticeKind) -> list[Notice]:
    with app.app_context():
        return list(db.session.scalars(sa.select(Notice).where(Notice.case_id == case.id, Notice.kind == kind)))


def test_the_page_tells_the_story_in_the_order_it_happened(app: Flask, given: Given) -> None:
    agent = given(an_agent, name="Ana Lind")
    case = given(a_case, "waiting", text="The parcel came late.", customer_name="Mina", owner=agent)
    page = Desk(app, agent).page(f"/cases/{case.id}")
    said = (
        "The parcel came late.",
        "cxloop opened the case: the customer is unhappy",
        "What is your order number?",
        "Ana Lind kept the promise of a first response",
        "Ana Lind set the case to wait",
    )
    places = [page.index(words) for words in said]
    assert places == sorted(places)
    assert "paused, waiting for the customer" in page


def test_what_was_written_is_never_markup_and_keeps_its_lines(app: Flask, given: Given) -> None:
    case = given(a_case, text="First line\n<img src=x onerror=alert(1)>", customer_name="<b>Bobby</b>")
    page = Desk(app, given(an_agent)).get(f"/cases/{case.id}").text
    assert "First line\n&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<b>Bobby" not in page


def test_the_audit_trail_shows_every_event(app: Flask, given: Given) -> None:
    case = given(a_case, "resolved")
    page = Desk(app, given(an_agent)).page(f"/cases/{case.id}")
    with app.app_context():
        happened = events.of(case.subject)
    assert f"{len(happened)} events" in page
    for event in happened:
        assert event.hash[:12] in page


def test_a_reply_is_kept_under_one_s_own_name_and_owed_to_the_customer(app: Flask, given: Given) -> None:
    agent = given(an_agent)
    case = given(a_case, owner=agent, at=now() - MINUTE)
    response = Desk(app, agent).post(f"/cases/{case.id}/reply", text="  We are sorry, it comes tomorrow. ")
    assert (response.status_code, response.location) == (303, f"/cases/{case.id}")
    message = last_message(app, case)
    assert (message.kind, message.by, message.body) == (Kind.REPLY, agent.actor, "We are sorry, it comes tomorrow.")
    assert stored(app, case).state == State.OPEN
    assert len(owed(app, case, NoticeKind.REPLY)) == 1
    assert last_event(app, case, "promise_kept").by == agent.actor


def test_an_empty_reply_is_refused_at_its_field(app: Flask, given: Given) -> None:
    agent = given(an_agent)
    case = given(a_case, owner=agent)
    response = Desk(app, agent).post(f"/cases/{case.id}/reply", text=" \n")
    assert response.status_code == 422
    assert 'aria-invalid="true"' in response.text
    assert "the message is empty" in read(response)
    assert last_message(app, case).kind == Kind.FEEDBACK


def test_a_question_sets_the_case_to_wait_and_going_on_ends_that(app: Flask, given: Given) -> None:
    agent = given(an_agent)
    case = given(a_case, owner=agent, at=now() - MINUTE)
    desk = Desk(app, agent)
    desk.post(f"/cases/{case.id}/request", text="Which order was it?")
    assert stored(app, case).state == State.WAITING
    assert len(owed(app, case, NoticeKind.REQUEST)) == 1
    desk.post(f"/cases/{case.id}/resumption")
    assert stored(app, case).state == State.OPEN


def test_a_note_stays_inside_and_answers_nobody(app: Flask, given: Given) -> None:
    agent = given(an_agent)
    case = given(a_case, owner=agent)
    Desk(app, agent).post(f"/cases/{case.id}/note", text="Ask the carrier.")
    assert last_message(app, case).kind == Kind.NOTE
    assert stored(app, case).state == State.NEW
    with app.app_context():
        kinds = db.session.scalars(sa.select(Notice.kind).where(Notice.case_id == case.id)).all()
    assert kinds == [NoticeKind.ACKNOWLEDGEMENT]


def test_taking_a_case_makes_it_one_s_own(app: Flask, given: Given) -> None:
    ana, bo = given(an_agent), given(an_agent)
    case = given(a_case, owner=ana)
    Desk(app, bo).post(f"/cases/{case.id}/assignment", take="1")
    assert stored(app, case).owner_id == bo.id
    assert last_event(app, case, "case_assigned").by == bo.actor


def test_a_case_given_from_the_board_leads_back_there(app: Flask, given: Given) -> None:
    agent, lead = given(an_agent), given(a_supervisor)
    case = given(a_case, owner=lead)
    response = Desk(app, lead).post(f"/cases/{case.id}/assignment", owner_id=agent.id, back="board")
    assert response.location == "/board"
    assert stored(app, case).owner_id == agent.id


@pytest.mark.parametrize("whom", ["", "999999", "9" * 20, "nobody", "elsewhere"])
def test_a_case_goes_only_to_somebody_of_its_team(app: Flask, given: Given, whom: str) -> None:
    agent, stranger = given(an_agent), given(an_agent, team="Stores")
    case = given(a_case, owner=agent)
    owner_id = stranger.id if whom == "elsewhere" else whom
    response = Desk(app, agent).post(f"/cases/{case.id}/assignment", owner_id=owner_id)
    assert response.status_code == 422
    assert stored(app, case).owner_id == agent.id


def test_a_resolution_needs_its_cause_and_keeps_what_was_written(app: Flask, given: Given) -> None:
    agent = given(an_agent)
    case = given(a_case, "open", owner=agent, at=now())
    desk = Desk(app, agent)
    refused = desk.post(f"/cases/{case.id}/resolution", text="Your money is back.", cause="")
    assert refused.status_code == 422
    assert "Your money is back." in refused.text
    assert "Confirm what caused it" in read(refused)
    assert stored(app, case).state == State.OPEN
    desk.post(f"/cases/{case.id}/resolution", text="Your money is back.", cause="billing_refund")
    resolved = stored(app, case)
    assert (resolved.state, resolved.confirmed_cause) == (State.RESOLVED, "billing_refund")
    assert len(owed(app, case, NoticeKind.RESOLUTION)) == 1
    assert "waiting for the customer’s verdict" in desk.page(f"/cases/{case.id}")


def test_a_case_closes_without_a_decision_only_for_a_reason(app: Flask, given: Given) -> None:
    agent = given(an_agent)
    case = given(a_case, owner=agent)
    desk = Desk(app, agent)
    assert desk.post(f"/cases/{case.id}/closure", outcome="spam", reason=" ").status_code == 422
    assert desk.post(f"/cases/{case.id}/closure", outcome="", reason="A robot wrote it.").status_code == 422
    assert desk.post(f"/cases/{case.id}/closure", outcome="confirmed", reason="I say so.").status_code == 422
    assert stored(app, case).state == State.NEW
    desk.post(f"/cases/{case.id}/closure", outcome="spam", reason="A robot wrote it.")
    closed = stored(app, case)
    assert (closed.state, closed.outcome) == (State.CLOSED, Outcome.SPAM)
    assert "A robot wrote it." in desk.page(f"/cases/{case.id}")


def test_a_settled_case_offers_no_reply_and_refuses_one(app: Flask, given: Given) -> None:
    agent = given(an_agent)
    case = given(a_case, "closed", owner=agent)
    desk = Desk(app, agent)
    assert "Send the reply" not in desk.page(f"/cases/{case.id}")
    assert desk.post(f"/cases/{case.id}/reply", text="One more thing.").status_code == 409


@pytest.mark.parametrize("form", FORMS)
def test_another_team_s_case_is_not_found_whatever_one_tries(app: Flask, given: Given, form: str) -> None:
    case = given(a_case, team="Stores")
    desk = Desk(app, given(an_agent))
    assert desk.get(f"/cases/{case.id}").status_code == desk.get(f"/cases/{10**20}").status_code == 404
    fields = {"text": "x", "take": "1", "cause": "other", "outcome": "spam", "reason": "x"}
    assert desk.post(f"/cases/{case.id}/{form}", **fields).status_code == 404
    assert stored(app, case).state == State.NEW


@pytest.mark.parametrize("form", FORMS)
def test_nothing_changes_without_the_token_of_the_page(app: Flask, given: Given, form: str) -> None:
    agent = given(an_agent)
    case = given(a_case, owner=agent)
    fields = {"text": "x", "take": "1", "cause": "other", "outcome": "spam", "reason": "x"}
    assert Desk(app, agent).client.post(f"/cases/{case.id}/{form}", data=fields).status_code == 400
    assert stored(app, case).state == State.NEW


def test_looking_changes_nothing(app: Flask, given: Given) -> None:
    admin, case = given(an_admin), given(a_case)
    with app.app_context():
        before = len(events.of(case.subject))
    Desk(app, admin).get(f"/cases/{case.id}")
    assert Desk(app, admin).get(f"/cases/{case.id}/reply").status_code == 405
    with app.app_context():
        assert len(events.of(case.subject)) == before


def test_a_customer_without_an_address_is_answered_where_they_wrote(app: Flask, given: Given) -> None:
    agent = given(an_agent)
    case = given(a_case, owner=agent, email=None)
    desk = Desk(app, agent)
    assert "There is no address" in desk.page(f"/cases/{case.id}")
    desk.post(f"/cases/{case.id}/reply", text="Sorry!")
    page = desk.page(f"/cases/{case.id}")
    assert "answer them where they wrote" in page
    assert "not sent: no address" in page


def test_a_broken_promise_stands_in_the_story_and_above_it(app: Flask, given: Given) -> None:
    agent, lead = given(an_agent), given(a_supervisor, name="Sam Lead")
    case = given(a_case, owner=agent, at=MONDAY)
    with app.app_context(), transaction():
        for promise_id in db.session.scalars(sa.select(Promise.id).where(Promise.case_id == case.id)).all():
            loop.escalate(promise_id, by="worker", at=now())
    page = Desk(app, lead).page(f"/cases/{case.id}")
    assert "The first response was not given in time" in page
    assert "cxloop escalated to Sam Lead: the first response is late" in page


def test_around_what_one_writes_stands_how_the_letter_greets_and_signs(app: Flask, given: Given) -> None:
    agent = given(an_agent, name="Ann Miller")
    desk = Desk(app, agent)
    case = given(a_case, owner=agent, customer_name="Kim Novak")
    around = re.findall(r'data-around="(\w+)">([^<]+)<', desk.get(f"/cases/{case.id}").text)
    assert around == [("before", "Hello Kim Novak,"), ("after", "Ann")] * 2, "the reply and the resolution"
    unnamed = given(a_case, owner=agent)
    assert ">Hello,<" in desk.get(f"/cases/{unnamed.id}").text
    unwritten = given(a_case, owner=agent, email=None, customer_name="Kim Novak")
    assert "data-around" not in desk.get(f"/cases/{unwritten.id}").text, "no letter leaves"


def test_a_case_waits_for_a_third_party_by_a_button_and_goes_on_by_another(app: Flask, given: Given) -> None:
    agent = given(an_agent, name="Ana Lind")
    case = given(a_case, owner=agent, at=now() - MINUTE)
    desk = Desk(app, agent)
    assert "Wait for a third party" in desk.page(f"/cases/{case.id}")
    desk.post(f"/cases/{case.id}/waiting", text="The carrier looks for it.")
    assert (stored(app, case).state, stored(app, case).waiting_on) == (State.WAITING, WaitingOn.THIRD_PARTY)
    page = desk.page(f"/cases/{case.id}")
    for words in (
        "The carrier looks for it.",
        "Ana Lind set the case to wait for somebody else",
        "left first response",
    ):
        assert words in page
    assert "paused, waiting for somebody else" in page
    assert "Wait for a third party" not in page
    desk.post(f"/cases/{case.id}/resumption")
    assert stored(app, case).state == State.OPEN
    assert "paused, waiting" not in desk.page(f"/cases/{case.id}")


@pytest.mark.parametrize("form", ["reply", "request", "note", "resolution"])
def test_a_form_sent_twice_from_one_view_of_the_page_acts_once(app: Flask, given: Given, form: str) -> None:
    agent = given(an_agent)
    case = given(a_case, owner=agent, at=now() - MINUTE)
    desk = Desk(app, agent)

    def ticket() -> str:
        [seen] = set(re.findall(r'name="ticket" value="([^"]+)"', desk.get(f"/cases/{case.id}").text))
        return seen

    def told() -> tuple[int, int, int]:
        with app.app_context():
            counts = [
                db.session.scalar(sa.select(sa.func.count()).select_from(row).where(row.case_id == case.id))
                for row in (Message, Notice)
            ]
            return (*counts, len(events.of(case.subject)))  # type: ignore[return-value]

    fields = {"text": "It comes tomorrow.", "cause": "delivery_delay", "ticket": ticket()}
    first = desk.post(f"/cases/{case.id}/{form}", **fields)
    once = told()
    second = desk.post(f"/cases/{case.id}/{form}", **fields)
    assert first.status_code == second.status_code == 303
    assert told() == once
    if form != "resolution":
        desk.post(f"/cases/{case.id}/{form}", **fields | {"text": "No, the day after."})
        assert told()[0] == once[0] + 1, "other words on the same page are another message"
        desk.post(f"/cases/{case.id}/{form}", **fields | {"ticket": ticket()})
        assert told()[0] == once[0] + 2, "and so are the same words on another view of it"
