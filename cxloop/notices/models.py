"""The outbox: what we owe somebody to be told, and the proof that they were."""

import enum
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cxloop.accounts.models import User
from cxloop.cases.models import Case
from cxloop.customers.models import Customer
from cxloop.db import Base, Deferred, one_of, partial_index


class NoticeKind(enum.StrEnum):
    ACKNOWLEDGEMENT = "acknowledgement"
    REPLY = "reply"
    REQUEST = "request"
    RESOLUTION = "resolution"
    REOPENED = "reopened"
    ESCALATION = "escalation"


class NoticeState(enum.StrEnum):
    DUE = "due"
    HELD = "held"  # nothing to send it with: it can be read in the outbox
    SENT = "sent"
    SUPPRESSED = "suppressed"  # deliberately not sent, for the reason given
    FAILED = "failed"  # refused for good, or given up


class Notice(Deferred, Base):
    """`key` says what it is about, so that the same is never owed twice. `mail_id` is its Message-ID for ever."""

    __tablename__ = "notice"
    __table_args__ = (
        partial_index("ix_notice_due", "due_at", "id", where="due_at IS NOT NULL"),
        partial_index("ix_notice_kept_back", "state", "id", where="state IN ('held', 'failed')"),
        sa.Index("ix_notice_of_team", "team_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(120), unique=True)
    kind: Mapped[NoticeKind] = mapped_column(one_of(NoticeKind))
    state: Mapped[NoticeState] = mapped_column(one_of(NoticeState))
    reason: Mapped[str | None] = mapped_column(sa.String(120))
    case_id: Mapped[int] = mapped_column(sa.ForeignKey("case.id", ondelete="CASCADE"), index=True)
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"))
    customer_id: Mapped[int | None] = mapped_column(sa.ForeignKey("customer.id"))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id"))
    address: Mapped[str | None] = mapped_column(sa.String(254))
    message_id: Mapped[int | None] = mapped_column(sa.ForeignKey("message.id"))
    data: Mapped[dict[str, Any]]
    mail_id: Mapped[str] = mapped_column(sa.String(120))
    subject: Mapped[str | None]
    body: Mapped[str | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]

    case: Mapped[Case] = relationship()
    customer: Mapped[Customer | None] = relationship()
    user: Mapped[User | None] = relationship()

    @property
    def subject_name(self) -> str:
        return f"notice:{self.id}"
