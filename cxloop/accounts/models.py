"""Staff: users in teams, their sign-in sessions, one-time sign-in links and API tokens. Secrets only as hashes."""

import enum
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_login import UserMixin
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cxloop.db import Base, Json, one_of


class Role(enum.StrEnum):
    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


class Team(Base):
    __tablename__ = "team"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80), unique=True)


class User(UserMixin, Base):  # type: ignore[misc]
    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(sa.String(254), unique=True)
    name: Mapped[str] = mapped_column(sa.String(120))
    role: Mapped[Role] = mapped_column(one_of(Role))
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("team.id"))
    password_hash: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]

    team: Mapped[Team] = relationship(lazy="joined")

    @property
    def is_active(self) -> bool:
        return self.active

    @property
    def first_name(self) -> str:
        return self.name.split()[0]

    @property
    def actor(self) -> str:
        """How events name this user."""
        return f"user:{self.id}"

    @property
    def leads(self) -> bool:
        """Whether this user sees the board and may decide for others."""
        return self.role in (Role.SUPERVISOR, Role.ADMIN)


class Session(Base):
    """A sign-in. The cookie holds the secret, the table its hash; revoking is deleting the row."""

    __tablename__ = "session"

    hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]

    user: Mapped[User] = relationship(lazy="joined")


class SignInLink(Base):
    """A link that signs somebody in once."""

    __tablename__ = "sign_in_link"

    hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ApiToken(Base):
    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    prefix: Mapped[str] = mapped_column(sa.String(16), unique=True)
    hash: Mapped[str] = mapped_column(sa.String(64))
    scopes: Mapped[list[Any]] = mapped_column(Json)
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id"))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    @property
    def actor(self) -> str:
        return f"api:key-{self.id}"


class Throttle(Base):
    """How often something was tried in a window of time; shared by all processes."""

    __tablename__ = "throttle"

    key: Mapped[str] = mapped_column(sa.String(160), primary_key=True)
    until: Mapped[datetime] = mapped_column(primary_key=True, index=True)
    count: Mapped[int]
