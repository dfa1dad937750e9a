"""What went wrong, for machines: problem+json as RFC 9457 describes it."""

import secrets
from http import HTTPStatus
from typing import Any

from flask import current_app, json, request
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import NotFound as WrongAddress
from werkzeug.wrappers import Response

from cxloop.errors import Conflict, CxloopError, Forbidden, Gone, Invalid, NotFound, TooMany

STATUS: dict[type[CxloopError], int] = {
    Invalid: 422, Forbidden: 403, NotFound: 404, Conflict: 409, Gone: 410, TooMany: 429,
}  # fmt: skip


class Unauthorized(CxloopError):
    """No token, or one that opens nothing."""


class NotJson(CxloopError):
    """The body is not JSON at all."""


class InvalidItems(Invalid):
    """What is wrong with the body, place by place: [{"pointer": "#/items/3/score", "detail": "…"}]."""

    def __init__(self, found: list[dict[str, str]]) -> None:
        super().__init__("The body does not fit the schema: nothing was stored.")
        self.found = found


def answer(error: Exception) -> Response:
    """The problem document for an error; for one that nobody foresaw, a reference under which it stands in the log."""
    if isinstance(error, HTTPException) and error.code and error.code < 400:
        return error.get_response()
    code, more = _status(error), _particulars(error)
    if code == 500:
        more["reference"] = secrets.token_hex(4)
        current_app.logger.error("incident %s: %s %r", more["reference"], request.method, request.path, exc_info=error)
    problem = {"type": "about:blank", "title": HTTPStatus(code).phrase, "status": code, **more}
    response = Response(json.dumps(problem) + "\n", code, mimetype="application/problem+json")
    response.headers.extend(_headers(error))
    return response


def _status(error: Exception) -> int:
    if isinstance(error, Unauthorized):
        return 401
    if isinstance(error, NotJson):
        return 400
    if isinstance(error, CxloopError):
        return next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    if isinstance(error, (OperationalError, NoConnection)):
        return 503
    return error.code or 500 if isinstance(error, HTTPException) else 500


def _particulars(error: Exception) -> dict[str, Any]:
    """`detail` is in words of ours, or HTTP's where those help; an error that nobody foresaw says nothing of itself."""
    if isinstance(error, InvalidItems):
        return {"detail": str(error), "errors": error.found}
    if isinstance(error, CxloopError):
        return {"detail": str(error)}
    if isinstance(error, WrongAddress):
        return {"detail": "There is nothing at this address: /api/v1/openapi.json describes what there is."}
    return {"detail": error.description} if isinstance(error, HTTPException) and error.description else {}


def _headers(error: Exception) -> list[tuple[str, str]]:
    if isinstance(error, Unauthorized):
        return [("WWW-Authenticate", 'Bearer realm="cxloop"')]
    if isinstance(error, TooMany):
        return [("Retry-After", str(error.retry_after))]
    if isinstance(error, (OperationalError, NoConnection)):
        return [("Retry-After", "10")]
    if isinstance(error, HTTPException):
        return [(name, value) for name, value in error.get_headers() if name != "Content-Type"]
    return []
