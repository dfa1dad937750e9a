"""`cxloop migrate`: once for each new version, before its processes start."""

import click

from cxloop.cli import schema
from cxloop.cli.installation import make_app


@click.command()
def migrate() -> None:
    """Bring the database to the version of this code."""
    changed = schema.upgrade(make_app())
    click.echo("The database is migrated." if changed else "The database is up to date.")
