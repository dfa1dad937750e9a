"""`cxloop survey …`: questions to customers, each behind a signed link."""

import click
import sqlalchemy as sa

from cxloop import surveys
from cxloop.cli.installation import BY, installation
from cxloop.cli.tables import one_line, show
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.surveys.models import Survey, SurveyKind


@click.group()
def survey() -> None:
    """Surveys: add, list."""


@survey.command("add")
@click.argument("name", callback=one_line(70))
@click.option("--kind", required=True, type=click.Choice([kind.value for kind in SurveyKind]))
@click.option("--question", callback=one_line(300), help="The usual wording of the kind if not given.")
@click.option("--team", callback=one_line(80), help="Who answers; the first team if not given.")
def add_survey(name: str, kind: str, question: str | None, team: str | None) -> None:
    """Add the survey NAME and print its link: whoever has it can answer."""
    with installation() as app, transaction():
        added = surveys.add(name, SurveyKind(kind), question=question, team=team, by=BY, at=now())
        key, said = added.key, f"Added the survey {added.name}: {added.question}"
    click.echo(said, err=True)
    click.echo(app.extensions["cxloop.links"].survey(key))


@survey.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_surveys(as_json: bool) -> None:
    """Every survey with its link."""
    with installation() as app:
        links = app.extensions["cxloop.links"]
        rows = [
            {
                "name": row.name,
                "kind": row.kind.value,
                "active": row.active,
                "added": row.created_at,
                "question": row.question,
                "link": links.survey(row.key),
            }
            for row in db.session.scalars(sa.select(Survey).order_by(Survey.name))
        ]
        show(rows, as_json=as_json, nothing="No surveys yet.")
