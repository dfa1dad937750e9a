"""The page of a survey, behind its signed link: one question, a comment, and thanks."""

from flask import Blueprint, current_app, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from cxloop import loop, surveys
from cxloop.clock import now
from cxloop.db import transaction
from cxloop.errors import CxloopError, Invalid
from cxloop.links import Links
from cxloop.surveys.models import Survey
from cxloop.web.limits import MINUTES, limit_client

ANSWERS_PER_CLIENT = 60
WINDOW = 10 * MINUTES
REMEMBERED = 20
"""Surveys that the page session knows to be answered."""

pages = Blueprint("surveys", __name__)


@pages.get("/survey/<token>")
def show(token: str) -> ResponseReturnValue:
    """`?score=9` marks a score beforehand, as links in messages do; it counts when the form is sent."""
    survey = surveys.of_key(_links().open("survey", token))
    if survey.key in session.get("answered", []) and "again" not in request.args:
        return render_template("survey/thanks.html", survey=survey)
    return _form(survey, {"score": request.args.get("score", "")})


@pages.post("/survey/<token>")
def answer(token: str) -> ResponseReturnValue:
    at = now()
    limit_client("survey", times=ANSWERS_PER_CLIENT, per=WINDOW, at=at)
    survey = surveys.of_key(_links().open("survey", token))
    given = {name: request.form.get(name, "") for name in ("score", "comment", "name", "email")}
    try:
        item = surveys.answer(survey, ticket=_ticket(survey), **given)
    except Invalid as wrong:
        return _form(survey, given, wrong), 422
    with transaction():
        loop.hear(survey.source, [item], by=f"survey:{survey.id}", at=at)
    session["answered"] = [survey.key, *session.get("answered", [])][:REMEMBERED]
    return redirect(url_for("surveys.show", token=token), 303)


def _form(survey: Survey, given: dict[str, str], wrong: Invalid | None = None) -> str:
    """Each view of the page gets a ticket of its own, so that a form sent twice is one answer."""
    ticket = request.form.get("ticket") if wrong and "ticket" not in wrong.fields else None
    return render_template(
        "survey/form.html",
        survey=survey,
        asked=surveys.QUESTIONS[survey.kind],
        given=given,
        wrong=wrong,
        ticket=ticket or _links().sign("ticket", [survey.key, surveys.new_ticket()]),
    )


def _ticket(survey: Survey) -> str:
    """Raises Invalid for a ticket that is forged, too old, or another survey's."""
    try:
        key, ticket = _links().open("ticket", request.form.get("ticket", ""))
    except CxloopError:
        key = ticket = ""
    if key != survey.key:
        raise Invalid("This page had been open for very long. Please send your answer once more.", ticket="is too old")
    return str(ticket)


def _links() -> Links:
    links: Links = current_app.extensions["cxloop.links"]
    return links
