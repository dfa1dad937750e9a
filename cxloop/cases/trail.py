"""Whether every case stands as its events say: a chain whose end was cut off does not explain its case any more."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from cxloop.cases.models import Case, Kind, Message, Outcome, State
from cxloop.db import db
from cxloop.events import Event

MOVES_TOLD = (
    "case_opened", "case_opened_up", "case_waits", "case_resumed", "case_resolved", "case_closed", "case_reopened",
)  # fmt: skip
MESSAGES_TOLD = tuple(f"{kind.value}_added" for kind in Kind if kind != Kind.FEEDBACK)


def first_fault() -> str | None:
    """The first case that its chain does not account for, and why, in words. Constant memory."""
    with db.session.execute(_cases_and_chains().execution_options(yield_per=1000)) as rows:
        for row in rows:
            for fault in _faults(row):
                return f"case:{row.id}: {fault}"
    return None


def _cases_and_chains() -> sa.Select[Any]:
    """One statement, so that what is done meanwhile cannot stand between a case and its events."""
    mine = sa.literal("case:") + sa.cast(Case.id, sa.String)
    newest = sa.select(sa.func.max(Event.seq)).where(Event.subject == mine, Event.kind.in_(MOVES_TOLD))
    told = sa.select(sa.func.count()).where(Event.subject == mine, Event.kind.in_(MESSAGES_TOLD))
    said = sa.select(sa.func.count()).where(Message.case_id == Case.id, Message.kind != Kind.FEEDBACK)
    move = aliased(Event, name="move")
    return (
        sa.select(
            Case.id,
            Case.state,
            Case.outcome,
            Case.closed_at,
            move.kind,
            move.data,
            move.at,
            told.correlate(Case).scalar_subquery().label("told"),
            said.correlate(Case).scalar_subquery().label("said"),
        )
        .outerjoin(move, (move.subject == mine) & (move.seq == newest.correlate(Case).scalar_subquery()))
        .order_by(Case.id)
    )


def _faults(row: Any) -> Iterator[str]:
    if row.kind is None:
        yield "the case is there, and no event says that it was opened"
        return
    state, outcome, closed_at = _last_move(row)
    if row.state != state:
        yield f"it is {row.state.value}, and its events leave it {state.value}"
    if (row.outcome, row.closed_at) != (outcome, closed_at):
        yield "how or when it was closed is not what its events say"
    if row.said > row.told:
        yield f"it holds {row.said} messages from and to the customer or inside, and its events tell of {row.told}"


def _last_move(row: Any) -> tuple[State, Outcome | None, datetime | None]:
    """The state in which the chain leaves the case; of a closed one also how and when."""
    state = State(row.data.get("to", State.NEW.value))
    return (state, Outcome(row.data["outcome"]), row.at) if state == State.CLOSED else (state, None, None)
