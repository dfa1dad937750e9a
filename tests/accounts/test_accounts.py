"""Staff: who may sign in, once, for how long, and who stays out."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import accounts, events
from cxloop.accounts.models import ApiToken, Role, Session, SignInLink, User
from cxloop.db import db, transaction
from cxloop.errors import Conflict, CxloopError, Gone, Invalid, NotFound
from tests.factories import DAY, HOUR, MINUTE, MONDAY, a_token, a_user, an_admin, an_agent
from tests.together import together

PASSWORD = "correct horse battery"


def stored() -> str:
    """All that the tables of sign-in hold, as text."""
    rows = [row for table in (User, Session, SignInLink, ApiToken) for row in db.session.scalars(sa.select(table))]
    return " ".join(str({name: value for name, value in vars(row).items() if name[0] != "_"}) for row in rows)


def session_secret(user: User) -> str:
    with transaction():
        return accounts.open_session(user, at=MONDAY)


# ------------------------------------------------------------------------------------------------------ adding


def test_a_user_is_added_to_a_team_and_the_trail_says_so(in_app: Flask) -> None:
    user = a_user(Role.SUPERVISOR, email=" Sofia@Staff.test ", team="Billing")
    assert (user.email, user.team.name, user.active) == ("sofia@staff.test", "Billing", True)
    assert [(event.kind, event.data) for event in events.of(user.actor)] == [("user_added", {"role": "supervisor"})]


@pytest.mark.parametrize(
    "email", ["", "nobody", "a@b@c", "a b@staff.test", "a@staff.test,b@staff.test", "a@staff.test\r\nBcc: b@c", "<a@b>"]
)
def test_an_address_that_is_none_is_refused(in_app: Flask, email: str) -> None:
    with pytest.raises(Invalid, match="is not an e-mail address"):
        a_user(email=email or " ")


def test_an_address_belongs_to_one_user(in_app: Flask) -> None:
    a_user(email="sofia@staff.test")
    with pytest.raises(Conflict, match="There is a user"):
        a_user(email="SOFIA@staff.test")


def test_a_user_has_a_name(in_app: Flask) -> None:
    with pytest.raises(Invalid, match="needs a name"):
        a_user(name="  ")


def test_a_short_password_is_refused(in_app: Flask) -> None:
    with pytest.raises(Invalid, match="at least 10 characters"):
        a_user(password="123456789")


def test_a_new_team_that_two_name_at_once_is_one_team(app: Flask) -> None:
    def team() -> int:
        with transaction():
            return accounts.team("Billing").id

    assert len(set(together(app, team, team, team))) == 1


# --------------------------------------------------------------------------------------------------- signing in


def test_with_the_right_password_one_is_in_and_no_secret_is_stored(in_app: Flask) -> None:
    a_user(email="sofia@staff.test", password=PASSWORD)
    with transaction():
        user, secret = accounts.sign_in(" SOFIA@staff.test", PASSWORD, at=MONDAY)
    found = accounts.session_of(secret, at=MONDAY + HOUR)
    assert found is not None
    assert found.user_id == user.id
    assert secret not in stored()
    assert PASSWORD not in stored()
    assert [event.kind for event in events.of(user.actor)] == ["user_added", "signed_in"]


def test_who_stays_out_is_told_the_same_whatever_was_wrong(in_app: Flask) -> None:
    a_user(email="sofia@staff.test", password=PASSWORD)
    a_user(email="link.only@staff.test")
    gone = an_agent(email="gone@staff.test", password=PASSWORD)
    with transaction():
        accounts.deactivate(gone, by="test", at=MONDAY)
    said = set()
    for email, password in [
        ("sofia@staff.test", "wrong password"),
        ("nobody@staff.test", PASSWORD),
        ("link.only@staff.test", PASSWORD),
        ("link.only@staff.test", ""),
        ("gone@staff.test", PASSWORD),
    ]:
        with pytest.raises(NotFound) as refusal, transaction():
            accounts.sign_in(email, password, at=MONDAY)
        said.add(str(refusal.value))
    assert len(said) == 1
    assert db.session.scalars(sa.select(Session)).all() == []


def test_each_sign_in_is_a_session_with_a_secret_of_its_own(in_app: Flask) -> None:
    user = an_agent()
    assert session_secret(user) != session_secret(user)


def test_two_sign_ins_at_once_both_succeed_and_the_trail_holds(app: Flask) -> None:
    with app.app_context():
        user_id = an_agent().id

    def sign_in() -> str:
        with transaction() as session:
            return accounts.open_session(session.get_one(User, user_id), at=MONDAY)

    assert len(set(together(app, sign_in, sign_in, sign_in, sign_in))) == 4
    with app.app_context():
        assert [event.kind for event in events.of(f"user:{user_id}")] == ["user_added"] + ["signed_in"] * 4
        assert events.verify().broken is None


@pytest.mark.parametrize(
    ("idle", "alive"),
    [(12 * HOUR, True), (12 * HOUR + MINUTE, False)],
)
def test_a_session_that_is_not_used_ends(in_app: Flask, idle: timedelta, alive: bool) -> None:
    secret = session_secret(an_agent())
    assert (accounts.session_of(secret, at=MONDAY + idle) is not None) is alive


def test_a_session_that_is_used_lives_on_but_not_for_ever(in_app: Flask) -> None:
    secret = session_secret(an_agent())
    at = MONDAY
    for _ in range(14):
        at += 12 * HOUR
        assert accounts.session_of(secret, at=at) is not None
        with transaction():
            accounts.seen(secret, at=at)
    assert at == MONDAY + 7 * DAY
    assert accounts.session_of(secret, at=at + MINUTE) is None


def test_signing_out_ends_this_session_only(in_app: Flask) -> None:
    user = an_agent()
    one, other = session_secret(user), session_secret(user)
    with transaction():
        accounts.sign_out(one)
    assert accounts.session_of(one, at=MONDAY) is None
    assert accounts.session_of(other, at=MONDAY) is not None


@pytest.mark.parametrize("what", ["password", "role", "deactivated"])
def test_what_changes_the_account_ends_its_sessions_everywhere(in_app: Flask, what: str) -> None:
    user, admin = an_agent(), an_admin()
    secret, other = session_secret(user), session_secret(admin)
    with transaction():
        if what == "password":
            accounts.change_password(user, PASSWORD, by=user.actor, at=MONDAY)
        elif what == "role":
            accounts.change_role(user, Role.SUPERVISOR, by=admin, at=MONDAY)
        else:
            accounts.deactivate(user, by=admin.actor, at=MONDAY)
    assert accounts.session_of(secret, at=MONDAY) is None
    assert accounts.session_of(other, at=MONDAY) is not None


def test_a_session_of_somebody_who_was_switched_off_is_dead_whatever_the_table_holds(in_app: Flask) -> None:
    user = an_agent()
    secret = session_secret(user)
    with transaction():
        user.active = False
    assert accounts.session_of(secret, at=MONDAY) is None


# ------------------------------------------------------------------------------------------------ one-time links


def test_a_sign_in_link_works_once(in_app: Flask) -> None:
    user = an_agent()
    with transaction():
        secret = accounts.offer_sign_in_link(user, at=MONDAY)
    assert secret not in stored()
    with transaction():
        assert accounts.use_sign_in_link(secret, at=MONDAY)[0].id == user.id
    with pytest.raises(Gone), transaction():
        accounts.use_sign_in_link(secret, at=MONDAY)


@pytest.mark.parametrize("why", ["expired", "unknown", "deactivated"])
def test_a_sign_in_link_that_is_over_says_so(in_app: Flask, why: str) -> None:
    user = an_agent()
    with transaction():
        secret = accounts.offer_sign_in_link(user, at=MONDAY)
    if why == "deactivated":
        with transaction():
            accounts.deactivate(user, by="test", at=MONDAY)
    with pytest.raises(Gone), transaction():
        accounts.use_sign_in_link("x" if why == "unknown" else secret, at=MONDAY + (DAY if why == "expired" else HOUR))


def test_of_two_who_use_a_link_at_once_one_is_in(app: Flask) -> None:
    with app.app_context():
        user = an_agent()
        with transaction():
            secret = accounts.offer_sign_in_link(user, at=MONDAY)

    def use() -> bool:
        try:
            with transaction():
                accounts.use_sign_in_link(secret, at=MONDAY)
        except Gone:
            return False
        return True

    assert sorted(together(app, use, use, use)) == [False, False, True]


# ------------------------------------------------------------------------------------------------ the last admin


def test_the_last_admin_stays(in_app: Flask) -> None:
    admin, other = an_admin(), an_admin()
    with transaction():
        accounts.deactivate(other, by=admin.actor, at=MONDAY)
    with pytest.raises(Conflict, match="last admin"), transaction():
        accounts.deactivate(admin, by="cli", at=MONDAY)
    with pytest.raises(Conflict, match="last admin"), transaction():
        accounts.change_role(admin, Role.AGENT, by=other, at=MONDAY)


def test_nobody_changes_their_own_role(in_app: Flask) -> None:
    admin = an_admin()
    an_admin()
    with pytest.raises(Conflict, match="their own role"), transaction():
        accounts.change_role(admin, Role.AGENT, by=admin, at=MONDAY)


def test_two_admins_who_remove_each_other_at_once_leave_one(app: Flask) -> None:
    with app.app_context():
        ids = [an_admin().id, an_admin().id]

    def remove(id: int) -> bool:
        try:
            with transaction() as session:
                accounts.deactivate(session.get_one(User, id), by="test", at=MONDAY)
        except CxloopError:
            return False
        return True

    assert sorted(together(app, *(lambda id=id: remove(id) for id in ids))) == [False, True]


# ------------------------------------------------------------------------------------------------------- tokens


def test_a_token_is_known_by_its_text_which_is_kept_nowhere(in_app: Flask) -> None:
    token, text = a_token()
    assert accounts.token_of(text) is token
    assert text not in stored()
    assert text.rpartition("_")[2] not in stored()


def test_what_is_not_a_live_token_opens_nothing(in_app: Flask) -> None:
    token, text = a_token()
    for wrong in ("", "cxl_", text[:-1], text + "x", text[:-1] + ("A" if text[-1] != "A" else "B"), text.upper()):
        assert accounts.token_of(wrong) is None
    with transaction():
        accounts.revoke_token(token, by="test", at=MONDAY)
    assert accounts.token_of(text) is None
    with transaction():
        accounts.revoke_token(token, by="test", at=MONDAY)
    assert [event.kind for event in events.of(f"token:{token.id}")] == ["token_added", "token_revoked"]


def test_a_token_goes_with_its_owner(in_app: Flask) -> None:
    user = an_agent()
    with transaction():
        _, text = accounts.add_token("theirs", scopes=["feedback:write"], user=user, by="test", at=MONDAY)
    assert accounts.token_of(text) is not None
    with transaction():
        accounts.deactivate(user, by="test", at=MONDAY)
    assert accounts.token_of(text) is None


def test_an_unknown_scope_is_refused(in_app: Flask) -> None:
    with pytest.raises(Invalid, match="Unknown scope 'everything'"):
        a_token(("feedback:write", "everything"))
