"""What the tagger says, what it is unsure of and what people decided, on the case page; and putting it right."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import events, tagging
from cxloop.cases import Case, queries
from cxloop.db import db, transaction
from cxloop.tagging.catalogue import merge
from cxloop.tagging.models import Correction, Field, Tag
from tests.factories import MONDAY, a_case, an_agent
from tests.web.desk import Desk, read
from tests.web.readings import a_reading

Given = Callable[..., Any]


def feedback_of(app: Flask, case: Case) -> int:
    with app.app_context():
        return queries.feedback(db.session.get_one(Case, case.id))[0].id


def tag_of(app: Flask, case: Case) -> Tag:
    with app.app_context():
        return db.session.get_one(Tag, feedback_of(app, case))


def corrections(app: Flask) -> list[Correction]:
    with app.app_context():
        return list(db.session.scalars(sa.select(Correction).order_by(Correction.id)))


def panel(page: str) -> str:
    return page.partition("What we understood")[2].partition("Put it right")[0]


def test_what_the_tagger_is_sure_of_stands_with_its_confidence(app: Flask, given: Given) -> None:
    case = given(a_reading)
    words = panel(Desk(app, given(an_agent)).page(f"/cases/{case.id}"))
    assert "negative 90 % sure" in words
    assert "Lost or damaged 90 % sure" in words
    assert "unsure" not in words


def test_what_it_is_unsure_of_is_a_question_with_two_guesses_and_nothing_is_chosen(app: Flask, given: Given) -> None:
    causes = ("lost_damaged", "support_handling", "wait_time")
    case = given(a_reading, "Hm.", *causes, unsure=("sentiment", "causes"))
    desk = Desk(app, given(an_agent))
    words = panel(desk.page(f"/cases/{case.id}"))
    assert "unsure Lost or damaged (90 %) or Customer support (90 %)" in words
    assert "Waiting and queues" not in words
    assert "% sure" not in words
    form = desk.get(f"/cases/{case.id}").text.partition("Put it right")[2].partition("</aside>")[0]
    assert form.count(" checked") == 1  # the urgency, which follows rules


def test_a_text_in_a_language_it_cannot_read_is_marked_and_nothing_of_it_is_a_fact(app: Flask, given: Given) -> None:
    case = given(a_reading, "Es kam zu spät.", unsure=("language",))
    words = panel(Desk(app, given(an_agent)).page(f"/cases/{case.id}"))
    assert "in a language the tagger cannot read" in words
    assert "unsure negative" in words
    assert "% sure" not in words


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("sentiment", "neutral", "the sentiment is neutral"),
        ("causes", ["wait_time", "communication"], "the cause is Waiting and queues and Information"),
        ("urgency", "critical", "the urgency is critical"),
    ],
)
def test_a_correction_is_kept_with_its_author_and_shown_as_decided(
    app: Flask, given: Given, field: str, value: Any, said: str
) -> None:
    agent, case = given(an_agent, name="Ana Lind"), given(a_reading, unsure=("sentiment", "causes"))
    desk, id = Desk(app, agent), feedback_of(app, case)
    answer = desk.post(f"/cases/{case.id}/corrections", feedback_id=id, field=field, value=value)
    assert (answer.status_code, answer.location) == (303, f"/cases/{case.id}")
    [kept] = corrections(app)
    assert (kept.field, kept.by, kept.case_id, kept.feedback_id) == (Field(field), agent.actor, case.id, id)
    assert kept.value == ([value] if isinstance(value, str) else value)
    page = desk.page(f"/cases/{case.id}")
    assert said in page
    assert "decided by Ana Lind, just now" in panel(page)
    assert field not in tag_of(app, case).unsure


def test_saying_what_stands_already_is_kept_as_a_confirmation(app: Flask, given: Given) -> None:
    agent, case = given(an_agent), given(a_reading)
    desk = Desk(app, agent)
    desk.post(f"/cases/{case.id}/corrections", feedback_id=feedback_of(app, case), field="sentiment", value="negative")
    assert [kept.agrees for kept in corrections(app)] == [True]
    assert "Confirmed: the sentiment is negative." in desk.page(f"/cases/{case.id}")


def test_the_story_says_who_corrected_what(app: Flask, given: Given) -> None:
    agent, case = given(an_agent, name="Ana Lind"), given(a_reading)
    desk = Desk(app, agent)
    desk.post(f"/cases/{case.id}/corrections", feedback_id=feedback_of(app, case), field="causes", value="wait_time")
    assert "Ana Lind corrected the cause to Waiting and queues" in desk.page(f"/cases/{case.id}")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sentiment", "furious"),
        ("sentiment", ""),
        ("causes", ["no_such"]),
        ("causes", []),
        ("urgency", "soon"),
        ("x", "y"),
    ],
)
def test_nonsense_is_refused_on_the_page_and_nothing_changes(app: Flask, given: Given, field: str, value: Any) -> None:
    case, desk = given(a_reading), Desk(app, given(an_agent))
    id = feedback_of(app, case)
    answer = desk.post(f"/cases/{case.id}/corrections", feedback_id=id, field=field, value=value)
    assert answer.status_code == 422
    assert corrections(app) == []
    if field != "x":
        assert 'aria-invalid="true"' in answer.text
        assert f'id="{field}-{id}-error"' in answer.text


def test_feedback_of_another_case_cannot_be_corrected_through_this_one(app: Flask, given: Given) -> None:
    """IDOR: the second number is looked up as strictly as the first."""
    case, other = given(a_reading), given(a_case, team="Billing", owner=given(an_agent, team="Billing"))
    desk = Desk(app, given(an_agent))
    for id, status in ((feedback_of(app, other), 404), (999_999, 404), ("", 422), ("1 OR 1=1", 422)):
        answer = desk.post(f"/cases/{case.id}/corrections", feedback_id=id, field="sentiment", value="neutral")
        assert answer.status_code == status, id
    assert corrections(app) == []


def test_merged_causes_are_shown_filtered_and_offered_as_their_successor(app: Flask, given: Given) -> None:
    case, desk = given(a_case, cause="wait_time"), Desk(app, given(an_agent))
    with app.app_context(), transaction():
        merge("wait_time", into="support_handling", by="test", at=MONDAY)
    assert "Waiting and queues" not in desk.page(f"/cases/{case.id}")
    assert "Customer support" in panel(desk.page(f"/cases/{case.id}"))
    assert case.customer.shown_name in desk.page("/queue?mine=0&cause=support_handling")
    assert 'value="wait_time"' not in desk.get("/queue").text


def test_the_trail_names_keys_and_never_the_customers_words(app: Flask, given: Given) -> None:
    case, desk = given(a_reading, "My secret words about the parcel."), Desk(app, given(an_agent))
    desk.post(f"/cases/{case.id}/corrections", feedback_id=feedback_of(app, case), field="causes", value="wait_time")
    with app.app_context():
        [event] = [event for event in events.of(case.subject) if event.kind == "feedback_corrected"]
        assert "secret" not in str(event.data)
        assert tagging.cause_names()["wait_time"] in read(desk.get(f"/cases/{case.id}"))
