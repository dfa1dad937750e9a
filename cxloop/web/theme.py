"""Light, dark, or as the system has it: a choice of this browser, kept in a cookie."""

from urllib.parse import urlsplit

from flask import Blueprint, Flask, current_app, redirect, request
from flask.typing import ResponseReturnValue

from cxloop.web.forms import local

COOKIE = "cxloop_theme"
CHOICES = ("light", "dark", "auto")
YEAR = 365 * 86_400

pages = Blueprint("theme", __name__)


def register(app: Flask) -> None:
    app.context_processor(lambda: {"theme": _chosen(request.cookies.get(COOKIE))})


@pages.post("/theme")
def choose() -> ResponseReturnValue:
    """Back to where one was; the referrer is our own, and only its path counts."""
    came_from = urlsplit(request.referrer or "")
    here = came_from.path + (f"?{came_from.query}" if came_from.query else "")
    response = redirect(local(here), 303)
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    choice = _chosen(request.form.get("theme"))
    response.set_cookie(COOKIE, choice, max_age=YEAR, secure=secure, httponly=True, samesite="Lax")
    return response


def _chosen(value: str | None) -> str:
    return value if value in CHOICES else "auto"
