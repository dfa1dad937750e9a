"""Somebody at the desk: a signed-in client that sends the token with every form, as the pages do."""

import re
from html import unescape
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from cxloop import accounts
from cxloop.accounts.models import User
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.web.access import COOKIE


class Desk:
    def __init__(self, app: Flask, user: User) -> None:
        with app.app_context(), transaction():
            secret = accounts.open_session(db.session.get_one(User, user.id), at=now())
        self.client = app.test_client()
        self.client.set_cookie(COOKIE, secret)

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def page(self, path: str) -> str:
        """The text that one reads: without tags, one space between words."""
        response = self.get(path)
        assert response.status_code == 200, response.text
        return read(response)

    def post(self, path: str, **fields: Any) -> TestResponse:
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.get("/system").text)
        assert token
        return self.client.post(path, data={"csrf_token": token[1], **fields})


def read(response: TestResponse) -> str:
    """What stands in <main>, and the flash messages above it."""
    body = response.text.partition('<div class="flashes"')[2].partition(">")[2].partition('<div id="announcer"')[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())
