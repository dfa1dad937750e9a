"""The migrations make exactly the tables that the models say, and take them back."""

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from flask import Flask

from cxloop.cli import schema
from cxloop.db import Base, db
from cxloop.errors import CxloopError
from tests.databases import Databases


@pytest.fixture
def bare(databases: Databases, make_app: Callable[..., Flask]) -> Iterator[Flask]:
    """An application in front of a database without tables."""
    app = make_app(DATABASE_URL=databases.empty())
    with app.app_context():
        yield app


def tables() -> set[str]:
    return set(sa.inspect(db.engine).get_table_names()) - {"alembic_version"}


def test_from_nothing_to_every_table(bare: Flask) -> None:
    assert schema.upgrade(bare) is True
    assert tables() == set(Base.metadata.tables)


def test_a_second_time_there_is_nothing_to_do(bare: Flask) -> None:
    schema.upgrade(bare)
    assert schema.upgrade(bare) is False
    schema.require_current(bare)


def test_a_database_that_is_behind_is_refused(bare: Flask) -> None:
    with pytest.raises(CxloopError, match="cxloop migrate"):
        schema.require_current(bare)


def test_nothing_is_left_to_generate(bare: Flask) -> None:
    schema.upgrade(bare)
    with db.engine.begin() as connection:
        command.check(schema.alembic_config(connection))


def test_every_step_can_be_taken_back(bare: Flask) -> None:
    schema.upgrade(bare)
    with db.engine.begin() as connection:
        command.downgrade(schema.alembic_config(connection), "base")
    assert tables() == set()
    assert schema.upgrade(bare) is True


def test_there_is_one_head(bare: Flask) -> None:
    with db.engine.connect() as connection:
        assert len(ScriptDirectory.from_config(schema.alembic_config(connection)).get_heads()) == 1
