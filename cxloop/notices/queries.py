"""What the outbox page shows."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from cxloop.accounts.models import User
from cxloop.accounts.permissions import Permission, may
from cxloop.db import db, locked
from cxloop.errors import NotFound
from cxloop.notices.models import Notice, NoticeState

PAGE = 25


@dataclass(frozen=True, slots=True)
class Page:
    notices: list[Notice]
    next: int | None
    """The id before which the next page begins; None on the last."""


def outbox(user: User, *, state: NoticeState | None = None, before: int | None = None, limit: int = PAGE) -> Page:
    """The notices of the cases that the user may see, newest first."""
    query = _visible_to(user).options(joinedload(Notice.case)).order_by(Notice.id.desc())
    if state:
        query = query.where(Notice.state == state)
    if before:
        query = query.where(Notice.id < before)
    found = list(db.session.scalars(query.limit(limit + 1)))
    return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)


def find(id: int, *, user: User, lock: bool = False) -> Notice:
    """Raises NotFound, the same for a notice that is not there and one that the user may not see."""
    notice = db.session.scalars(_visible_to(user).where(Notice.id == id)).first()
    if notice is None:
        raise NotFound("There is no such notice.")
    return (locked(Notice, id) or notice) if lock else notice


def waiting() -> int:
    """How many are due or under way: as many rows of the partial index."""
    return (
        db.session.scalar(sa.select(sa.func.count()).where(sa.text("notice.due_at IS NOT NULL")).select_from(Notice))
        or 0
    )


def _visible_to(user: User) -> sa.Select[Notice]:
    notices = sa.select(Notice)
    return notices if may(user, Permission.SEE_ALL_TEAMS) else notices.where(Notice.team_id == user.team_id)
