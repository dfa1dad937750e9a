"""From a notice's row to the letter that leaves: gathers the facts, makes the links, renders."""

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any

import sqlalchemy as sa

from cxloop import paths
from cxloop.accounts.models import User
from cxloop.cases.models import Kind, Message
from cxloop.db import db
from cxloop.links import Links
from cxloop.notices.models import Notice, NoticeKind
from cxloop.notices.render import Letter, render

BY_ITSELF = {NoticeKind.ACKNOWLEDGEMENT, NoticeKind.REOPENED, NoticeKind.ESCALATION}
"""Written by no person: an absence notice is not to answer them (RFC 3834)."""
QUOTED = 600
"""Characters of the customer's own words that an acknowledgement repeats."""


def compose(notice: Notice, links: Links) -> Letter:
    """The letter as it was sent, or as it would be sent now."""
    if notice.body is not None:
        return Letter(notice.subject or "", notice.body)
    return render(paths.templates() / "notices", notice.kind.value, _facts(notice, links))


def envelope(notice: Notice, letter: Letter, *, sender: str, at: datetime) -> EmailMessage:
    """The message on the wire. Its Message-ID is the same however often it leaves, and so is its thread.

    `sender` is an address, or one with a name; without a name the case's team signs. Raises ValueError for an address
    that cannot stand in a header.
    """
    mail = EmailMessage()
    mail["From"] = _sender(sender, notice)
    mail["To"] = notice.address or ""
    mail["Subject"] = letter.subject
    mail["Date"] = format_datetime(at)
    domain = parseaddr(sender)[1].rpartition("@")[2] or "cxloop"
    mail["Message-ID"] = f"<{notice.mail_id}@{domain}>"
    first = _first_of_thread(notice)
    if first != notice.mail_id:
        mail["In-Reply-To"] = mail["References"] = f"<{first}@{domain}>"
    if notice.kind in BY_ITSELF:
        mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter.body)
    return mail


def _sender(sender: str, notice: Notice) -> Address:
    name, address = parseaddr(sender)
    return Address(display_name=name or " ".join(notice.case.team.name.split()), addr_spec=address)


def _first_of_thread(notice: Notice) -> str:
    """The Message-ID's left part of the first notice of the case to the same side: the customer, or a colleague."""
    theirs = Notice.user_id == notice.user_id if notice.user_id else Notice.customer_id.is_not(None)
    first = sa.select(Notice.mail_id).where(Notice.case_id == notice.case_id, theirs).order_by(Notice.id).limit(1)
    return db.session.scalars(first).one()


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
