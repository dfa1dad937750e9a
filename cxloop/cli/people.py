"""`cxloop user …` and `cxloop token …`: who may use this installation, people and programs."""

import sys
from typing import Any

import click
import sqlalchemy as sa

from cxloop import accounts
from cxloop.accounts.models import ApiToken, Role, User
from cxloop.cli.installation import BY, installation
from cxloop.cli.tables import one_line, show
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.errors import Conflict, NotFound


@click.group()
def user() -> None:
    """The people who work here: add, list, deactivate, reactivate, let in."""


@user.command("add")
@click.argument("email")
@click.option("--name", required=True, callback=one_line(120), help="Customers are told the first name.")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@click.option("--team", default=accounts.DEFAULT_TEAM, show_default=True, callback=one_line(80))
@click.option("--password-stdin", is_flag=True, help="Read a password from the first line of the input.")
def add_user(email: str, name: str, role: str, team: str, password_stdin: bool) -> None:
    """Add a person, and print a link that signs them in once within a day (or set a password)."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    with installation() as app, transaction():
        person = accounts.add_user(
            email=email, name=name, role=Role(role), password=password, team_name=team, by=BY, at=now()
        )
        link = None if password_stdin else accounts.offer_sign_in_link(person, at=now())
        added = f"Added {person.name} <{person.email}> as {role} in the team {person.team.name}."
    click.echo(added, err=True)
    if link:
        click.echo(app.extensions["cxloop.links"].sign_in(link))


@user.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_users(as_json: bool) -> None:
    """Everybody, also who was deactivated."""
    with installation():
        show(
            map(_user, db.session.scalars(sa.select(User).order_by(User.email))), as_json=as_json, nothing="Nobody yet."
        )


@user.command("link")
@click.argument("email")
def link_user(email: str) -> None:
    """Print a new link that signs a person in once within a day."""
    with installation() as app, transaction():
        person = _person(email)
        if not person.active:
            raise Conflict(f"{person.email} was deactivated and cannot sign in.")
        link = accounts.offer_sign_in_link(person, at=now())
    click.echo(app.extensions["cxloop.links"].sign_in(link))


@user.command("password")
@click.argument("email")
@click.option("--stdin", "from_input", is_flag=True, help="Read the password from the first line of the input.")
def set_password(email: str, from_input: bool) -> None:
    """Set a person's password, asked for on the terminal, and end their sessions."""
    password = _password(from_input)
    with installation(), transaction():
        person = _person(email)
        accounts.change_password(person, password, by=BY, at=now())
        done = f"The password of {person.name} <{person.email}> is set, and their sessions have ended."
    click.echo(done)


@user.command("deactivate")
@click.argument("email")
def deactivate_user(email: str) -> None:
    """Keep a person from signing in, and end their sessions. What they did stays theirs."""
    with installation(), transaction():
        person = _person(email)
        if not person.active:
            raise Conflict(f"{person.email} was deactivated before.")
        accounts.deactivate(person, by=BY, at=now())
        done = f"{person.name} <{person.email}> can no longer sign in."
    click.echo(done)


@user.command("reactivate")
@click.argument("email")
def reactivate_user(email: str) -> None:
    """Let a person who was deactivated sign in again, in the role and with the password they had."""
    with installation(), transaction():
        person = _person(email)
        accounts.reactivate(person, by=BY, at=now())
        done = f"{person.name} <{person.email}> can sign in again, as {person.role.value}."
    click.echo(done)


@click.group()
def token() -> None:
    """The keys by which programs use the API: add, list, revoke."""


@token.command("add")
@click.argument("name", callback=one_line(80))
@click.option(
    "--scope", "scopes", multiple=True, default=accounts.SCOPES, show_default=True, type=click.Choice(accounts.SCOPES)
)
@click.option("--user", "email", metavar="EMAIL", help="Whose it is: it ends when this person is deactivated.")
def add_token(name: str, scopes: tuple[str, ...], email: str | None) -> None:
    """Make a token for the program NAME, and print it: it is shown this once and kept nowhere."""
    with installation(), transaction():
        owner = _person(email) if email else None
        row, text = accounts.add_token(name, scopes=sorted(set(scopes)), user=owner, by=BY, at=now())
        added = f"Token {row.id} for {name}: keep it now, it is not shown again."
    click.echo(added, err=True)
    click.echo(text)


@token.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_tokens(as_json: bool) -> None:
    """Every token by its first characters; the rest of it is known nowhere."""
    query = sa.select(ApiToken, User.email).outerjoin(User, User.id == ApiToken.user_id).order_by(ApiToken.id)
    with installation():
        rows = [_token(row, email) for row, email in db.session.execute(query)]
        show(rows, as_json=as_json, nothing="No tokens yet.")


@token.command("revoke")
@click.argument("token", metavar="ID|PREFIX")
def revoke_token(token: str) -> None:
    """End a token, named by its id or by its first characters as `cxloop token list` shows them."""
    prefix = token.removeprefix("cxl_").partition("_")[0]
    is_it = ApiToken.prefix == prefix if len(prefix) == 12 else ApiToken.id == (int(prefix) if prefix.isdigit() else 0)
    with installation(), transaction():
        row = db.session.scalars(sa.select(ApiToken).where(is_it)).first()
        if row is None:
            raise NotFound(f"There is no token {token}: see `cxloop token list`.")
        accounts.revoke_token(row, by=BY, at=now())
        done = f"The token {row.id} ({row.name}) is revoked."
    click.echo(done)


def _password(from_input: bool) -> str:
    """Typed twice and unseen, or the first line of the input."""
    if from_input:
        return sys.stdin.readline().rstrip("\r\n")
    typed: str = click.prompt("New password", hide_input=True, confirmation_prompt="Once more", err=True)
    return typed


def _person(email: str) -> User:
    found = db.session.scalars(sa.select(User).where(User.email == email.strip().lower())).first()
    if found is None:
        raise NotFound(f"There is no user {email}: see `cxloop user list`.")
    return found


def _user(user: User) -> dict[str, Any]:
    return {
        "email": user.email,
        "name": user.name,
        "role": user.role.value,
        "team": user.team.name,
        "active": user.active,
        "added": user.created_at,
    }


def _token(row: ApiToken, owner: str | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "prefix": f"cxl_{row.prefix}",
        "name": row.name,
        "scopes": row.scopes,
        "user": owner,
        "added": row.created_at,
        "used": row.last_used_at,
        "revoked": row.revoked_at,
    }
