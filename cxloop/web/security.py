"""What every page gets against forgery and injection: headers, a nonce for our own scripts, CSRF and origin checks."""

import secrets
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import BadRequest, Forbidden
from werkzeug.routing import IntegerConverter

from cxloop.errors import Invalid
from cxloop.web.forms import ROW_MAX

SAFE = ("GET", "HEAD", "OPTIONS")
POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECRET_PATHS = ("/survey/", "/your-case/", "/sign-in/")
"""Addresses that carry a token: no referrer leaves them, not even to ourselves."""


class RowId(IntegerConverter):
    """`<int:id>` in an address: a number that no row can have is not found, and reaches no database."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"max": ROW_MAX, **options})


def register(app: Flask) -> None:
    app.url_map.converters["int"] = RowId
    app.config["WTF_CSRF_SSL_STRICT"] = False  # the origin check below does it, also where no referrer is sent
    app.before_request(refuse_the_unstorable)
    app.before_request(refuse_other_origins)
    CSRFProtect(app)
    app.after_request(add_headers)
    app.jinja_env.globals["csp_nonce"] = csp_nonce


def csp_nonce() -> str:
    """The nonce of this response: only scripts that carry it run."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def refuse_the_unstorable() -> None:
    """NUL is in no honest address or form, and no database stores it."""
    if "\x00" in request.path or any("\x00" in value for _, value in request.args.items(multi=True)):
        raise BadRequest
    if request.method not in SAFE and any("\x00" in value for _, value in request.form.items(multi=True)):
        raise Invalid("There is a character in what you sent that cannot be stored.")


def refuse_other_origins() -> None:
    """Only our own pages may send what the browser's cookies authorise."""
    if request.method in SAFE or not request.cookies:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise Forbidden
        return
    origin = request.headers.get("Origin")
    hidden = origin == "null" and request.path.startswith(SECRET_PATHS)  # a page without referrer hides its origin too
    if origin is not None and not hidden and not _is_ours(origin):
        raise Forbidden


def add_headers(response: Response) -> Response:
    headers = response.headers
    headers["Content-Security-Policy"] = POLICY.format(nonce=csp_nonce())
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer" if request.path.startswith(SECRET_PATHS) else "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if request.endpoint != "static" or response.status_code >= 400:
        headers["Cache-Control"] = "no-store"
    return response


def _is_ours(origin: str) -> bool:
    """The host was checked against TRUSTED_HOSTS; the scheme may differ behind a proxy."""
    return urlsplit(origin).netloc in (request.host, urlsplit(current_app.config["BASE_URL"]).netloc)
