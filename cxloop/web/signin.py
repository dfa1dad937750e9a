"""Signing in with a password or a one-time link, and signing out. Everything that changes a session is a POST."""

from datetime import datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from markupsafe import Markup

from cxloop import accounts
from cxloop.accounts.permissions import Permission, may
from cxloop.clock import now
from cxloop.db import transaction
from cxloop.errors import NotFound
from cxloop.web import access
from cxloop.web.forms import local
from cxloop.web.limits import MINUTES, limit, limit_client

WINDOW = 15 * MINUTES
TRIES_PER_ADDRESS = 10
TRIES_PER_CLIENT = 50
OFFER = Markup('That link worked once. To come in by yourself next time, <a href="%s">choose a password</a>.')

pages = Blueprint("signin", __name__)


@pages.get("/")
def start() -> ResponseReturnValue:
    """Where one's work begins: for those who decide for others at the board."""
    if not current_user.is_authenticated:
        return redirect(url_for("signin.sign_in"), 303)
    return redirect(url_for("board.index" if may(current_user, Permission.SEE_BOARD) else "queue.index"), 303)


@pages.get("/sign-in")
def sign_in() -> ResponseReturnValue:
    wanted = local(request.args.get("next"))
    if current_user.is_authenticated:
        return redirect(wanted, 303)
    return render_template("signin/form.html", next=wanted)


@pages.post("/sign-in")
def begin() -> ResponseReturnValue:
    at, email, wanted = now(), request.form.get("email", "")[:254], local(request.form.get("next"))
    _count_try(email, at)
    try:
        with transaction():
            _, secret = accounts.sign_in(email, request.form.get("password", "")[:1000], at=at)
            access.end_session()
    except NotFound as wrong:
        return render_template("signin/form.html", next=wanted, email=email, problem=str(wrong)), 401
    return access.enter(redirect(wanted, 303), secret)


@pages.get("/sign-in/<secret>")
def link(secret: str) -> ResponseReturnValue:
    """Shows who would sign in; mail scanners follow links, so only the button does it."""
    user = accounts.sign_in_link_of(secret, at=now())
    return render_template("signin/link.html", user=user)


@pages.post("/sign-in/<secret>")
def begin_by_link(secret: str) -> ResponseReturnValue:
    at = now()
    limit_client("sign-in", times=TRIES_PER_CLIENT, per=WINDOW, at=at)
    with transaction():
        user, new = accounts.use_sign_in_link(secret, at=at)
        without_password = not user.password_hash
        access.end_session()
    answer = access.enter(redirect(url_for("signin.start"), 303), new)
    if without_password:
        flash(OFFER % url_for("account.index"), "info")
    return answer


@pages.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    with transaction():
        access.end_session()
    return access.leave(redirect(url_for("signin.sign_in"), 303))


def _count_try(email: str, at: datetime) -> None:
    """Every try counts, also a good one; the windows end, so guessing at an address shuts nobody out for good."""
    limit_client("sign-in", times=TRIES_PER_CLIENT, per=WINDOW, at=at)
    limit("sign-in:address", email.strip().lower(), times=TRIES_PER_ADDRESS, per=WINDOW, at=at)
