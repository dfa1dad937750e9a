"""Your account: choosing or changing one's own password."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from cxloop import accounts
from cxloop.accounts.models import User
from cxloop.accounts.permissions import Permission
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.errors import Invalid
from cxloop.web import access
from cxloop.web.limits import MINUTES, limit

pages = Blueprint("account", __name__, url_prefix="/account")
access.guard(pages, Permission.WORK_CASES)

TRIES = 10
WINDOW = 15 * MINUTES


@pages.get("")
def index() -> str:
    return render_template("account/index.html", wrong=None)


@pages.post("/password")
def password() -> ResponseReturnValue:
    """Every session ends, this one too: it goes on as a new one."""
    at = now()
    limit("password", str(current_user.id), times=TRIES, per=WINDOW, at=at)
    with transaction():
        user = db.session.get_one(User, current_user.id)
        _must_be_known(user)
        accounts.change_password(user, _chosen(), by=user.actor, at=at)
        secret = accounts.open_session(user, at=at)
    answer = access.enter(redirect(url_for(".index"), 303), secret)
    flash("Your password is set. Wherever else you were signed in, you are signed out now.", "success")
    return answer


@pages.errorhandler(Invalid)
def refused(error: Invalid) -> ResponseReturnValue:
    """The same page with the fault at its field; no password comes back."""
    return render_template("account/index.html", wrong=error), 422


def _must_be_known(user: User) -> None:
    if user.password_hash and not accounts.knows_password(user, request.form.get("current", "")[:1000]):
        raise Invalid("This is not your present password.", current="is not your present password")


def _chosen() -> str:
    chosen = request.form.get("password", "")[:1000]
    if chosen != request.form.get("again", "")[:1000]:
        raise Invalid("The two are not the same: write the new password twice.", again="is not the same")
    return chosen
