"""A machine that hands in feedback."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

PATH = "/api/v1/feedback"


def an_item(**fields: Any) -> dict[str, Any]:
    """A body that is taken."""
    return {
        "source": {"name": "Shop", "kind": "review"},
        "text": "The parcel came late.",
        "customer": {"email": "mina@example.test"},
    } | fields


class Caller:
    def __init__(self, app: Flask, token: str) -> None:
        self.client = app.test_client()
        self.headers = {"Authorization": f"Bearer {token}"}

    def send(self, body: Any, *, key: str | None = None, **headers: str) -> TestResponse:
        """JSON, or the bytes as they are; a header's underscores are hyphens."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            more["Idempotency-Key"] = key
        how = {"data": body, "content_type": "application/json"} if isinstance(body, bytes) else {"json": body}
        return self.client.post(PATH, headers=self.headers | more, **how)


def problem(answer: TestResponse) -> dict[str, Any]:
    """The problem document, checked for what RFC 9457 asks of each."""
    assert answer.mimetype == "application/problem+json", answer.text
    document: dict[str, Any] = answer.get_json(force=True)
    assert document["status"] == answer.status_code
    assert document["title"]
    assert document["type"] == "about:blank"
    return document
