"""`cxloop status`: how the installation stands."""

import enum
import json
from datetime import datetime
from typing import Any

import click
import sqlalchemy as sa

from cxloop import jobs
from cxloop.cases.models import Case, State
from cxloop.cli.installation import installation
from cxloop.clock import now
from cxloop.db import Base, db
from cxloop.intake.models import Feedback
from cxloop.notices.models import Notice, NoticeState
from cxloop.sla.clocks import ClockState
from cxloop.sla.models import Promise


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(as_json: bool) -> None:
    """How much feedback there is, how cases, promises and notices stand, and whether a worker is alive."""
    with installation():
        found, beat = _counts(), jobs.last_beat()
    if as_json:
        click.echo(json.dumps(found | {"worker": {"last_beat": beat.isoformat() if beat else None}}))
        return
    click.echo(f"feedback  {found['feedback']:,}, of it {found['untagged']:,} untagged")
    for name in ("cases", "promises", "notices"):
        counts = ", ".join(f"{count:,} {state}" for state, count in found[name].items() if count)
        click.echo(f"{name:<8}  {counts or 'none'}")
    click.echo(f"worker    {_alive(beat, now())}")


def _counts() -> dict[str, Any]:
    return {
        "feedback": _number(sa.select(sa.func.count()).select_from(Feedback)),
        "untagged": _number(sa.select(sa.func.count()).select_from(Feedback).where(Feedback.tagged_at.is_(None))),
        "cases": _by_state(Case, State),
        "promises": _by_state(Promise, ClockState),
        "notices": _by_state(Notice, NoticeState),
    }


def _number(query: sa.Select[Any]) -> int:
    return db.session.scalar(query) or 0


def _by_state(rows: type[Base], states: type[enum.Enum]) -> dict[str, int]:
    column: Any = rows.state  # type: ignore[attr-defined]
    found = db.session.execute(sa.select(column, sa.func.count()).group_by(column))
    counts = {state: count for state, count in found}  # noqa: C416  (rows are no pairs to a type checker)
    return {state.value: counts.get(state, 0) for state in states}


def _alive(beat: datetime | None, at: datetime) -> str:
    if beat is None:
        return "none has run yet: start one with `cxloop work`"
    silent = at - beat
    if silent > jobs.SILENT_AFTER:
        return f"none is alive, the last beat was at {beat:%Y-%m-%d %H:%M:%S} UTC: start one with `cxloop work`"
    return f"alive, last beat {max(0, int(silent.total_seconds()))} s ago"
