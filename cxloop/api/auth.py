"""Who is calling: a bearer token in the Authorization header. Cookies and addresses are never looked at for one."""

from datetime import timedelta

from flask import Blueprint, g, request

from cxloop import accounts
from cxloop.accounts import throttle
from cxloop.accounts.models import ApiToken
from cxloop.api.errors import Unauthorized
from cxloop.clock import now
from cxloop.db import transaction
from cxloop.errors import Forbidden

CALLS = 120
PER = 60
"""How many calls a token may make in how many seconds."""
NOTED_EVERY = timedelta(minutes=1)


def guard(pages: Blueprint, scope: str) -> None:
    """Let only live tokens with the scope into the blueprint; `g.token` is then the one that calls."""

    @pages.before_request
    def enter() -> None:
        token = _token()
        if scope not in token.scopes:
            raise Forbidden(f"This token lacks the scope {scope}.")
        _count(token)
        g.token = token


def _token() -> ApiToken:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    token = accounts.token_of(text.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        raise Unauthorized("Send a live token as 'Authorization: Bearer cxl_…'; `cxloop token add` makes one.")
    return token


def _count(token: ApiToken) -> None:
    at = now()
    with transaction():
        throttle.allow(f"api:{token.id}", limit=CALLS, per=PER, at=at)
        if token.last_used_at is None or at - token.last_used_at >= NOTED_EVERY:
            token.last_used_at = at
