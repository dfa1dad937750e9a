"""The database: one `db`, one `Base`, the types that all tables share, and `transaction()`, the only commit.

SQLite and PostgreSQL run the same code. SQLite writes begin IMMEDIATE, so that a transaction which reads before
it writes cannot meet "database is locked" half-way.
"""

import enum
import random
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, registry

from cxloop.errors import CxloopError

FAR_FUTURE = datetime(9999, 1, 1, tzinfo=UTC)
"""Sorts last where a moment is missing, so that an index can serve the order."""


class Instant(sa.types.TypeDecorator[datetime]):
    """A moment: aware in Python, UTC in the database; a naive datetime is refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment without a zone: {value!r}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = sa.JSON().with_variant(JSONB(), "postgresql")


def one_of(values: type[enum.Enum]) -> sa.Enum:
    """A column type that holds the enum's values as plain words."""
    return sa.Enum(values, native_enum=False, length=24, values_callable=lambda e: [item.value for item in e])


class Base(DeclarativeBase):
    registry = registry(
        metadata=sa.MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
        type_annotation_map={datetime: Instant(), dict[str, Any]: Json, list[Any]: Json, str: sa.Text()},
    )


db = SQLAlchemy(model_class=Base)


class Deferred:
    """Columns of a row that is work to be done: due at a moment, leased while somebody does it."""

    due_at: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    lapses: Mapped[int] = mapped_column(default=0)
    """How many workers died, or took too long, while they had it."""
    last_error: Mapped[str | None]


def partial_index(name: str, *columns: str, where: str) -> sa.Index:
    """An index of the rows that fulfil a literal condition; queries use it only if they state the same one."""
    return sa.Index(name, *columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


Row = TypeVar("Row", bound=Base)


@contextmanager
def transaction() -> Iterator[Session]:
    """Commit what happens inside, or nothing. Held by edges only, around one verb of the loop or the domain."""
    session: Session = db.session()
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("something was changed outside a transaction")
    if session.in_transaction() and session.connection().get_execution_options().get("writes"):
        raise RuntimeError("transactions do not nest: the outer one would lose what it did")
    session.rollback()  # ends the read that Flask-Login's user loader began
    try:
        session.connection(execution_options={"writes": True})
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise


def stop_reading() -> None:
    """End the reading transaction, if one is open: none stays open while we wait for somebody else."""
    db.session.rollback()


def alone(matter: str) -> None:
    """Until this transaction ends no other one does the same: for matters that have no row to lock."""
    if db.engine.dialect.name == "postgresql":  # on SQLite nobody else writes anyway
        db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"cxloop.{matter}", 0))))


def nobody_inserts(rows: type[Base]) -> bool:
    """Whether no other transaction that has inserted such rows is under way: every id given out so far is committed.

    Inserting takes its lock on the table before it takes an id, and gives it back when the row can be seen.
    """
    if db.engine.dialect.name != "postgresql":
        return True  # on SQLite nobody else writes while we do
    under_way = sa.text(
        "SELECT 1 FROM pg_locks WHERE relation = CAST(:name AS regclass) AND mode = 'RowExclusiveLock' AND granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
        "AND pid IS DISTINCT FROM pg_backend_pid() LIMIT 1"
    )
    return db.session.scalar(under_way, {"name": rows.__tablename__}) is None


def claim(
    rows: type[Row], *conditions: sa.ColumnElement[bool], at: datetime, lease: timedelta, limit: int
) -> list[Row]:
    """Take up to `limit` due rows for `lease`; two workers never take the same one.

    A worker that dies gives them back by letting the lease lapse.
    """
    table: Any = rows
    chosen = (
        sa.select(table.id)
        .where(*_free(table, at), *conditions)
        .order_by(table.due_at, table.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("chosen")  # as a plain subquery PostgreSQL may run it more than once, and take more than the limit
    )
    taken = sa.update(table).where(table.id.in_(sa.select(chosen.c.id)))
    taken = taken.values(
        leased_until=at + lease,
        attempts=table.attempts + 1,
        lapses=table.lapses + sa.case((table.leased_until.is_(None), 0), else_=1),
    ).returning(table.id)
    ids = db.session.scalars(taken, execution_options={"synchronize_session": False}).all()
    found = sa.select(rows).where(table.id.in_(ids)).order_by(table.due_at, table.id)
    return list(db.session.scalars(found, execution_options={"populate_existing": True}))


def give_back(rows: type[Row], ids: Sequence[int], *, leased_until: datetime) -> None:
    """Return claimed rows as if they had not been taken, except one whose lease is another's by now."""
    table: Any = rows
    back = sa.update(table).where(table.id.in_(ids), table.leased_until == leased_until)
    db.session.execute(back.values(leased_until=None, attempts=table.attempts - 1))


def due_now(rows: type[Row], column: Any, *, at: datetime, limit: int) -> list[Any]:
    """The values of a column of due rows that nobody has leased; nothing is taken."""
    table: Any = rows
    found = sa.select(column).where(*_free(table, at)).order_by(table.due_at, table.id).limit(limit)
    return list(db.session.scalars(found))


def _free(table: Any, at: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    unleased = sa.or_(table.leased_until.is_(None), table.leased_until <= at)
    return table.due_at.is_not(None), table.due_at <= at, unleased


def backoff(attempts: int) -> timedelta:
    """How long to wait after the n-th failed attempt: 30 s doubled each time up to an hour, a quarter of jitter."""
    return timedelta(seconds=min(30 * 2 ** (attempts - 1), 3600) * random.uniform(0.75, 1.25))


def locked(rows: type[Row], id: int) -> Row | None:
    """The row, as it is now, kept from other writers until the transaction ends.

    Whoever locks several goes in this order, so that two never wait for each other: source, feedback, customer, case,
    notice, turn. Rows that refer to a locked one can still be added meanwhile (FOR NO KEY UPDATE).
    """
    return db.session.get(rows, id, with_for_update={"of": rows, "key_share": True}, populate_existing=True)


def insert(rows: type[Base]) -> Any:
    """An INSERT that knows `on_conflict_do_update`, in the dialect of the database."""
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    return dialect.insert(rows)


def after(columns: Sequence[Any], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """The keyset condition: rows behind `values` in the ascending order of `columns`."""
    return sa.tuple_(*columns) > sa.tuple_(*(sa.literal(v, c.type) for c, v in zip(columns, values, strict=True)))


def database_url(configured: str, data: str) -> str:
    """The SQLAlchemy URL of a configured one; an empty one means the embedded file in the folder `data`."""
    if not configured:
        return f"sqlite:///{data}/cxloop.sqlite3"
    url = re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql+psycopg://", configured)
    if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise CxloopError("CXLOOP_DATABASE_URL must begin with postgresql:// or sqlite:///.")
    return url


def tune_sqlite(engine: sa.Engine) -> None:
    """Write-ahead log, foreign keys, patience with other writers, and transactions that begin when we say so."""

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own guess at when to BEGIN is not ours
        for pragma in ("busy_timeout=15000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
