"""Who is asking: the opaque sign-in cookie, Flask-Login as a thin layer above it, and the guard at a blueprint's door.

The cookie holds a secret, the table its hash. Nothing else signs anybody in: no user id in the page session, no
remember cookie, no header of a proxy.
"""

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Flask, Request, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user
from werkzeug.exceptions import Unauthorized
from werkzeug.wrappers import Response

from cxloop import accounts
from cxloop.accounts.models import User
from cxloop.accounts.permissions import Permission, require
from cxloop.clock import now
from cxloop.db import transaction

COOKIE = "cxloop_session"
SEEN_EVERY = timedelta(minutes=1)


class _OpaqueSessions(LoginManager):
    session_protection = None

    def _load_user(self) -> None:
        """Only by the request loader: Flask-Login would prefer its own session keys and remember cookie."""
        self._update_request_context_with_user(self._load_user_from_request(request))


def register(app: Flask) -> None:
    manager = _OpaqueSessions()
    manager.request_loader(_user_of)
    app.login_manager = manager  # type: ignore[attr-defined]  # init_app would add the hooks of the remember cookie
    app.jinja_env.globals["current_user"] = current_user  # a proxy: an error page that never asks needs no database


def guard(pages: Blueprint, permission: Permission) -> None:
    """Let only people with the permission into the blueprint; the others to the sign-in page, or 403."""

    @pages.before_request
    def enter() -> ResponseReturnValue | None:
        if not current_user.is_authenticated:
            return _to_sign_in()
        require(current_user, permission)
        if not _asks_by_itself():
            _note_use(now())
        return None


def enter(response: Response, secret: str) -> Response:
    """Put the secret of a new sign-in into the cookie; what the page session held before is gone."""
    session.clear()
    response.set_cookie(COOKIE, secret, **_cookie())
    return response


def leave(response: Response) -> Response:
    session.clear()
    response.delete_cookie(COOKIE, **_cookie())
    return response


def end_session() -> None:
    """Revoke the sign-in that this request came with, if it came with one. Within a transaction."""
    secret = request.cookies.get(COOKIE)
    if secret:
        accounts.sign_out(secret)


def _user_of(asked: Request) -> User | None:
    secret = asked.cookies.get(COOKIE)
    found = accounts.session_of(secret, at=now()) if secret else None
    g.sign_in_seen_at = found.seen_at if found else None
    return found.user if found else None


def _note_use(at: datetime) -> None:
    if at - g.sign_in_seen_at >= SEEN_EVERY:
        with transaction():
            accounts.seen(request.cookies[COOKIE], at=at)


def _asks_by_itself() -> bool:
    """A list that renews itself is no sign of a person: an unattended session ends all the same."""
    return request.method == "GET" and "HX-Request" in request.headers


def _to_sign_in() -> ResponseReturnValue:
    """A page waits behind the sign-in page; what changes something is refused, because it would be lost."""
    here = request.full_path if request.query_string else request.path
    if request.headers.get("HX-Request"):
        return "", 401, {"HX-Redirect": url_for("signin.sign_in")}
    if request.method not in ("GET", "HEAD"):
        raise Unauthorized
    return redirect(url_for("signin.sign_in", next=here), 303)


def _cookie() -> dict[str, Any]:
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    return {"path": "/", "secure": secure, "httponly": True, "samesite": "Lax"}
