"""From a notice's row to the letter that leaves: gathers the facts, makes the links, renders."""

from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

import sqlalchemy as sa

from cxloop import paths
from cxloop.accounts.models import User
from cxloop.cases.models import Kind, Message
from cxloop.db import db
from cxloop.links import Links
from cxloop.notices.models import Notice
from cxloop.notices.render import Letter, render

QUOTED = 600
"""Characters of the customer's own words that an acknowledgement repeats."""


def compose(notice: Notice, links: Links) -> Letter:
    """The letter as it was sent, or as it would be sent now."""
    if notice.body is not None:
        return Letter(notice.subject or "", notice.body)
    return render(paths.templates() / "notices", notice.kind.value, _facts(notice, links))


def envelope(notice: Notice, letter: Letter, *, sender: str, at: datetime) -> EmailMessage:
    """The message on the wire. Its Message-ID is the same however often it leaves.

    Raises ValueError for an address that cannot stand in a header.
    """
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = notice.address or ""
    mail["Subject"] = letter.subject
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{notice.mail_id}@{sender.rpartition('@')[2].rstrip('>') or 'cxloop'}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter.body)
    return mail


def _facts(notice: Notice, links: Links) -> dict[str, Any]:
    case = notice.case
    first = (
        sa.select(Message)
        .where(Message.case_id == case.id, Message.kind == Kind.FEEDBACK)
        .order_by(Message.id)
        .limit(1)
    )
    said = db.session.scalars(first).first()
    message = db.session.get(Message, notice.message_id) if notice.message_id else None
    author = _author(message)
    return {
        "case": case,
        "name": case.customer.name,
        "words": _shortened(said.body) if said else "",
        "owner": case.owner.first_name if case.owner else f"our {case.team.name} team",
        "team": case.team.name,
        "colleague": notice.user,
        "message": message.body if message else "",
        "author": author.first_name if author else f"our {case.team.name} team",
        "promised": _spoken(notice.data.get("promised")),
        "link": links.case_page(case.id, case.customer_id),
        "staff_link": links.staff_case(case.id),
        "data": notice.data,
    }


def _author(message: Message | None) -> User | None:
    who, _, id = (message.by if message else "").partition(":")
    return db.session.get(User, int(id)) if who == "user" else None


def _spoken(moment: str | None) -> str | None:
    """A moment as a letter says it: Thursday 26 November, 14:00 UTC."""
    return datetime.fromisoformat(moment).strftime("%A %-d %B, %H:%M UTC") if moment else None


def _shortened(words: str) -> str:
    return words if len(words) <= QUOTED else words[:QUOTED].rsplit(" ", 1)[0] + " …"
