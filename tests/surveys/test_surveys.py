"""Surveys: the three questions and their scales, and what an answer may be."""

import pytest
from flask import Flask

from cxloop import loop, surveys
from cxloop.db import transaction
from cxloop.errors import Conflict, Gone, Invalid
from cxloop.intake.models import SourceKind
from cxloop.surveys import QUESTIONS
from cxloop.surveys.models import Survey, SurveyKind
from tests.factories import MONDAY, a_survey


def fields(survey: Survey, **given: str) -> dict[str, str]:
    """What is wrong with the answer."""
    with pytest.raises(Invalid) as refusal:
        surveys.answer(survey, **{"ticket": "t1", "score": "3"} | given)
    return refusal.value.fields


@pytest.mark.parametrize(("kind", "low", "high"), [("nps", 0, 10), ("csat", 1, 5), ("ces", 1, 7)])
def test_each_kind_has_its_scale(in_app: Flask, kind: str, low: int, high: int) -> None:
    survey = a_survey(kind)
    for score in range(low, high + 1):
        item = surveys.answer(survey, ticket="t1", score=str(score))
        assert (item.score, item.scale) == (score, f"{low}-{high}")
    for score in (low - 1, high + 1):
        assert "score" in fields(survey, score=str(score))


@pytest.mark.parametrize("score", ["", " ", "three", "3.5", "-1", "٣", "1e1", "0x1", "9" * 20, "3\n", "+3"])
def test_a_score_is_a_plain_number(in_app: Flask, score: str) -> None:
    assert fields(a_survey("nps"), score=score) == {"score": "Choose a number from 0 to 10."}


def test_an_answer_becomes_a_piece_of_feedback_with_its_question(in_app: Flask) -> None:
    survey = a_survey("csat")
    item = surveys.answer(
        survey, ticket="t1", score="2", comment=" Too slow. ", name=" Cleo ", email=" cleo@example.test "
    )
    assert (item.external_id, item.text, item.question, item.customer_name, item.email) == (
        "t1",
        "Too slow.",
        QUESTIONS[SurveyKind.CSAT].text,
        "Cleo",
        "cleo@example.test",
    )


def test_a_comment_may_be_missing_and_has_an_end(in_app: Flask) -> None:
    survey = a_survey()
    assert surveys.answer(survey, ticket="t1", score="3", comment="  ").text is None
    assert surveys.answer(survey, ticket="t1", score="3", comment="x" * 5000).text == "x" * 5000
    assert "comment" in fields(survey, comment="x" * 5001)


@pytest.mark.parametrize("given", [{"comment": "a\x00b"}, {"name": "a\x00b"}, {"email": "a@b\x00c"}])
def test_what_no_database_can_keep_is_refused(in_app: Flask, given: dict[str, str]) -> None:
    assert "comment" in fields(a_survey(), **given)


def test_an_address_that_is_none_is_said_at_its_field(in_app: Flask) -> None:
    assert fields(a_survey(), email="cleo at example") == {"email": "This does not look like an e-mail address."}


def test_everything_wrong_is_said_at_once(in_app: Flask) -> None:
    assert set(fields(a_survey(), score="", comment="x" * 6000, email="nowhere")) == {"score", "comment", "email"}


def test_the_same_ticket_sent_twice_is_one_answer(in_app: Flask) -> None:
    survey = a_survey()
    heard = []
    for score in ("3", "4"):
        with transaction():
            item = surveys.answer(survey, ticket="t1", score=score)
            heard += loop.hear(survey.source, [item], by="survey", at=MONDAY).new
    assert [feedback.score for feedback in heard] == [3]


def test_a_survey_has_a_source_and_a_key_of_its_own(in_app: Flask) -> None:
    one, other = a_survey(name="Shop"), a_survey(name="Bank")
    assert (one.source.name, one.source.kind) == ("survey: Shop", SourceKind.SURVEY)
    assert one.key != other.key
    assert surveys.of_key(one.key) is one
    with pytest.raises(Conflict, match="already"):
        a_survey(name="Shop")


def test_a_survey_that_is_over_says_so(in_app: Flask) -> None:
    survey = a_survey()
    with transaction():
        survey.active = False
    for key in (survey.key, "0123456789abcdef"):
        with pytest.raises(Gone, match="is over"):
            surveys.of_key(key)


def test_one_can_ask_in_ones_own_words(in_app: Flask) -> None:
    with transaction():
        survey = surveys.add("Own", SurveyKind.NPS, question="Would you come back?", by="test", at=MONDAY)
    assert surveys.answer(survey, ticket="t1", score="9").question == "Would you come back?"
