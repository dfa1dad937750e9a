"""How often something may be tried, counted for all processes together."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop.accounts import throttle
from cxloop.accounts.models import Throttle
from cxloop.accounts.throttle import allow
from cxloop.db import db, transaction
from cxloop.errors import TooMany
from tests.factories import MONDAY
from tests.together import together


def tried(key: str = "sign-in:10.0.0.1", *, after: int = 0) -> int | None:
    """None if it was allowed, else the seconds to wait."""
    try:
        with transaction() as session:
            try:
                allow(key, limit=3, per=60, at=MONDAY + timedelta(seconds=after))
            finally:
                session.commit()
    except TooMany as refusal:
        return refusal.retry_after
    return None


def test_beyond_the_limit_one_waits_for_the_next_window(in_app: Flask) -> None:
    assert [tried(after=second) for second in (0, 1, 2)] == [None] * 3
    assert tried(after=20) == 40
    assert tried(after=59) == 1
    assert tried(after=60) is None


def test_each_key_is_counted_for_itself(in_app: Flask) -> None:
    for _ in range(3):
        tried("one")
    assert tried("one") is not None
    assert tried("other") is None


def test_windows_that_are_over_are_forgotten_and_the_present_one_is_not(in_app: Flask) -> None:
    for window in range(5):
        tried(after=60 * window)
    with transaction():
        assert throttle.forget(at=MONDAY + timedelta(seconds=60 * 4)) == 4
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Throttle)) == 1


def test_many_tries_at_once_are_all_counted(app: Flask) -> None:
    waits = together(app, *[tried] * 8)
    assert waits.count(None) == 3


def test_permission_to_try_is_not_given_by_a_refusal(in_app: Flask) -> None:
    for _ in range(10):
        tried()
    with pytest.raises(TooMany, match="wait a little"), transaction():
        allow("sign-in:10.0.0.1", limit=3, per=60, at=MONDAY)
