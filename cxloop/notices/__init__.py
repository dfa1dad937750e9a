"""The outbox: owing a notice in the transaction of its cause, claiming it, and marking what became of it."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from cxloop import db as database
from cxloop.accounts.models import User
from cxloop.cases.models import Case, Message
from cxloop.db import backoff, db
from cxloop.errors import Conflict
from cxloop.notices.models import Notice, NoticeKind, NoticeState

__all__ = [
    "Notice",
    "NoticeKind",
    "NoticeState",
    "claim",
    "failed",
    "give_back",
    "hold",
    "in_flight",
    "not_sent",
    "owe",
    "owe_staff",
    "release",
    "send_again",
    "sent",
    "told_since",
    "write",
]

LEASE = timedelta(seconds=60)
GIVE_UP_AFTER = 78
"""Attempts: with the backoff of db.backoff, about three days. A mail server may be down over a weekend."""
TOO_OLD_TO_RELEASE = timedelta(hours=72)


def owe(
    kind: NoticeKind, case: Case, *, key: str, message: Message | None = None, by: str, at: datetime, **data: Any
) -> Notice | None:
    """Owe the case's customer a notice; None if this one is owed already. Without an address it is suppressed."""
    notice = _new(kind, case, f"{kind.value}:{case.id}:{key}", message, at, data)
    if notice is None:
        return None
    notice.customer_id, notice.address = case.customer_id, case.customer.email
    if not notice.address:
        _suppress(notice, "no address")
    elif kind is NoticeKind.ACKNOWLEDGEMENT and not case.tell:
        _suppress(notice, "said more than 72 hours before we received it")
    return _owed(notice, case, by, at)


def owe_staff(
    kind: NoticeKind, case: Case, user: User | None, *, key: str, by: str, at: datetime, **data: Any
) -> Notice | None:
    """Owe a colleague a notice about the case; with nobody to tell, that is recorded as suppressed."""
    notice = _new(kind, case, f"{kind.value}:{case.id}:{key}", None, at, data)
    if notice is None:
        return None
    if user is None:
        _suppress(notice, "nobody to escalate to")
    else:
        notice.user_id, notice.address = user.id, user.email
    return _owed(notice, case, by, at)


def claim(*, at: datetime, limit: int) -> list[Notice]:
    """Notices to send now, leased to the caller. One that comes again after a lapse may be a repeat."""
    return database.claim(Notice, at=at, lease=LEASE, limit=limit)


def give_back(ids: Sequence[int], *, claimed_at: datetime) -> None:
    """What was claimed then, and not begun, is for others to send."""
    database.give_back(Notice, ids, leased_until=claimed_at + LEASE)


def hold(*, at: datetime, limit: int) -> int:
    """There is nothing to send with: set due notices aside, readable in the outbox. Returns how many."""
    about = sa.select(Case.id).where(Case.id.in_(database.due_now(Notice, Notice.case_id, at=at, limit=limit)))
    ids = db.session.scalars(about.order_by(Case.id).with_for_update(key_share=True)).all()
    held = database.claim(Notice, Notice.case_id.in_(ids), at=at, lease=LEASE, limit=limit)
    for notice in held:
        notice.state, notice.due_at, notice.leased_until = NoticeState.HELD, None, None
        notice.case.record("notice_held", by="worker", at=at, notice=notice.id, notice_kind=notice.kind.value)
    return len(held)


def release(*, at: datetime) -> int:
    """Now there is something to send with: held notices younger than 72 hours become due. Returns how many."""
    young = (Notice.state == NoticeState.HELD, Notice.created_at >= at - TOO_OLD_TO_RELEASE)
    freed = sa.update(Notice).where(*young).values(state=NoticeState.DUE, due_at=at, attempts=0).returning(Notice.id)
    return len(db.session.scalars(freed).all())


def write(notice: Notice, *, subject: str, body: str) -> None:
    """What it says is fixed before it leaves for the first time: a repeat says the same."""
    notice.subject, notice.body = subject, body


def sent(notice: Notice, *, subject: str, body: str, by: str, at: datetime) -> None:
    """It left: keep what was said as proof. That it may have left before, under the same Message-ID, is recorded."""
    again = _now(notice) == NoticeState.SENT
    notice.state, notice.due_at, notice.leased_until, notice.last_error = NoticeState.SENT, None, None, None
    notice.subject, notice.body, notice.sent_at = subject, body, notice.sent_at or at
    kind = "notice_repeated" if again else "notice_sent"
    said = {"notice": notice.id, "notice_kind": notice.kind.value}
    notice.case.record(kind, by=by, at=at, attempts=notice.attempts, lapses=notice.lapses, **said)


def not_sent(notice: Notice, error: str, *, by: str, at: datetime) -> None:
    """It could not be sent this time: again later, or given up after many attempts."""
    if _now(notice) != NoticeState.DUE:
        return
    if notice.attempts >= GIVE_UP_AFTER:
        failed(notice, f"given up after {notice.attempts} attempts: {error}", by=by, at=at)
        return
    notice.last_error, notice.leased_until, notice.due_at = error[:500], None, at + backoff(notice.attempts)


def failed(notice: Notice, error: str, *, by: str, at: datetime) -> None:
    """Refused for good: a person has to look."""
    if _now(notice) != NoticeState.DUE:
        return
    notice.state, notice.due_at, notice.leased_until, notice.last_error = NoticeState.FAILED, None, None, error[:500]
    notice.case.record("notice_failed", by=by, at=at, notice=notice.id, notice_kind=notice.kind.value)


def send_again(notice: Notice, *, by: str, at: datetime) -> None:
    """A person wants a held or failed notice sent. Raises Conflict for any other."""
    if notice.state not in (NoticeState.HELD, NoticeState.FAILED):
        raise Conflict(f"This notice is {notice.state.value}: there is nothing to send again.")
    notice.state, notice.due_at, notice.attempts = NoticeState.DUE, at, 0
    notice.case.record("notice_requeued", by=by, at=at, notice=notice.id, notice_kind=notice.kind.value)


def told_since(moment: datetime, *, limit: int) -> list[int]:
    """Ids of cases resolved before `moment` whose customers have not said whether it is fixed, although asked.

    One whose decision still waits in the outbox, or could not be delivered, was not asked.
    """
    untold = sa.select(Notice.id).where(
        Notice.case_id == Case.id,
        Notice.kind == NoticeKind.RESOLUTION,
        Notice.state.in_((NoticeState.DUE, NoticeState.HELD, NoticeState.FAILED)),
        Notice.created_at >= Case.resolved_at,
    )
    silent = sa.select(Case.id).where(sa.text("\"case\".state = 'resolved'"), Case.resolved_at <= moment)
    silent = silent.where(~untold.exists()).order_by(Case.resolved_at, Case.id)
    return list(db.session.scalars(silent.limit(limit)))


def in_flight(*, at: datetime) -> datetime | None:
    """When the last lease on a notice lapses, if one is out: whoever wants to be idle waits for it."""
    return db.session.scalar(
        sa.select(sa.func.max(Notice.leased_until)).where(Notice.due_at.is_not(None), Notice.leased_until > at)
    )


def _new(
    kind: NoticeKind, case: Case, key: str, message: Message | None, at: datetime, data: dict[str, Any]
) -> Notice | None:
    if db.session.scalar(sa.select(Notice.id).where(Notice.key == key)):
        return None
    return Notice(
        key=key,
        kind=kind,
        state=NoticeState.DUE,
        case_id=case.id,
        team_id=case.team_id,
        message_id=message.id if message else None,
        data=data,
        mail_id=uuid.uuid4().hex,
        created_at=at,
        due_at=at,
    )


def _now(notice: Notice) -> NoticeState:
    """Its state, now that nobody else changes it or its case: events of a case are recorded one after the other."""
    database.locked(Case, notice.case_id)
    db.session.refresh(notice)
    return notice.state


def _suppress(notice: Notice, reason: str) -> None:
    notice.state, notice.reason, notice.due_at = NoticeState.SUPPRESSED, reason, None


def _owed(notice: Notice, case: Case, by: str, at: datetime) -> Notice:
    db.session.add(notice)
    db.session.flush()
    kind = "notice_suppressed" if notice.state == NoticeState.SUPPRESSED else "notice_owed"
    case.record(kind, by=by, at=at, notice=notice.id, notice_kind=notice.kind.value)
    return notice
