"""Makes an installation ready to run, with or without the demo, and says how to get in."""

from collections.abc import Iterator

import click
import sqlalchemy as sa
from flask import Flask

from cxloop import demo
from cxloop.accounts.models import User
from cxloop.cli import schema
from cxloop.cli.installation import make_app
from cxloop.clock import now
from cxloop.db import db
from cxloop.drains import Kit


def prepare_installation(*, with_demo: bool) -> str:
    """Data folder, secret, database, demo; returns what to tell whoever started it. Raises CxloopError.

    Settings that only the worker reads are looked at here too, so that it does not die of them again and again.
    """
    app = make_app()
    kit = Kit.of(app)
    schema.upgrade(app)
    with app.app_context():
        return "\n".join(_told(app, kit, with_demo=with_demo))


def _told(app: Flask, kit: Kit, *, with_demo: bool) -> Iterator[str]:
    address = app.config["BASE_URL"].rstrip("/")
    yield f"cxloop runs at {address}"
    yield from _demo(app, kit) if with_demo else _first_steps()
    if not app.config["SMTP_URL"]:
        yield f"No mail leaves this machine (CXLOOP_SMTP_URL is not set): read what would at {address}/outbox"
    yield "Ctrl-C ends it."


def _demo(app: Flask, kit: Kit) -> Iterator[str]:
    seeded = demo.in_place()
    if seeded is None:
        click.echo("The first time that takes a moment.", err=True)
        seeded = demo.seed(tagger=kit.tagger(), at=now())
    doors, links = demo.let_in(at=now()), app.extensions["cxloop.links"]
    people = (doors.agent, doors.supervisor, doors.admin)
    widest = max(len(who.name) for who in people)
    yield str(seeded)
    yield "Sign in; each link works once, and every start makes new ones:"
    for who in people:
        yield f"  {who.role.value:<10}  {who.name:<{widest}}  {links.sign_in(who.secret)}"
    yield f"Answer a survey: {links.survey(doors.survey_key)}"
    if seeded.new:
        yield "A promise breaks in about two minutes: the supervisor's board shows what happens then."


def _first_steps() -> Iterator[str]:
    if db.session.scalar(sa.select(User.id).where(User.active).limit(1)) is None:
        yield "Nobody can sign in yet. Add the first admin in another terminal, in this folder:"
        yield '  cxloop user add you@example.com --name "Your Name" --role admin'
