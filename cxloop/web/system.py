"""The system page: is a worker alive, when did each job last run, what waits, and which model reads."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, current_app, render_template
from flask_login import current_user

from cxloop import jobs, sla
from cxloop.accounts.permissions import Permission, may
from cxloop.clock import now
from cxloop.db import db
from cxloop.intake.models import Feedback
from cxloop.notices import Notice, NoticeState
from cxloop.sla import ClockState, Promise
from cxloop.web import access

pages = Blueprint("system", __name__)
access.guard(pages, Permission.WORK_CASES)

NAMES = {
    "promises": "Watch the promises",
    "tagging": "Read new feedback",
    "notices": "Send messages",
    "silence": "Close where the customer stayed silent",
    "seal": "Seal the audit trail",
    "tidy": "Drop sessions and links that have ended",
    "learn": "Learn from what people corrected",
    "beat": "Say that the worker is alive",
}
COUNT_AT_MOST = 1000


@dataclass(frozen=True, slots=True)
class Waiting:
    label: str
    figure: str
    tone: str


@pages.get("/system")
def index() -> str:
    at = now()
    workers = jobs.workers()
    return render_template(
        "system/index.html",
        at=at,
        alive=[worker for worker in workers if at - worker.beat_at <= jobs.SILENT_AFTER],
        silent=[worker for worker in workers if at - worker.beat_at > jobs.SILENT_AFTER],
        runs=jobs.runs(),
        names=NAMES,
        waiting=_waiting(at),
        aside=sla.aside(),
        can_send=bool(current_app.config["SMTP_URL"]),
        shows_errors=may(current_user, Permission.ADMINISTER),
    )


def _waiting(at: datetime) -> list[Waiting]:
    """What is due now, counted along partial indexes and no further than one needs to know."""
    overdue = (Promise.state == ClockState.running, Promise.due_at < at)
    return [
        _counted("To be read by the tagger", Feedback.id, Feedback.due_at.is_not(None)),
        _counted("Deadlines passed, not yet noticed", Promise.id, *overdue, tone="breached"),
        _counted("Messages to send", Notice.id, Notice.due_at.is_not(None)),
        _counted("Messages held", Notice.id, Notice.state == NoticeState.HELD),
        _counted("Messages that failed", Notice.id, Notice.state == NoticeState.FAILED, tone="breached"),
    ]


def _counted(label: str, column: Any, *conditions: sa.ColumnElement[bool], tone: str = "") -> Waiting:
    some = sa.select(column).where(*conditions).limit(COUNT_AT_MOST + 1).subquery()
    found = db.session.scalar(sa.select(sa.func.count()).select_from(some)) or 0
    figure = f"{COUNT_AT_MOST}+" if found > COUNT_AT_MOST else str(found)
    return Waiting(label, figure, tone if found else "")
