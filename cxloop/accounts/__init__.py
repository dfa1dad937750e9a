"""Staff accounts: adding people, signing in and out, API tokens."""

import re
import secrets
from datetime import datetime, timedelta
from hashlib import sha256

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cxloop import events
from cxloop.accounts import throttle
from cxloop.accounts.models import ApiToken, Role, Session, SignInLink, Team, User
from cxloop.db import db, insert, locked
from cxloop.errors import Conflict, Gone, Invalid, NotFound

DEFAULT_TEAM = "Care"
PASSWORD_MIN = 10
SESSION_IDLE = timedelta(hours=12)
SESSION_MAX = timedelta(days=7)
SCOPES = ("feedback:write",)
SIGN_IN_LINK_OVER = (
    "This sign-in link was used already or has expired: sign in with your password or ask for a new link."
)

_ADDRESS = re.compile(r"[^@\s<>,;\"\x00-\x1f]{1,64}@[^@\s<>,;\"\x00-\x1f]{1,189}")
_hasher = PasswordHasher()
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$wRVyEcX8L2Cugk1YBa0P4w$nnJlH4DNjQa5EfkrIoNZC/W4tSDpRc28JTMSO8X16R0"
"""The hash of a password that nobody has: an unknown address takes as long to refuse as a known one."""


def team(name: str = DEFAULT_TEAM) -> Team:
    """The team of that name, made if there is none."""
    named = sa.select(Team).where(Team.name == name)
    found = db.session.scalars(named).first()
    if found is None:
        db.session.execute(insert(Team).values(name=name).on_conflict_do_nothing(index_elements=["name"]))
        found = db.session.scalars(named).one()
    return found


def add_user(
    *,
    email: str,
    name: str,
    role: Role,
    password: str | None = None,
    team_name: str = DEFAULT_TEAM,
    by: str,
    at: datetime,
) -> User:
    """Raises Invalid for an address or password that cannot serve, Conflict for an address that is taken."""
    email = email.strip().lower()
    if not _ADDRESS.fullmatch(email):
        raise Invalid(f"{email!r} is not an e-mail address.", email="is not an e-mail address")
    if not name.strip():
        raise Invalid("A user needs a name: customers are told who answers them.", name="is missing")
    there = db.session.scalars(sa.select(User).where(User.email == email)).first()
    if there is not None:
        gone = "" if there.active else ", who was deactivated: reactivate them instead"
        raise Conflict(f"There is a user {email} already{gone}.")
    user = User(email=email, name=name.strip(), role=role, team_id=team(team_name).id, active=True, created_at=at)
    if password is not None:
        _set_password(user, password)
    db.session.add(user)
    db.session.flush()
    events.record(f"user:{user.id}", "user_added", by=by, at=at, role=role.value)
    return user


def change_password(user: User, password: str, *, by: str, at: datetime) -> None:
    """Signs the user out everywhere: whoever knew the old password is out too."""
    locked(User, user.id)
    _set_password(user, password)
    sign_out_everywhere(user)
    events.record(user.actor, "password_changed", by=by, at=at)


def change_role(user: User, role: Role, *, by: User, at: datetime) -> None:
    """Only by somebody else, and never away from the last admin. Raises Conflict."""
    if by.id == user.id:
        raise Conflict("Nobody changes their own role: ask another admin.")
    _keep_an_admin(user)
    locked(User, user.id)
    user.role = role
    sign_out_everywhere(user)
    events.record(user.actor, "role_changed", by=by.actor, at=at, role=role.value)


def deactivate(user: User, *, by: str, at: datetime) -> None:
    """The user can no longer sign in; the open sessions end. Raises Conflict for the last admin."""
    _keep_an_admin(user)
    locked(User, user.id)
    user.active = False
    sign_out_everywhere(user)
    events.record(user.actor, "user_deactivated", by=by, at=at)


def reactivate(user: User, *, by: str, at: datetime) -> None:
    """The user can sign in again, in the role and with the password they had. Raises Conflict if they can anyway."""
    locked(User, user.id)
    if user.active:
        raise Conflict(f"{user.email} is not deactivated.")
    user.active = True
    events.record(user.actor, "user_reactivated", by=by, at=at)


def sign_in(email: str, password: str, *, at: datetime) -> tuple[User, str]:
    """The user and the secret of a new session.

    Raises NotFound, the same for an unknown address and a wrong password.
    """
    user = db.session.scalars(sa.select(User).where(User.email == email.strip().lower())).first()
    try:
        _hasher.verify(user.password_hash if user and user.password_hash else _NOBODY, password)
    except (VerificationError, InvalidHashError):
        user = None
    if user is None or not user.active or not user.password_hash:
        raise NotFound("This address and password do not belong together.")
    return user, open_session(user, at=at)


def knows_password(user: User, password: str) -> bool:
    """Whether this is the user's password; never for one who has none."""
    try:
        return bool(user.password_hash) and _hasher.verify(user.password_hash or "", password)
    except (VerificationError, InvalidHashError):
        return False


def offer_sign_in_link(user: User, *, at: datetime, lasts: timedelta = timedelta(days=1)) -> str:
    """A secret that signs the user in once, until it expires."""
    secret = secrets.token_urlsafe(32)
    db.session.add(SignInLink(hash=_digest(secret), user_id=user.id, expires_at=at + lasts))
    return secret


def sign_in_link_of(secret: str, *, at: datetime) -> User:
    """Whom an unused link would sign in. Reads only. Raises Gone for a used or expired link."""
    link = db.session.get(SignInLink, _digest(secret))
    user = db.session.get(User, link.user_id) if link and link.used_at is None and link.expires_at > at else None
    if user is None or not user.active:
        raise Gone(SIGN_IN_LINK_OVER)
    return user


def use_sign_in_link(secret: str, *, at: datetime) -> tuple[User, str]:
    """Like `sign_in`. Of two that use the same link at once, one wins. Raises Gone for a used or expired link."""
    once = (
        sa.update(SignInLink)
        .where(SignInLink.hash == _digest(secret), SignInLink.used_at.is_(None), SignInLink.expires_at > at)
        .values(used_at=at)
        .returning(SignInLink.user_id)
    )
    user_id = db.session.scalar(once)
    user = db.session.get(User, user_id) if user_id else None
    if user is None or not user.active:
        raise Gone(SIGN_IN_LINK_OVER)
    return user, open_session(user, at=at)


def open_session(user: User, *, at: datetime) -> str:
    locked(User, user.id)
    secret = secrets.token_urlsafe(32)
    db.session.add(Session(hash=_digest(secret), user_id=user.id, created_at=at, seen_at=at))
    events.record(user.actor, "signed_in", by=user.actor, at=at)
    return secret


def session_of(secret: str, *, at: datetime) -> Session | None:
    """The live session that the cookie's secret stands for. Reads only; `seen` notes the use."""
    session = db.session.get(Session, _digest(secret))
    if session is None or not session.user.active:
        return None
    alive = at - session.seen_at <= SESSION_IDLE and at - session.created_at <= SESSION_MAX
    return session if alive else None


def seen(secret: str, *, at: datetime) -> None:
    db.session.execute(sa.update(Session).where(Session.hash == _digest(secret)).values(seen_at=at))


def sign_out(secret: str) -> None:
    db.session.execute(sa.delete(Session).where(Session.hash == _digest(secret)))


def sign_out_everywhere(user: User) -> None:
    db.session.execute(sa.delete(Session).where(Session.user_id == user.id))


def add_token(name: str, *, scopes: list[str], user: User | None = None, by: str, at: datetime) -> tuple[ApiToken, str]:
    """The token's row and its text, which is shown once and kept nowhere. Raises Invalid for an unknown scope."""
    unknown = set(scopes) - set(SCOPES)
    if unknown:
        raise Invalid(f"Unknown scope {sorted(unknown)[0]!r}; there are: {', '.join(SCOPES)}.")
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    text = f"cxl_{prefix}_{secret}"
    token = ApiToken(
        name=name,
        prefix=prefix,
        hash=_digest(text),
        scopes=list(scopes),
        user_id=user.id if user else None,
        created_at=at,
    )
    db.session.add(token)
    db.session.flush()
    events.record(f"token:{token.id}", "token_added", by=by, at=at, scopes=list(scopes))
    return token, text


def revoke_token(token: ApiToken, *, by: str, at: datetime) -> None:
    locked(ApiToken, token.id)
    if token.revoked_at is None:
        token.revoked_at = at
        events.record(f"token:{token.id}", "token_revoked", by=by, at=at)


def token_of(text: str) -> ApiToken | None:
    """The live token with this text; the compare takes the same time whatever differs."""
    match = re.fullmatch(r"cxl_([0-9a-f]{12})_[\w-]{43}", text)
    token = db.session.scalars(sa.select(ApiToken).where(ApiToken.prefix == match[1])).first() if match else None
    if token is None or token.revoked_at or not secrets.compare_digest(token.hash, _digest(text)):
        return None
    owner = db.session.get(User, token.user_id) if token.user_id else None
    return None if owner is not None and not owner.active else token


def _set_password(user: User, password: str) -> None:
    if len(password) < PASSWORD_MIN:
        raise Invalid(f"A password needs at least {PASSWORD_MIN} characters.", password="is too short")
    user.password_hash = _hasher.hash(password)


def _keep_an_admin(user: User) -> None:
    """All admins are locked: of two who remove each other at once, one stays."""
    admins = sa.select(User.id).where(User.role == Role.ADMIN, User.active).order_by(User.id)
    if user.role == Role.ADMIN and set(db.session.scalars(admins.with_for_update(key_share=True))) == {user.id}:
        raise Conflict("This is the last admin: make somebody else an admin first.")


def _digest(secret: str) -> str:
    """Plain SHA-256 will do: these secrets are random and long, not chosen by people."""
    return sha256(secret.encode()).hexdigest()


def tidy(*, at: datetime) -> int:
    """Drop what lets nobody in any more: sessions, sign-in links and windows that are over. Returns how many."""
    sessions = sa.or_(Session.seen_at < at - SESSION_IDLE, Session.created_at < at - SESSION_MAX)
    ended = sa.delete(Session).where(sessions).returning(Session.hash)
    links = sa.delete(SignInLink).where(SignInLink.expires_at <= at).returning(SignInLink.hash)
    return sum(len(db.session.scalars(gone).all()) for gone in (ended, links)) + throttle.forget(at=at)
