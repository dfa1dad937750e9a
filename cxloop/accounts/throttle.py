"""Limits on how often something may be tried, counted in the database so that all processes share them."""

from datetime import datetime

import sqlalchemy as sa

from cxloop.accounts.models import Throttle
from cxloop.db import db, insert
from cxloop.errors import TooMany


def allow(key: str, *, limit: int, per: int, at: datetime) -> None:
    """Count one try of `key` in the current window of `per` seconds. Raises TooMany beyond `limit`.

    Old windows of the same key are dropped in passing, so the table holds one row a key. The caller commits the
    count even when it raises: hold a transaction of its own around it.
    """
    window, elapsed = divmod(int(at.timestamp()), per)
    counted = (
        insert(Throttle)
        .values(key=key, window=window, count=1)
        .on_conflict_do_update(index_elements=["key", "window"], set_={"count": Throttle.count + 1})
        .returning(Throttle.count)
    )
    count = db.session.scalar(counted) or 0
    if count == 1:
        db.session.execute(sa.delete(Throttle).where(Throttle.key == key, Throttle.window < window))
    if count > limit:
        raise TooMany("Too many attempts: please wait a little and try again.", retry_after=per - elapsed)
