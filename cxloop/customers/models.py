"""The people who tell us something, and the addresses and handles by which we know them again."""

import enum
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from cxloop.db import Base, one_of


class Kind(enum.StrEnum):
    EMAIL = "email"
    REF = "ref"  # a handle or a number in one source


class Customer(Base):
    __tablename__ = "customer"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(sa.String(200))
    email: Mapped[str | None] = mapped_column(sa.String(254))
    created_at: Mapped[datetime]

    @property
    def shown_name(self) -> str:
        """What staff see: the name, else the address, else that there is neither."""
        return self.name or self.email or "Somebody"

    @property
    def greeting(self) -> str:
        return self.name or "Hello"

    @property
    def actor(self) -> str:
        return f"customer:{self.id}"


class Identity(Base):
    __tablename__ = "identity"
    __table_args__ = (sa.UniqueConstraint("kind", "value"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[Kind] = mapped_column(one_of(Kind))
    value: Mapped[str] = mapped_column(sa.String(320))
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id", ondelete="CASCADE"), index=True)
