"""The case page: what was said and done, and everything one can do about it. Each change is a resource of its own."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from cxloop import cases, loop, tagging
from cxloop.accounts.models import User
from cxloop.accounts.permissions import Permission
from cxloop.cases import Case, Outcome
from cxloop.cases.models import CaseFeedback
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.errors import Invalid, NotFound
from cxloop.intake.models import Feedback
from cxloop.tagging.models import Correction, Field
from cxloop.web import access, casepage
from cxloop.web.forms import Attempt, number, words

pages = Blueprint("cases", __name__, url_prefix="/cases")
access.guard(pages, Permission.WORK_CASES)


@pages.get("/<int:id>")
def show(id: int) -> str:
    return render_template("cases/show.html", page=casepage.of(cases.find(id, user=current_user), now()))


@pages.post("/<int:id>/reply")
def reply(id: int) -> Response:
    with transaction():
        case = _locked(id)
        loop.answer(case, words("text"), ticket=_ticket(), by=current_user.actor, at=now())
    flash(_sent(case, "Your reply is on its way."), "success")
    return _back(id)


@pages.post("/<int:id>/request")
def ask(id: int) -> Response:
    with transaction():
        case = _locked(id)
        loop.ask(case, words("text"), ticket=_ticket(), by=current_user.actor, at=now())
    flash(_sent(case, "Your question is on its way. The promises stand still until the customer answers."), "success")
    return _back(id)


@pages.post("/<int:id>/note")
def note(id: int) -> Response:
    with transaction():
        loop.note(_locked(id), words("text"), ticket=_ticket(), by=current_user.actor, at=now())
    flash("The note is kept. Only your team sees it.", "success")
    return _back(id)


@pages.post("/<int:id>/assignment")
def assignment(id: int) -> Response:
    with transaction():
        case, owner = _locked(id), _owner()
        why = "taken" if owner.id == current_user.id else "given"
        case.assign(owner, why=why, by=current_user.actor, at=now())
    flash(f"{case.reference} is yours now." if why == "taken" else f"{owner.name} has {case.reference} now.", "success")
    return redirect(url_for("board.index"), 303) if _given("back") == "board" else _back(id)


@pages.post("/<int:id>/corrections")
def correction(id: int) -> Response:
    with transaction():
        case, field = _locked(id), _given("field")
        value = request.form.getlist("value") if field == Field.CAUSES else _given("value")
        feedback = _feedback(case)
        said = _judgement(loop.correct(case, feedback, field=field, value=value, by=current_user.actor, at=now()))
    flash(said, "success")
    return _back(id)


@pages.post("/<int:id>/waiting")
def waiting(id: int) -> Response:
    with transaction():
        loop.wait(_locked(id), text=words("text"), ticket=_ticket(), by=current_user.actor, at=now())
    flash("The case waits for somebody else. The first response is still owed, the resolution stands still.", "success")
    return _back(id)


@pages.post("/<int:id>/resumption")
def resumption(id: int) -> Response:
    with transaction():
        loop.resume(_locked(id), by=current_user.actor, at=now())
    flash("The case goes on, and so do its promises.", "success")
    return _back(id)


@pages.post("/<int:id>/resolution")
def resolution(id: int) -> Response:
    with transaction():
        case = _locked(id)
        told = {"text": words("text"), "ticket": _ticket()}
        loop.resolve(case, cause=_given("cause"), **told, by=current_user.actor, at=now())
    flash(_sent(case, "Resolved. The customer is told and has the last word."), "success")
    return _back(id)


@pages.post("/<int:id>/closure")
def closure(id: int) -> Response:
    with transaction():
        case = _locked(id)
        loop.close(case, _outcome(), reason=words("reason", at_most=1000), by=current_user.actor, at=now())
    flash(f"{case.reference} is closed.", "success")
    return _back(id)


@pages.errorhandler(Invalid)
def refused(error: Invalid) -> tuple[str, int]:
    """The same page again, with what was written kept and the fault at its field."""
    assert request.view_args is not None
    case = cases.find(request.view_args["id"], user=current_user)
    attempt = Attempt(form=_form(), given=request.form, fault=str(error), fields=error.fields)
    return render_template("cases/show.html", page=casepage.of(case, now(), attempt)), 422


def _locked(id: int) -> Case:
    return cases.find(id, user=current_user, lock=True)


def _form() -> str:
    """Which form was sent: its endpoint, and of the many corrections which one."""
    endpoint = request.endpoint or ""
    return f"{endpoint}:{_given('feedback_id')}:{_given('field')}" if endpoint == "cases.correction" else endpoint


def _ticket() -> str:
    """Which view of the page the form was on: sent twice from there, it acts once."""
    return _given("ticket")[:64]


def _given(name: str) -> str:
    return request.form.get(name, "")


def _owner() -> User:
    """Whom the form names; whether that person may own the case is the domain's to say."""
    if _given("take"):
        return db.session.get_one(User, current_user.id)
    id = number(_given("owner_id"))
    owner = db.session.get(User, id) if id else None
    if owner is None:
        raise Invalid("Choose who shall have the case.", owner="is missing")
    return owner


def _feedback(case: Case) -> Feedback:
    """The piece of feedback that the form names, if the case rests on it."""
    id = number(_given("feedback_id"))
    if id is None:
        raise Invalid("Say which piece of feedback is meant.", feedback="is missing")
    link = db.session.scalars(
        db.select(CaseFeedback).where(CaseFeedback.case_id == case.id, CaseFeedback.feedback_id == id)
    ).first()
    if link is None:
        raise NotFound("This case does not rest on such feedback.")
    return link.feedback


def _judgement(made: Correction) -> str:
    """What was kept, and what comes of it: urgency follows rules, so nothing is learnt of it."""
    names = tagging.cause_names()
    field = "cause" if made.field is Field.CAUSES else made.field.value
    words = " and ".join(names.get(key, key) for key in made.value)
    learns = "" if made.field is Field.URGENCY else " The tagger learns from it."
    return f"{'Confirmed' if made.agrees else 'Put right'}: the {field} is {words}.{learns}"


def _outcome() -> Outcome:
    try:
        return Outcome(_given("outcome"))
    except ValueError:
        raise Invalid("Choose how the case ends.", outcome="is missing") from None


def _sent(case: Case, said: str) -> str:
    if case.customer.email:
        return said
    return "It is kept here, but we have no address of this customer: answer them where they wrote."


def _back(id: int) -> Response:
    return redirect(url_for(".show", id=id), 303)
