"""Surveys: asking one question (NPS, CSAT or CES) and a comment, and making feedback of the answer."""

import secrets
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from cxloop import events, intake
from cxloop.customers import address
from cxloop.db import db
from cxloop.errors import Conflict, Gone, Invalid
from cxloop.intake.models import SourceKind
from cxloop.intake.parse import Item
from cxloop.surveys.models import Survey, SurveyKind

COMMENT_MAX = 5_000


class Question(NamedTuple):
    """How a kind of survey asks, and the ends of its scale in words."""

    text: str
    low: int
    high: int
    low_words: str
    high_words: str

    @property
    def scale(self) -> str:
        return f"{self.low}-{self.high}"


QUESTIONS = {
    SurveyKind.NPS: Question(
        "How likely are you to recommend us to a friend or colleague?", 0, 10, "Not at all likely", "Extremely likely"
    ),
    SurveyKind.CSAT: Question("How satisfied were you with us?", 1, 5, "Very dissatisfied", "Very satisfied"),
    SurveyKind.CES: Question("We made it easy to handle your issue.", 1, 7, "Strongly disagree", "Strongly agree"),
}
"""Wording and scales: NPS 0–10, CSAT 1–5, CES 2.0 as agreement 1–7."""


def add(
    name: str, kind: SurveyKind, *, question: str | None = None, team: str | None = None, by: str, at: datetime
) -> Survey:
    """Raises Conflict for a name that is taken."""
    if db.session.scalars(sa.select(Survey.id).where(Survey.name == name)).first():
        raise Conflict(f"There is a survey {name!r} already.")
    source = intake.source(f"survey: {name}", SourceKind.SURVEY, team=team, by=by, at=at)
    survey = Survey(
        key=secrets.token_hex(8),
        name=name,
        kind=kind,
        question=question or QUESTIONS[kind].text,
        source_id=source.id,
        created_at=at,
    )
    db.session.add(survey)
    db.session.flush()
    events.record(f"survey:{survey.id}", "survey_added", by=by, at=at, kind=kind.value)
    return survey


def of_key(key: str) -> Survey:
    """Raises Gone if the survey is over."""
    survey = db.session.scalars(sa.select(Survey).where(Survey.key == key, Survey.active)).first()
    if survey is None:
        raise Gone("This survey is over. Thank you for wanting to answer it.")
    return survey


def new_ticket() -> str:
    """Tells one viewing of a survey from another."""
    return secrets.token_hex(16)


def answer(survey: Survey, *, ticket: str, score: str, comment: str = "", name: str = "", email: str = "") -> Item:
    """The answer as a piece of feedback; `ticket` makes a repeated one the same. Raises Invalid with what is wrong."""
    asked = QUESTIONS[survey.kind]
    wrong = {}
    if score not in {str(step) for step in range(asked.low, asked.high + 1)}:
        wrong["score"] = f"Choose a number from {asked.low} to {asked.high}."
    if len(comment) > COMMENT_MAX:
        wrong["comment"] = f"Keep it under {COMMENT_MAX} characters."
    if "\x00" in comment + name + email:
        wrong["comment"] = "There is a character in it that cannot be stored."
    if email.strip() and not address(email):
        wrong["email"] = "This does not look like an e-mail address."
    if wrong:
        raise Invalid("Please look at your answer again.", **wrong)
    return Item(
        external_id=ticket,
        text=comment.strip() or None,
        score=float(score),
        scale=asked.scale,
        question=survey.question,
        customer_name=name.strip()[:200] or None,
        email=email.strip() or None,
    )
