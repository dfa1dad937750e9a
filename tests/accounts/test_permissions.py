"""Who may do what."""

import pytest

from cxloop.accounts.models import Role, User
from cxloop.accounts.permissions import PERMISSIONS, Permission, may, require
from cxloop.errors import Forbidden

EXPECTED = {
    Role.AGENT: {"work cases", "see the outbox"},
    Role.SUPERVISOR: {"work cases", "see the outbox", "see the board", "see the models"},
    Role.ADMIN: {
        "work cases",
        "see the outbox",
        "see the board",
        "see the models",
        "see the cases of every team",
        "administer the installation",
    },
}


def test_the_table_of_permissions_is_this_one() -> None:
    assert {role: {permission.value for permission in granted} for role, granted in PERMISSIONS.items()} == EXPECTED


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("permission", list(Permission))
def test_a_role_may_what_the_table_says_and_nothing_else(role: Role, permission: Permission) -> None:
    user = User(role=role, active=True)
    assert may(user, permission) is (permission.value in EXPECTED[role])
    if not may(user, permission):
        with pytest.raises(Forbidden, match=permission.value):
            require(user, permission)


@pytest.mark.parametrize("permission", list(Permission))
def test_who_left_may_nothing(permission: Permission) -> None:
    assert not may(User(role=Role.ADMIN, active=False), permission)
