import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from cxloop import accounts
from cxloop.accounts.models import ApiToken, User
from cxloop.api.auth import CALLS, PER
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.intake.models import Feedback
from tests.api.caller import PATH, Caller, an_item, problem
from tests.factories import a_token, an_admin, an_agent, here
from tests.web.desk import Desk
from tests.web.visitor import use_up_token

Given = Callable[..., Any]


@pytest.fixture
def token(given: Given) -> tuple[ApiToken, str]:
    return given(a_token)


def of_token(app: Flask, token: ApiToken) -> ApiToken:
    with app.app_context():
        return db.session.get_one(ApiToken, token.id)


def stored(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(Feedback)) or 0


def test_a_live_token_in_the_header_is_let_in_and_its_use_is_noted(app: Flask, token: tuple[ApiToken, str]) -> None:
    """AUTH-12: last_used is recorded."""
    assert of_token(app, token[0]).last_used_at is None
    assert Caller(app, token[1]).send(an_item()).status_code == 201
    assert of_token(app, token[0]).last_used_at


def test_a_token_anywhere_else_opens_nothing(app: Flask, client: FlaskClient, token: tuple[ApiToken, str]) -> None:
    """AUTH-12: an address ends up in logs."""
    text = token[1]
    client.set_cookie("Authorization", f"Bearer {text}")
    client.set_cookie("token", text)
    for path in (f"{PATH}?token={text}", f"{PATH}?access_token={text}", f"{PATH}?api_key={text}"):
        for headers in ({}, {"X-Api-Key": text}, {"Authorization": f"Basic {text}"}, {"Authorization": text}):
            answer = client.post(path, json=an_item() | {}, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert text not in problem(answer)["detail"]
    assert stored(app) == 0


def test_somebody_signed_in_is_nobody_here(app: Flask, given: Given) -> None:
    """AUTH-11: the API never looks at a cookie, so no page of another site can use one."""
    assert Desk(app, given(an_admin)).client.post(PATH, json=an_item()).status_code == 401
    assert stored(app) == 0


@pytest.mark.parametrize("how", ["altered", "another's secret", "cut off", "unknown", "empty", "absurd"])
def test_a_token_that_is_not_exactly_right_is_refused_with_the_same_words(
    app: Flask, given: Given, token: tuple[ApiToken, str], how: str
) -> None:
    """AUTH-12."""
    text, other = token[1], given(a_token)[1]
    wrong = {
        "altered": text[:-1] + ("A" if text[-1] != "A" else "B"),
        "another's secret": text[:17] + other[17:],
        "cut off": text[:-1],
        "unknown": "cxl_" + "0" * 12 + "_" + "A" * 43,
        "empty": "",
        "absurd": "\u00e9" * 5000,
    }[how]
    refused = Caller(app, wrong).send(an_item())
    assert refused.status_code == 401
    assert problem(refused)["detail"] == problem(Caller(app, "x").send(an_item()))["detail"]
    assert stored(app) == 0


@pytest.mark.parametrize("what", ["revoked", "of somebody gone"])
def test_a_token_that_was_taken_back_is_refused_at_once(app: Flask, given: Given, what: str) -> None:
    """AUTH-12."""
    agent = given(an_agent)
    with app.app_context(), transaction():
        row, text = accounts.add_token("t", scopes=["feedback:write"], user=here(agent), by="test", at=now())
        id = row.id
    caller = Caller(app, text)
    assert caller.send(an_item()).status_code == 201
    with app.app_context(), transaction():
        if what == "revoked":
            accounts.revoke_token(db.session.get_one(ApiToken, id), by="test", at=now())
        else:
            accounts.deactivate(db.session.get_one(User, agent.id), by="test", at=now())
    assert caller.send(an_item(text="More")).status_code == 401


def test_a_token_without_the_scope_may_not_write(app: Flask, given: Given) -> None:
    """AUTH-12."""
    answer = Caller(app, given(a_token, ())[1]).send(an_item())
    assert answer.status_code == 403
    assert "feedback:write" in problem(answer)["detail"]
    assert stored(app) == 0


def test_the_limit_is_one_for_all_processes(
    app: Flask, make_app: Callable[..., Flask], token: tuple[ApiToken, str], given: Given
) -> None:
    """API-04: it is counted in the database, by token."""
    use_up_token(app, token[0].id, times=CALLS - 1, per=PER)
    here, elsewhere = Caller(app, token[1]), Caller(make_app(), token[1])
    answers = [caller.send(an_item(), X_Forwarded_For="198.51.100.1") for caller in (here, elsewhere, here)]
    assert answers[0].status_code == 201
    stopped = next(answer for answer in answers if answer.status_code == 429)
    assert 0 < int(stopped.headers["Retry-After"]) <= PER
    problem(stopped)
    use_up_token(app, token[0].id, times=1, per=PER)
    assert elsewhere.send(an_item()).status_code == 429
    assert Caller(app, given(a_token)[1]).send(an_item()).status_code == 201


def test_tokens_are_random_and_only_their_hash_is_kept(app: Flask, given: Given) -> None:
    """AUTH-13."""
    texts = [given(a_token)[1] for _ in range(3)]
    assert all(re.fullmatch(r"cxl_[0-9a-f]{12}_[\w-]{43}", text) for text in texts)
    assert len({text[17:] for text in texts}) == 3
    with app.app_context():
        kept = str(list(db.session.execute(sa.text("SELECT * FROM api_token"))))
    assert not [text for text in texts if text in kept or text[17:] in kept]
