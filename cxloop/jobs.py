"""Which workers are alive, and when each job last ran: what the system page and `cxloop status` show."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from cxloop.db import Base, db, insert

SILENT_AFTER = timedelta(seconds=30)
"""A worker beats every five seconds; one that has been silent for this long is taken for dead."""


class Worker(Base):
    __tablename__ = "worker"

    name: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]
    model: Mapped[str | None]


class JobRun(Base):
    """The last run of a job, the last one that did something, and the last that failed."""

    __tablename__ = "job_run"

    name: Mapped[str] = mapped_column(sa.String(48), primary_key=True)
    ran_at: Mapped[datetime]
    done: Mapped[int]
    worked_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    error: Mapped[str | None]


def beat(name: str, *, model: str | None, at: datetime) -> None:
    """This worker is alive; those that fell silent a day ago are forgotten."""
    alive = {"beat_at": at, "model": model}
    new = insert(Worker).values(name=name, started_at=at, **alive)
    db.session.execute(new.on_conflict_do_update(index_elements=["name"], set_=alive))
    db.session.execute(sa.delete(Worker).where(Worker.beat_at < at - timedelta(days=1)))


def ran(name: str, *, done: int = 0, error: str | None = None, at: datetime) -> None:
    """Note the run of a job: how many rows it dealt with, or why it failed."""
    run: dict[str, object] = {"ran_at": at, "done": done}
    if done:
        run["worked_at"] = at
    if error:
        run |= {"failed_at": at, "error": error[:500]}
    new = insert(JobRun).values(name=name, **run)
    db.session.execute(new.on_conflict_do_update(index_elements=["name"], set_=run))


def workers() -> list[Worker]:
    return list(db.session.scalars(sa.select(Worker).order_by(Worker.beat_at.desc())))


def runs() -> list[JobRun]:
    return list(db.session.scalars(sa.select(JobRun).order_by(JobRun.name)))


def last_beat() -> datetime | None:
    return db.session.scalar(sa.select(sa.func.max(Worker.beat_at)))
