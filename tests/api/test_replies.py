import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop.api.models import IdempotentReply
from cxloop.db import db, transaction
from cxloop.intake.models import Feedback
from tests.api.caller import Caller, an_item, problem
from tests.factories import a_token

Given = Callable[..., Any]


@pytest.fixture
def caller(app: Flask, given: Given) -> Caller:
    return Caller(app, given(a_token)[1])


def stored(app: Flask, rows: Any = Feedback) -> int:
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(rows)) or 0


def age(app: Flask, by: timedelta) -> None:
    """Let the stored answers become older."""
    with app.app_context(), transaction():
        for reply in db.session.scalars(sa.select(IdempotentReply)):
            reply.at -= by


def test_the_same_request_again_gets_the_same_answer_and_stores_nothing(app: Flask, caller: Caller) -> None:
    """IDEM-03: as after a crash between our commit and the answer."""
    first, again = (caller.send(an_item(), key="k") for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert first.get_json() == again.get_json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert stored(app) == 1


def test_twenty_at_once_are_carried_out_once(app: Flask, caller: Caller, given: Given) -> None:
    """IDEM-01."""
    barrier, answers = threading.Barrier(20), []

    def send() -> None:
        mine = Caller(app, caller.headers["Authorization"].removeprefix("Bearer "))
        barrier.wait()
        answers.append(mine.send(an_item(), key="k"))

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {201, 409}
    good = [answer.get_json() for answer in answers if answer.status_code == 201]
    assert good
    assert all(answer == good[0] for answer in good)
    assert stored(app) == 1


def test_the_same_key_with_something_else_is_a_conflict(app: Flask, caller: Caller) -> None:
    caller.send(an_item(), key="k")
    answer = caller.send(an_item(text="Something else"), key="k")
    assert answer.status_code == 409
    assert "another request" in problem(answer)["detail"]
    assert stored(app) == 1


def test_a_request_that_was_invalid_leaves_its_key_free(app: Flask, caller: Caller) -> None:
    """IDEM-04: so the corrected one may use it."""
    assert caller.send(an_item(text=None), key="k").status_code == 422
    assert caller.send(an_item(), key="k").status_code == 201
    assert stored(app) == 1


def test_a_request_that_met_a_conflict_leaves_its_key_free_too(app: Flask, caller: Caller) -> None:
    caller.send(an_item())
    assert caller.send(an_item(source={"name": "Shop", "kind": "email"}), key="k").status_code == 409
    assert stored(app, IdempotentReply) == 0
    assert caller.send(an_item(), key="k").status_code == 201


def test_a_key_belongs_to_its_token(app: Flask, caller: Caller, given: Given) -> None:
    caller.send(an_item(), key="k")
    other = Caller(app, given(a_token)[1])
    assert "Idempotent-Replayed" not in other.send(an_item(), key="k").headers
    assert stored(app) == 2


def test_answers_are_forgotten_after_a_day_and_removed_in_passing(app: Flask, caller: Caller) -> None:
    for key in ("a", "b", "c"):
        caller.send(an_item(external_id=key), key=key)
    age(app, timedelta(hours=25))
    answer = caller.send(an_item(text="Something else", external_id="d"), key="a")
    assert answer.status_code == 201
    assert answer.get_json()["items"][0]["duplicate"] is False
    assert stored(app, IdempotentReply) == 1


def test_an_item_without_an_id_stays_the_same_item_when_its_request_comes_again_days_later(
    app: Flask, caller: Caller
) -> None:
    first = caller.send(an_item(), key="k").get_json()["items"][0]
    age(app, timedelta(days=3))
    again = caller.send(an_item(), key="k").get_json()["items"][0]
    assert again == first | {"duplicate": True}
    assert stored(app) == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb", "é"])
def test_a_key_that_cannot_serve_is_refused(app: Flask, caller: Caller, key: str) -> None:
    assert caller.send(an_item(), key=key).status_code == 422
    assert stored(app) == 0
