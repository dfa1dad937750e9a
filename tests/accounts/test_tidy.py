"""What lets nobody in any more is dropped, and nothing else."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import accounts
from cxloop.accounts import throttle
from cxloop.accounts.models import Session, SignInLink, Throttle
from cxloop.db import db, transaction
from cxloop.errors import TooMany
from tests.factories import MONDAY, an_agent


def test_what_has_ended_goes_and_what_lasts_stays(app: Flask, given: Callable[..., Any]) -> None:
    agent = given(an_agent)
    later = MONDAY + timedelta(hours=20)
    with app.app_context():
        with transaction():
            accounts.open_session(agent, at=MONDAY)
            accounts.open_session(agent, at=later)
            accounts.offer_sign_in_link(agent, at=MONDAY, lasts=timedelta(hours=1))
            accounts.offer_sign_in_link(agent, at=later)
            throttle.allow("try", limit=1, per=60, at=MONDAY)
            throttle.allow("try", limit=1, per=60, at=later)
        with transaction():
            assert accounts.tidy(at=later) == 3
        for table in (Session, SignInLink, Throttle):
            assert db.session.scalar(sa.select(sa.func.count()).select_from(table)) == 1


def test_a_window_ends_by_itself(app: Flask) -> None:
    with app.app_context(), transaction():
        throttle.allow("try", limit=1, per=60, at=MONDAY)
        with pytest.raises(TooMany) as stopped:
            throttle.allow("try", limit=1, per=60, at=MONDAY + timedelta(seconds=59))
        assert stopped.value.retry_after == 1
        throttle.allow("try", limit=1, per=60, at=MONDAY + timedelta(seconds=60))
