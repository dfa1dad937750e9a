"""`cxloop verify`: whether the record of events is whole, and accounts for what stands in the tables."""

from typing import Any

import click
import sqlalchemy as sa

from cxloop import events
from cxloop.accounts.models import ApiToken, User
from cxloop.cases import trail
from cxloop.cli.installation import installation
from cxloop.db import db
from cxloop.events import Event
from cxloop.intake.models import Feedback, Source
from cxloop.surveys.models import Survey

BEGIN_WITH_AN_EVENT: dict[str, Any] = {
    "feedback": Feedback, "source": Source, "survey": Survey, "user": User, "token": ApiToken,
}  # fmt: skip


@click.command()
def verify() -> None:
    """Walk the chains of events and compare them with the cases; exit code 1, and the first fault named, if any."""
    with installation():
        verdict = events.verify()
        broken = verdict.broken or trail.first_fault() or _without_events()
    click.echo(f"{verdict.events:,} events were walked.")
    if broken:
        click.echo(f"Broken: {broken}.")
        raise SystemExit(1)
    click.echo("Every chain is whole, and every case stands as its chain says.")


def _without_events() -> str | None:
    """The first of the other things whose beginning is always recorded, and that has no events."""
    for name, rows in BEGIN_WITH_AN_EVENT.items():
        subject = sa.literal(f"{name}:") + sa.cast(rows.id, sa.String)
        bare = sa.select(rows.id).where(~sa.exists().where(Event.subject == subject)).order_by(rows.id).limit(1)
        found = db.session.scalar(bare)
        if found is not None:
            return f"{name}:{found}: it is there, and no event says how it came"
    return None
