"""Limits on how often something may be tried, counted in the database so that all processes share them."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from cxloop.accounts.models import Throttle
from cxloop.db import db, insert
from cxloop.errors import TooMany


def allow(key: str, *, limit: int, per: int, at: datetime) -> None:
    """Count one try of `key` in the current window of `per` seconds. Raises TooMany beyond `limit`.

    The caller commits the count even when it raises: hold a transaction of its own around it.
    """
    elapsed = int(at.timestamp()) % per
    until = at.replace(microsecond=0) + timedelta(seconds=per - elapsed)
    counted = (
        insert(Throttle)
        .values(key=key, until=until, count=1)
        .on_conflict_do_update(index_elements=["key", "until"], set_={"count": Throttle.count + 1})
        .returning(Throttle.count)
    )
    count = db.session.scalar(counted) or 0
    if count > limit:
        raise TooMany("Too many attempts: please wait a little and try again.", retry_after=per - elapsed)


def forget(*, at: datetime) -> int:
    """Drop the windows that are over; returns how many."""
    over = sa.delete(Throttle).where(Throttle.until <= at).returning(Throttle.key)
    return len(db.session.scalars(over).all())
