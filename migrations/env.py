"""Alembic's entry: uses the connection it is given (tests, `cxloop migrate`), else the configured database."""

from alembic import context
from sqlalchemy import JSON, Connection, create_engine

import cxloop.app  # noqa: F401  (imports every table)
from cxloop import paths
from cxloop.db import Base, Instant, database_url


def render_item(kind, item, autogen_context):
    """Our own types, as a migration writes them: plain SQLAlchemy, so that a migration outlives our code."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JSON):
        autogen_context.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_item=render_item,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    config = paths.load_config()
    with create_engine(database_url(config.DATABASE_URL, config.DATA)).begin() as connection:
        migrate(connection)
