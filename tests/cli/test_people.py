"""`cxloop user …` and `cxloop token …`."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from cxloop import accounts
from cxloop.accounts.models import ApiToken, Role, SignInLink, User
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.errors import Gone, NotFound
from cxloop.events import Event
from tests.factories import a_user

Cxloop = Callable[..., Result]


def people(cxloop: Cxloop) -> dict[str, dict[str, Any]]:
    return {row["email"]: row for row in json.loads(cxloop("user", "list", "--json").stdout)}


def secret_of(link: str) -> str:
    return link.strip().rpartition("/sign-in/")[2]


def test_an_added_user_gets_a_link_that_signs_them_in_once(cxloop: Cxloop, app: Flask) -> None:
    done = cxloop("user", "add", "Ana@Firm.test", "--name", "Ana Lind", "--role", "agent", BASE_URL="https://care.test")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("https://care.test/sign-in/"), "links carry the configured address"
    assert "ana@firm.test" in done.stderr
    with app.app_context():
        with transaction():
            signed_in, _ = accounts.use_sign_in_link(secret_of(done.stdout), at=now())
            assert (signed_in.email, signed_in.role) == ("ana@firm.test", Role.AGENT)
        with pytest.raises(Gone), transaction():
            accounts.use_sign_in_link(secret_of(done.stdout), at=now())


def test_a_password_is_read_from_the_input_and_printed_nowhere(cxloop: Cxloop, app: Flask) -> None:
    password = "correct horse battery"
    done = cxloop(
        "user", "add", "bo@firm.test", "--name", "Bo", "--role", "admin", "--password-stdin", stdin=f"{password}\n"
    )
    assert done.exit_code == 0, done.output
    assert password not in done.output
    assert "sign-in" not in done.output
    with app.app_context(), transaction():
        assert accounts.sign_in("bo@firm.test", password, at=now())[0].role == Role.ADMIN


def test_a_password_that_is_too_short_adds_nobody(cxloop: Cxloop) -> None:
    done = cxloop("user", "add", "bo@firm.test", "--name", "Bo", "--role", "agent", "--password-stdin", stdin="short\n")
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert "10 characters" in done.stderr
    assert people(cxloop) == {}


@pytest.mark.parametrize(
    ("email", "name", "role", "code"),
    [
        ("not an address", "Ana", "agent", 1),
        ("ana@firm.test", " ", "agent", 2),
        ("ana@firm.test", "Ana\nBcc: all@firm.test", "agent", 2),
        ("ana@firm.test", "A" * 121, "agent", 2),
        ("ana@firm.test", "Ana", "boss", 2),
    ],
)
def test_what_cannot_serve_is_refused_in_words(cxloop: Cxloop, email: str, name: str, role: str, code: int) -> None:
    done = cxloop("user", "add", email, "--name", name, "--role", role)
    assert done.exit_code == code
    assert "Traceback" not in done.output
    assert people(cxloop) == {}


def test_the_same_address_is_added_once(cxloop: Cxloop) -> None:
    for expected in (0, 1):
        done = cxloop("user", "add", "ana@firm.test", "--name", "Ana", "--role", "agent")
        assert done.exit_code == expected
    assert "ana@firm.test already" in done.stderr
    assert done.stdout == ""


def test_the_list_names_everybody_and_says_who_may_no_longer_come_in(cxloop: Cxloop, given: Callable[..., Any]) -> None:
    given(a_user, Role.ADMIN, email="tom@firm.test")
    given(a_user, Role.AGENT, email="ana@firm.test", name="Ana", team="Stores")
    assert cxloop("user", "deactivate", "ana@firm.test").exit_code == 0
    listed = people(cxloop)
    assert listed["ana@firm.test"]["active"] is False
    assert listed["ana@firm.test"]["team"] == "Stores"
    assert listed["tom@firm.test"]["active"] is True
    assert "tom@firm.test" in cxloop("user", "list").stdout


def test_the_list_does_not_let_a_name_talk_to_the_terminal(cxloop: Cxloop, given: Callable[..., Any]) -> None:
    given(a_user, name="Ana \x1b[2J")
    listed = cxloop("user", "list").stdout
    assert "\x1b" not in listed
    assert r"Ana \x1b[2J" in listed


def test_nobody_deactivates_the_last_admin(cxloop: Cxloop, given: Callable[..., Any]) -> None:
    given(a_user, Role.ADMIN, email="tom@firm.test")
    done = cxloop("user", "deactivate", "tom@firm.test")
    assert (done.exit_code, people(cxloop)["tom@firm.test"]["active"]) == (1, True)


def test_who_was_deactivated_is_reactivated_and_not_added_again(
    cxloop: Cxloop, app: Flask, given: Callable[..., Any]
) -> None:
    password = "correct horse battery"
    given(a_user, email="ana@firm.test", password=password)
    cxloop("user", "deactivate", "ana@firm.test")
    again = cxloop("user", "add", "ana@firm.test", "--name", "Ana", "--role", "agent")
    assert (again.exit_code, "reactivate" in again.stderr) == (1, True)
    done = cxloop("user", "reactivate", "ANA@firm.test")
    assert (done.exit_code, "can sign in again, as agent" in done.stdout) == (0, True)
    with app.app_context():
        with transaction():
            assert accounts.sign_in("ana@firm.test", password, at=now())[0].active
        recorded = db.session.execute(sa.select(Event.kind, Event.by).where(Event.subject == "user:1")).all()
        assert ("user_reactivated", "cli") in [tuple(row) for row in recorded]
    assert cxloop("user", "reactivate", "ana@firm.test").exit_code == 1
    assert cxloop("user", "reactivate", "nobody@firm.test").exit_code == 1


def test_a_new_link_is_for_people_who_may_come_in(cxloop: Cxloop, app: Flask, given: Callable[..., Any]) -> None:
    given(a_user, email="ana@firm.test")
    done = cxloop("user", "link", " ANA@firm.test")
    with app.app_context(), transaction():
        assert accounts.use_sign_in_link(secret_of(done.stdout), at=now())[0].email == "ana@firm.test"
    cxloop("user", "deactivate", "ana@firm.test")
    assert cxloop("user", "link", "ana@firm.test").exit_code == 1
    unknown = cxloop("user", "link", "nobody@firm.test")
    assert unknown.exit_code == 1
    assert unknown.stderr == "cxloop: There is no user nobody@firm.test: see `cxloop user list`.\n"


def test_the_database_keeps_only_the_hash_of_a_link(cxloop: Cxloop, app: Flask, given: Callable[..., Any]) -> None:
    given(a_user, email="ana@firm.test")
    secret = secret_of(cxloop("user", "link", "ana@firm.test").stdout)
    with app.app_context():
        assert secret not in db.session.scalars(sa.select(SignInLink.hash)).one()


def test_what_is_done_here_is_recorded_as_the_command_lines(cxloop: Cxloop, app: Flask) -> None:
    cxloop("user", "add", "ana@firm.test", "--name", "Ana", "--role", "agent")
    cxloop("token", "add", "crm")
    with app.app_context():
        recorded = db.session.execute(sa.select(Event.kind, Event.by).order_by(Event.id)).all()
    assert [tuple(row) for row in recorded] == [("user_added", "cli"), ("token_added", "cli")]


def test_a_token_is_shown_once_and_works(cxloop: Cxloop, app: Flask) -> None:
    done = cxloop("token", "add", "crm")
    text = done.stdout.strip()
    with app.app_context():
        token = accounts.token_of(text)
        assert token is not None
        assert (token.name, token.scopes) == ("crm", ["feedback:write"])
    for listed in (cxloop("token", "list").output, cxloop("token", "list", "--json").output):
        assert "crm" in listed
        assert text not in listed
        assert text.rpartition("_")[2] not in listed


@pytest.mark.parametrize("named_by", ["id", "prefix", "bare prefix"])
def test_a_revoked_token_opens_nothing(cxloop: Cxloop, app: Flask, named_by: str) -> None:
    text = cxloop("token", "add", "crm").stdout.strip()
    other = cxloop("token", "add", "till").stdout.strip()
    [row] = [row for row in json.loads(cxloop("token", "list", "--json").stdout) if row["name"] == "crm"]
    name = {"id": row["id"], "prefix": row["prefix"], "bare prefix": row["prefix"].removeprefix("cxl_")}[named_by]
    assert cxloop("token", "revoke", name).exit_code == 0
    with app.app_context():
        assert accounts.token_of(text) is None
        assert accounts.token_of(other) is not None
        assert len(db.session.scalars(sa.select(ApiToken).where(ApiToken.revoked_at.is_(None))).all()) == 1


@pytest.mark.parametrize("name", ["9", "cxl_000000000000", "crm", "٣"])
def test_revoking_what_there_is_not_says_so(cxloop: Cxloop, name: str) -> None:
    done = cxloop("token", "revoke", name)
    assert done.exit_code == 1
    assert done.stderr == f"cxloop: There is no token {name}: see `cxloop token list`.\n"


def test_a_token_of_somebody_ends_with_them(cxloop: Cxloop, app: Flask, given: Callable[..., Any]) -> None:
    given(a_user, Role.AGENT, email="ana@firm.test")
    text = cxloop("token", "add", "crm", "--user", "ana@firm.test").stdout.strip()
    with app.app_context():
        token = accounts.token_of(text)
        assert token is not None
        assert db.session.get_one(User, token.user_id).email == "ana@firm.test"
    cxloop("user", "deactivate", "ana@firm.test")
    with app.app_context():
        assert accounts.token_of(text) is None


def test_a_token_has_only_scopes_that_there_are(cxloop: Cxloop) -> None:
    assert cxloop("token", "add", "crm", "--scope", "everything").exit_code == 2
    assert json.loads(cxloop("token", "list", "--json").stdout) == []


def test_an_unknown_password_opens_nothing_for_a_user_with_a_link(cxloop: Cxloop, app: Flask) -> None:
    cxloop("user", "add", "ana@firm.test", "--name", "Ana", "--role", "agent")
    with app.app_context(), pytest.raises(NotFound), transaction():
        accounts.sign_in("ana@firm.test", "", at=now())


def test_a_password_is_set_from_the_input_or_typed_unseen_twice(cxloop: Cxloop, app: Flask) -> None:
    with app.app_context():
        person = a_user(email="ana@firm.test")
        with transaction():
            secret = accounts.open_session(person, at=now())
    first, second = "correct horse battery", "another staple, longer"
    for password, arguments, stdin in (
        (first, ("--stdin",), f"{first}\n"),
        (second, (), f"{second}\n{second}\n"),
    ):
        done = cxloop("user", "password", "Ana@firm.test", *arguments, stdin=stdin)
        assert done.exit_code == 0, done.output
        assert password not in done.output
        assert done.stdout.startswith("The password of")
        with app.app_context():
            assert accounts.session_of(secret, at=now()) is None
            with transaction():
                _, secret = accounts.sign_in("ana@firm.test", password, at=now())


@pytest.mark.parametrize(("email", "password"), [("ana@firm.test", "short"), ("nobody@firm.test", "long enough, this")])
def test_a_password_that_cannot_be_set_is_said_in_one_line(
    cxloop: Cxloop, app: Flask, email: str, password: str
) -> None:
    with app.app_context():
        a_user(email="ana@firm.test")
    done = cxloop("user", "password", email, "--stdin", stdin=f"{password}\n")
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
