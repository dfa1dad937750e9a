"""Somebody without an account: a client that fills in the forms it is shown."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cxloop.accounts import throttle
from cxloop.cases import Case
from cxloop.clock import now
from cxloop.db import transaction
from cxloop.surveys.models import Survey

NO_LIMIT = 10**9
XSS = "\"'><script>window.hit=1</script><svg/onload=hit()>"


def link_of(app: Flask, row: Case | Survey) -> str:
    """The path of the link that a letter would carry."""
    links = app.extensions["cxloop.links"]
    url = links.survey(row.key) if isinstance(row, Survey) else links.case_page(row.id, row.customer_id)
    return urlsplit(url).path


def hidden(page: TestResponse) -> dict[str, str]:
    """The hidden fields of a page; of forms with the same field the last counts."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    return {name: unescape(value) for name, value in found}


def send(client: FlaskClient, path: str, *, seen: str | None = None, **fields: Any) -> TestResponse:
    """Open the page `seen` (else `path` itself) and send its form, filled in, to `path`."""
    page = client.get(seen or path, follow_redirects=True)
    assert page.status_code == 200, page.text
    return client.post(path, data=hidden(page) | fields)


def words(response: TestResponse) -> str:
    """What stands between <body> and </body>, without tags."""
    body = response.text.partition("<body")[2].partition(">")[2]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def use_up(app: Flask, count: Callable[[datetime], None], *, times: int, per: int, address: str = "127.0.0.1") -> None:
    """Let `count` count that often, as if tried from `address`: in this window and the next, which may begin soon."""
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        for at in (now() + timedelta(seconds=per), now()):
            for _ in range(times):
                count(at)


def use_up_token(app: Flask, token_id: int, *, times: int, per: int) -> None:
    """The same for the calls of an API token."""

    def count(at: datetime) -> None:
        with transaction():
            throttle.allow(f"api:{token_id}", limit=NO_LIMIT, per=per, at=at)

    use_up(app, count, times=times, per=per)
