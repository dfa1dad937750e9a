"""The customer's own page: opened by a signed link, without a login. Looking changes nothing; each answer is a POST.

Staff may look at it, but nobody who is signed in answers in the customer's place.
"""

from datetime import datetime

from flask import Blueprint, current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from cxloop import cases, loop
from cxloop.cases import Case
from cxloop.clock import now
from cxloop.db import transaction
from cxloop.errors import Conflict, Forbidden, Invalid, NotFound
from cxloop.links import Links
from cxloop.web import progress
from cxloop.web.forms import words
from cxloop.web.limits import MINUTES, limit, limit_client
from cxloop.web.security import SAFE

KEPT = 10
"""Cases that one browser has open; their links stay in the page session."""
MESSAGES_PER_CLIENT = 120
MESSAGES_PER_CASE = 30
HOUR = 60 * MINUTES
THANKS = {
    True: "Thank you. We are glad that it is fixed.",
    False: "Thank you for telling us. Your case is open again, and a supervisor knows about it.",
}

pages = Blueprint("customer", __name__, url_prefix="/your-case")


@pages.before_request
def only_the_customer() -> None:
    if request.method not in SAFE and current_user.is_authenticated:
        raise Forbidden("You are signed in as staff: only the customer has the last word.")


@pages.get("/<token>")
def arrive(token: str) -> ResponseReturnValue:
    """Takes the token out of the address: it goes into the page session, where no history and no referrer shows it."""
    case = _case_of(token)
    kept = {id: other for id, other in session.get("cases", {}).items() if id != str(case.id)}
    session["cases"] = dict([*kept.items(), (str(case.id), token)][-KEPT:])
    return redirect(url_for(".show", id=case.id), 303)


@pages.get("/<int:id>")
def show(id: int) -> str:
    return render_template("customer/show.html", page=progress.of(_case(id), now()))


@pages.post("/<int:id>/verdict")
def verdict(id: int) -> ResponseReturnValue:
    at = now()
    _count(id, at)
    try:
        with transaction():
            case = _case(id, lock=True)
            _must_be_about_now(case)
            loop.confirm(case, fixed=_fixed(), text=words("text"), by=case.customer.actor, at=at)
        flash(THANKS[_fixed()], "success")
    except Conflict:  # pressed twice, or on a page of yesterday: the first one counted
        flash("You have told us already. This is how it stands.", "info")
    return redirect(url_for(".show", id=id), 303)


@pages.post("/<int:id>/message")
def message(id: int) -> ResponseReturnValue:
    at = now()
    _count(id, at)
    with transaction():
        case = _case(id, lock=True)
        ticket = request.form.get("ticket", "")[:64]
        loop.hear_back(case, words("text"), ticket=ticket, by=case.customer.actor, at=at)
    flash("Thank you. We have it, and it stands below.", "success")
    return redirect(url_for(".show", id=id), 303)


@pages.errorhandler(Invalid)
def refused(error: Invalid) -> ResponseReturnValue:
    """The same page again, with what was written kept and the fault at its field."""
    assert request.view_args is not None
    page = progress.of(_case(request.view_args["id"]), now())
    return render_template("customer/show.html", page=page, given=request.form.get("text", ""), wrong=str(error)), 422


def _case(id: int, *, lock: bool = False) -> Case:
    """By the link that this browser came with: its signature and its age are checked on every request."""
    token = session.get("cases", {}).get(str(id))
    if token is None:
        raise NotFound("There is no such page.")
    return _case_of(token, lock=lock)


def _case_of(token: str, *, lock: bool = False) -> Case:
    links: Links = current_app.extensions["cxloop.links"]
    case_id, customer_id = links.open("case", token)
    return cases.find_for_customer(case_id, customer_id, lock=lock)


def _fixed() -> bool:
    said = request.form.get("fixed")
    if said not in ("yes", "no"):
        raise Invalid("Tell us whether it is fixed: yes, or not yet.", fixed="is missing")
    return said == "yes"


def _must_be_about_now(case: Case) -> None:
    """A verdict is about the solution that its page showed, not about one that came later."""
    if request.form.get("cycle") != str(case.cycle):
        raise Conflict("This page is not up to date.")


def _count(id: int, at: datetime) -> None:
    limit_client("customer", times=MESSAGES_PER_CLIENT, per=HOUR, at=at)
    limit("customer:case", str(id), times=MESSAGES_PER_CASE, per=HOUR, at=at)
