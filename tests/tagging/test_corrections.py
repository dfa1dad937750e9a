"""A person reads it otherwise: the case follows, the tag says so, a row is kept, and it leaves with the customer."""

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import events, loop, sla, tagging
from cxloop.cases import Case, queries
from cxloop.db import db, transaction
from cxloop.errors import Invalid
from cxloop.intake.models import Feedback
from cxloop.tagging import corrections
from cxloop.tagging.models import Correction, CorrectionKind, Field
from tests.factories import HOUR, MINUTE, MONDAY, a_case, a_feedback, a_suggestion, an_agent

LATER = MONDAY + HOUR


def said_of(case: Case) -> Feedback:
    return queries.feedback(case)[0]


def correct(case: Case, field: str, value: str | list[str], by: str = "user:1") -> Correction:
    with transaction():
        return loop.correct(case, said_of(case), field=field, value=value, by=by, at=LATER)


def test_the_case_and_the_tag_say_what_the_person_said(in_app: Flask) -> None:
    case = a_case(cause="delivery_delay")
    kept = correct(case, "causes", ["billing_refund", "communication"])
    tag = tagging.of(said_of(case))
    assert tag is not None
    assert case.cause == tag.cause == "billing_refund"
    assert tag.causes == [["billing_refund", 1.0], ["communication", 1.0]]
    assert tag.decided == ["causes"]
    assert (kept.before, kept.value, kept.agrees) == (["delivery_delay"], ["billing_refund", "communication"], False)
    event = events.of(case.subject)[-1]
    assert (event.kind, event.data["field"]) == ("feedback_corrected", "causes")


def test_a_graver_urgency_is_promised_sooner(in_app: Flask) -> None:
    case = a_case(urgency="normal", owner=an_agent())
    before = case.queue_at
    correct(case, "urgency", "critical")
    assert case.urgency == "critical"
    assert case.queue_at < before
    assert "promise_moved" in [event.kind for event in events.of(case.subject)]


def test_a_lesser_urgency_takes_no_promise_back(in_app: Flask) -> None:
    case = a_case(urgency="high")
    due = [promise.due_at for promise in sla.of(case)]
    correct(case, "urgency", "low")
    assert case.urgency == "low"
    assert [promise.due_at for promise in sla.of(case)] == due


def test_what_a_person_decided_no_later_reading_overrules(in_app: Flask) -> None:
    case = a_case()
    correct(case, "sentiment", "positive")
    with transaction():
        tag = tagging.tag(
            said_of(case), a_suggestion("negative", unsure=("sentiment", "causes")), by="worker", at=LATER
        )
    assert tag.sentiment == "positive"
    assert tag.unsure == ["causes"]


def test_to_say_what_stands_already_is_kept_as_agreement(in_app: Flask) -> None:
    assert correct(a_case(), "sentiment", "negative").agrees


@pytest.mark.parametrize(
    ("field", "value", "where"),
    [
        ("sentiment", "sour", "value"),
        ("causes", [], "value"),
        ("causes", ["no_such_cause"], "value"),
        ("causes", ["other", "wait_time"], "value"),
        ("causes", ["wait_time", "cancellation", "lost_damaged", "communication", "price_value"], "value"),
        ("urgency", "now", "value"),
        ("score", "1", "field"),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(in_app: Flask, field: str, value: str | list[str], where: str) -> None:
    case = a_case()
    with pytest.raises(Invalid) as refused:
        correct(case, field, value)
    assert list(refused.value.fields) == [where]
    assert db.session.query(Correction).count() == 0


def test_feedback_of_another_case_cannot_be_corrected_from_here(in_app: Flask) -> None:
    case, other = a_case(), a_case()
    with pytest.raises(Invalid), transaction():
        loop.correct(case, said_of(other), field="sentiment", value="neutral", by="user:1", at=LATER)


def test_the_cause_confirmed_at_resolution_is_a_correction_too(in_app: Flask) -> None:
    case = a_case(cause="delivery_delay")
    with transaction():
        loop.resolve(case, cause="lost_damaged", text="A new one is on its way.", by="user:1", at=LATER)
    [kept] = corrections.corrections_of([said_of(case).id])[said_of(case).id]
    assert (kept.kind, kept.value, kept.agrees) == (CorrectionKind.CONFIRMED, ["lost_damaged"], False)


def test_a_case_from_a_bare_score_teaches_nothing(in_app: Flask) -> None:
    with transaction():
        feedback = a_feedback(None, score=1, scale="0-10")
        case = loop.understand(feedback, None, by="worker", at=MONDAY)
        assert case is not None
        loop.resolve(case, cause="wait_time", text="Sorry.", by="user:1", at=LATER)
    assert corrections.lesson()[0] == []


def test_urgency_is_kept_and_never_learnt(in_app: Flask) -> None:
    correct(a_case(), "urgency", "high")
    assert db.session.query(Correction).one().field is Field.URGENCY
    assert corrections.lesson()[0] == []


def test_what_an_erased_customer_said_is_not_learnt_from_again(in_app: Flask) -> None:
    stays, goes = a_case(text="It came late."), a_case(text="My name is Ada and it came late.")
    for case in (stays, goes):
        correct(case, "sentiment", "neutral")
    assert len(corrections.lesson()[0]) == 2
    feedback_id = said_of(goes).id
    with transaction():
        db.session.execute(sa.delete(Feedback).where(Feedback.id == feedback_id))
    assert [said.text.text for said in corrections.lesson()[0]] == ["It came late."]
    assert db.session.query(Correction).filter_by(feedback_id=feedback_id).count() == 0


def test_a_settled_case_can_be_corrected_and_owes_nothing_new(in_app: Flask) -> None:
    case = a_case("resolved")
    with transaction():
        loop.correct(case, said_of(case), field="urgency", value="critical", by="user:1", at=LATER + MINUTE)
    assert case.state == "resolved"
    assert all(promise.settled_at for promise in sla.of(case))
