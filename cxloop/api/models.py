"""Answers that were given to requests with an Idempotency-Key, so that a retry gets the same one."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from cxloop.db import Base


class IdempotentReply(Base):
    """`digest` is the SHA-256 of the request's body: the same key with another body is a mistake."""

    __tablename__ = "idempotent_reply"

    token_id: Mapped[int] = mapped_column(sa.ForeignKey("api_token.id"), primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64))
    status: Mapped[int]
    body: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(index=True)
