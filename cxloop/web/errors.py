"""What went wrong, as a page: the errors of cxloop and of HTTP become the pages in templates/errors."""

import math
import secrets

from flask import current_app, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException, SecurityError
from werkzeug.wrappers import Response

from cxloop.errors import Conflict, CxloopError, Forbidden, Gone, Invalid, NotFound, TooMany
from cxloop.web.access import COOKIE

STATUS: dict[type[CxloopError], int] = {
    Invalid: 422, Forbidden: 403, NotFound: 404, Conflict: 409, Gone: 410, TooMany: 429,
}  # fmt: skip
PAGES = (400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429, 500, 503)
TELLS = (Invalid, Forbidden, Conflict, Gone)
"""Errors whose own words help the reader; the others are answered the same, whatever was behind them."""


def answer(error: Exception) -> Response:
    """The page for an error; for one that nobody foresaw, a reference under which it stands in the log."""
    if isinstance(error, SecurityError):  # a Host that is not ours: no page, because its links would follow it
        return Response("This is not a site that is served here.\n", 400, mimetype="text/plain")
    if isinstance(error, HTTPException) and (error.code or 500) < 400:
        return error.get_response()
    code, headers, reference = _status(error), _headers(error), ""
    if code == 500:
        reference = secrets.token_hex(4)
        current_app.logger.error("incident %s: %s %r", reference, request.method, request.path, exc_info=error)
    response = _page(code, _words(error), reference, minutes=_minutes(error))
    response.headers.extend(headers)
    return response


def _words(error: Exception) -> str:
    if isinstance(error, CSRFError):
        return "The page had been open for too long, or your browser keeps no cookies, so we did not act on it."
    return str(error) if isinstance(error, TELLS) else ""


def _minutes(error: Exception) -> int:
    """After how many minutes it is soon enough to try again."""
    return max(1, math.ceil(error.retry_after / 60)) if isinstance(error, TooMany) else 1


def _status(error: Exception) -> int:
    if isinstance(error, CxloopError):
        return STATUS.get(type(error), 500)
    if isinstance(error, (OperationalError, NoConnection)):
        return 503
    return error.code or 500 if isinstance(error, HTTPException) else 500


def _headers(error: Exception) -> list[tuple[str, str]]:
    if isinstance(error, TooMany):
        return [("Retry-After", str(error.retry_after))]
    if isinstance(error, HTTPException):
        return [(name, value) for name, value in error.get_headers() if name != "Content-Type"]
    if isinstance(error, (OperationalError, NoConnection)):
        current_app.logger.error("the database does not answer: %s", type(error.__cause__ or error).__name__)
        return [("Retry-After", "10")]
    return []


def _page(code: int, words: str, reference: str, *, minutes: int) -> Response:
    """htmx gets the words alone: the page that asked stays, and says them.

    Whether somebody is signed in is not looked up, because that may be what failed: the cookie offers the way back.
    """
    if request.headers.get("HX-Request"):
        return Response(words or f"That did not work ({code}).", code, mimetype="text/plain")
    name = code if code in PAGES else 400 if code < 500 else 500
    page = render_template(
        f"errors/{name}.html", words=words, reference=reference, minutes=minutes, at_desk=COOKIE in request.cookies
    )
    return make_response(page, code)
