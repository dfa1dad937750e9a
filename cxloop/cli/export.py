"""`cxloop export`: feedback, cases or events as CSV or JSON Lines, row by row, in constant memory, without secrets."""

import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import click
import sqlalchemy as sa
from sqlalchemy.orm import aliased

from cxloop.accounts.models import Team, User
from cxloop.cases.models import Case, CaseFeedback
from cxloop.cli.installation import installation
from cxloop.customers.models import Customer, Identity, Kind
from cxloop.db import db
from cxloop.errors import CxloopError
from cxloop.events import Event
from cxloop.intake.models import Feedback, Source
from cxloop.intake.spreadsheets import guarded
from cxloop.sla.models import Aim, Promise
from cxloop.tagging.models import Tag

AT_A_TIME = 500
"""Rows fetched together."""

Cells = dict[str, Any]


@click.command()
@click.argument("what", type=click.Choice(["feedback", "cases", "events"]))
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Else the standard output.")
@click.option("--source", metavar="NAME", help="Only the feedback of this source, as one import takes it.")
def export(what: str, form: str, output: Path | None, source: str | None) -> None:
    """Write all feedback, cases or events, the oldest first.

    `cxloop import` reads exported feedback again. In CSV a cell that a spreadsheet would run as a formula has an
    apostrophe before it. The file holds what people said and who they are: keep it as you keep the database.
    """
    if source and what != "feedback":
        raise click.UsageError("--source goes with feedback alone.")
    with installation(), _place(output) as file:
        query = _feedback(source) if what == "feedback" else _cases() if what == "cases" else _events()
        count = _FORMS[form](query, _ROWS[what], file)
    if output:
        click.echo(f"Wrote {count:,} rows to {output}.", err=True)


def _write_csv(query: sa.Select[Any], cells: Callable[[Any], Cells], file: TextIO) -> int:
    count, table = 0, csv.writer(file)
    table.writerow(column.key for column in query.selected_columns)
    for row in _stream(query):
        table.writerow(map(_cell, cells(row).values()))
        count += 1
    return count


def _write_lines(query: sa.Select[Any], cells: Callable[[Any], Cells], file: TextIO) -> int:
    count = 0
    for row in _stream(query):
        print(json.dumps(cells(row), default=datetime.isoformat, ensure_ascii=False), file=file)
        count += 1
    return count


_FORMS = {"csv": _write_csv, "jsonl": _write_lines}


def _stream(query: sa.Select[Any]) -> Iterator[Any]:
    with db.session.execute(query, execution_options={"yield_per": AT_A_TIME}) as rows:
        yield from rows


def _cell(value: Any) -> Any:
    """Numbers stay numbers; words are guarded."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        value = json.dumps(value, sort_keys=True, ensure_ascii=False)
    if isinstance(value, list):
        value = " ".join(map(str, value))
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return guarded(value) if isinstance(value, str) else value


@contextmanager
def _place(output: Path | None) -> Iterator[TextIO]:
    """The standard output, or a file that only its owner may read and that appears when it is complete."""
    if output is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")
        yield sys.stdout
        return
    part = output.with_name(f"{output.name}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise CxloopError(f"{output} cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            yield file
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


def _feedback(source: str | None) -> sa.Select[Any]:
    """Columns named so that `cxloop import` knows them again."""
    handle = (
        sa.select(sa.func.min(Identity.value))
        .where(Identity.customer_id == Feedback.customer_id, Identity.kind == Kind.REF)
        .where(Identity.value.startswith(sa.cast(Feedback.source_id, sa.String) + ":"))
        .scalar_subquery()
    )
    query = (
        sa.select(Feedback.external_id.label("id"), Source.name.label("source"), Source.kind, Feedback.text)
        .add_columns(Feedback.score.label("rating"), Feedback.score, Feedback.scale, Feedback.question)
        .add_columns(Feedback.occurred_at.label("when"), Customer.name, Customer.email, handle.label("customer"))
        .add_columns(Feedback.received_at.label("arrived_at"), Tag.sentiment, Tag.causes, Tag.urgency)
        .add_columns(Tag.model.label("tagged_by"), CaseFeedback.case_id.label("case"))
        .join(Source, Source.id == Feedback.source_id)
        .join(Customer, Customer.id == Feedback.customer_id)
        .outerjoin(Tag, Tag.feedback_id == Feedback.id)
        .outerjoin(CaseFeedback, CaseFeedback.feedback_id == Feedback.id)
        .order_by(Feedback.id)
    )
    if source is None:
        return query
    known = db.session.scalar(sa.select(Source.id).where(Source.name == source))
    if known is None:
        raise CxloopError(f"There is no source {source!r}.")
    return query.where(Feedback.source_id == known)


def _feedback_cells(row: Any) -> Cells:
    """The rating names its scale, so that a file may hold several."""
    cells = _as_selected(row)
    cells["rating"] = _rating(cells["score"], cells["scale"])
    cells["customer"] = cells["customer"].partition(":")[2] if cells["customer"] else None
    cells["causes"] = [cause for cause, _ in cells["causes"]] if cells["causes"] else None
    cells["case"] = f"CX-{cells['case']:05d}" if cells["case"] else None
    return cells


def _rating(score: float | None, scale: str | None) -> str | None:
    """As people write it, and so that no spreadsheet makes a date of it: 8 out of 10."""
    best = (scale or "").partition("-")[2]
    if score is None or scale not in ("0-10", "1-5", "1-7", "0-100"):
        return None if score is None else f"{score:g}"
    return f"{score:g} out of {best}"


def _cases() -> sa.Select[Any]:
    owner, first, final = aliased(User), aliased(Promise), aliased(Promise)
    return (
        sa.select(Case.id, Case.state, Case.waiting_on, Case.outcome, Case.reason, Case.headline, Case.sentiment)
        .add_columns(Case.urgency, Case.cause, Case.confirmed_cause, Case.cycle, Team.name.label("team"))
        .add_columns(owner.email.label("owner"), Customer.name.label("name"), Customer.email.label("email"))
        .add_columns(first.state.label("first_response"), final.state.label("resolution"))
        .add_columns(Case.opened_at, Case.answered_at, Case.escalated_at, Case.resolved_at, Case.closed_at)
        .join(Team, Team.id == Case.team_id)
        .join(Customer, Customer.id == Case.customer_id)
        .outerjoin(owner, owner.id == Case.owner_id)
        .outerjoin(first, _of_cycle(first, Aim.FIRST_RESPONSE))
        .outerjoin(final, _of_cycle(final, Aim.RESOLUTION))
        .order_by(Case.id)
    )


def _of_cycle(promise: Any, aim: Aim) -> sa.ColumnElement[bool]:
    return sa.and_(promise.case_id == Case.id, promise.cycle == Case.cycle, promise.aim == aim)


def _events() -> sa.Select[Any]:
    """The whole chain, so that somebody else can check it."""
    columns = (Event.id, Event.subject, Event.seq, Event.at, Event.by, Event.kind, Event.data, Event.prev, Event.hash)
    return sa.select(*columns).order_by(Event.id)


def _as_selected(row: Any) -> Cells:
    return {name: getattr(value, "value", value) for name, value in row._mapping.items()}


_ROWS: dict[str, Callable[[Any], Cells]] = {"feedback": _feedback_cells, "cases": _as_selected, "events": _as_selected}
