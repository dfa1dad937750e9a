"""`GET /api/v1/openapi.json`: what the API takes and answers, made from the schemas that check it."""

from functools import cache
from typing import Any

from flask import Blueprint

from cxloop import __version__
from cxloop.api.schemas import FEEDBACK, MAX_ITEMS

pages = Blueprint("api_openapi", __name__, url_prefix="/api/v1")

PROBLEMS = {
    "400": "The body is not JSON, or the request is not HTTP as it should be",
    "401": "No live token in the Authorization header",
    "403": "The token lacks the scope",
    "404": "The source belongs to a team that the token may not write to",
    "409": "The Idempotency-Key was used for another request, or the source is of another kind",
    "413": "The body is larger than 2 MiB",
    "415": "The body is not application/json, or compressed",
    "422": "The body does not fit the schema: `errors` names each place; nothing was stored, and the key is still free",
    "429": "Too many calls: Retry-After says in how many seconds to go on",
    "503": "The database does not answer: try again, with the same Idempotency-Key",
}


@pages.get("/openapi.json")
def openapi() -> dict[str, Any]:
    return _document()


@cache
def _document() -> dict[str, Any]:
    body = FEEDBACK.json_schema(ref_template="#/components/schemas/{model}")
    schemas = body.pop("$defs") | {"Stored": _STORED, "Problem": _PROBLEM}
    problems = {code: _answer(words, "Problem", "application/problem+json") for code, words in PROBLEMS.items()}
    post = {
        "operationId": "createFeedback",
        "summary": f"Hand in one piece of feedback, or up to {MAX_ITEMS}",
        "description": "With an Idempotency-Key a repeated request gets its first answer again for 24 hours. "
        "All items of a batch are taken, or none.",
        "security": [{"token": ["feedback:write"]}],
        "parameters": [_KEY],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"201": _answer("Kept, or known before", "Stored", "application/json"), **problems},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "cxloop", "version": __version__},
        "paths": {"/api/v1/feedback": {"post": post}},
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _answer(words: str, schema: str, mimetype: str) -> dict[str, Any]:
    return {"description": words, "content": {mimetype: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}
_STORED = {
    "type": "object",
    "required": ["items"],
    "properties": {
        "items": {
            "type": "array",
            "description": "in the order of the request",
            "items": {
                "type": "object",
                "required": ["id", "external_id", "duplicate"],
                "properties": {
                    "id": {"type": "integer"},
                    "external_id": {"type": "string"},
                    "duplicate": {"type": "boolean"},
                },
            },
        }
    },
}
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "reference": {"type": "string", "description": "of an error that nobody foresaw: quote it"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
