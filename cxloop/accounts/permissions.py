"""Who may do what. Roles carry permissions; blueprints and views ask for a permission, never for a role."""

import enum

from cxloop.accounts.models import Role, User
from cxloop.errors import Forbidden


class Permission(enum.StrEnum):
    WORK_CASES = "work cases"
    SEE_BOARD = "see the board"
    SEE_OUTBOX = "see the outbox"
    SEE_MODELS = "see the models"
    SEE_ALL_TEAMS = "see the cases of every team"
    ADMINISTER = "administer the installation"


_AGENT = {Permission.WORK_CASES, Permission.SEE_OUTBOX}
_SUPERVISOR = _AGENT | {Permission.SEE_BOARD, Permission.SEE_MODELS}
PERMISSIONS: dict[Role, set[Permission]] = {
    Role.AGENT: _AGENT,
    Role.SUPERVISOR: _SUPERVISOR,
    Role.ADMIN: _SUPERVISOR | {Permission.SEE_ALL_TEAMS, Permission.ADMINISTER},
}


def may(user: User, permission: Permission) -> bool:
    return user.active and permission in PERMISSIONS[user.role]


def require(user: User, permission: Permission) -> None:
    """Raises Forbidden if the user lacks the permission."""
    if not may(user, permission):
        raise Forbidden(f"Your role ({user.role.value}) may not {permission.value}.")
