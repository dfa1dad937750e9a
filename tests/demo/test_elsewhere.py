"""The demo and a database for production."""

from datetime import UTC, datetime

import pytest

from cxloop import demo
from cxloop.cases import Case
from cxloop.db import db
from cxloop.errors import CxloopError
from tests.fakes import FakeTagger


@pytest.mark.postgresql
@pytest.mark.usefixtures("in_app")
def test_postgresql_gets_no_demo(tagger: FakeTagger) -> None:
    with pytest.raises(CxloopError, match="only for the embedded database"):
        demo.seed(at=datetime(2026, 11, 21, tzinfo=UTC), tagger=tagger)
    assert db.session.query(Case).first() is None
