"""Everything the case page shows, gathered in a handful of queries."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from cxloop import events, sla, tagging
from cxloop.accounts.models import User
from cxloop.cases import Case, State, queries
from cxloop.cases.models import WITH_REASON
from cxloop.db import db
from cxloop.events import Event
from cxloop.notices import Notice
from cxloop.tagging.taxonomy import SENTIMENTS
from cxloop.web import rows, story, understood
from cxloop.web.forms import Attempt
from cxloop.web.understood import Understood
from cxloop.web.words import ClockWords, ago, clock, state_detail


@dataclass(frozen=True, slots=True)
class Trail:
    """One event of the audit trail, as it is kept."""

    seq: int
    at: datetime
    by: str
    kind: str
    data: str
    hash: str


@dataclass(frozen=True, slots=True)
class CasePage:
    case: Case
    at: datetime
    attempt: Attempt
    live: bool
    detail: str
    received: str
    clocks: list[ClockWords]
    story: list[story.Said | story.Done]
    understood: list[Understood]
    sentiments: list[tuple[str, str]]
    causes: list[tuple[str, str]]
    urgencies: list[tuple[str, str]]
    cause: str
    colleagues: list[User]
    earlier: list[rows.Row]
    endings: list[tuple[str, str]]
    checks: list[tuple[str, bool]]
    trail: list[Trail]
    ticket: str = field(default_factory=partial(secrets.token_urlsafe, 16))
    """Names this view of the page."""


def of(case: Case, at: datetime, attempt: Attempt | None = None) -> CasePage:
    happened, messages = events.of(case.subject), queries.messages(case)
    notices = list(db.session.scalars(sa.select(Notice).where(Notice.case_id == case.id)))
    names, causes = _names(case, happened, [message.by for message in messages]), tagging.cause_names()
    return CasePage(
        case=case,
        at=at,
        attempt=attempt or Attempt(),
        live=case.state not in (State.RESOLVED, State.CLOSED),
        detail=state_detail(case),
        received=ago(case.opened_at, at),
        clocks=[clock(promise, case, at) for promise in sla.of(case) if promise.cycle == case.cycle],
        story=story.tell(messages, happened, notices, {**causes, **names}, at),
        understood=understood.of(case, names, causes),
        sentiments=_choices(SENTIMENTS),
        causes=[(cause.key, cause.name) for cause in tagging.causes()],
        urgencies=_choices(rows.URGENCIES),
        cause=rows.cause_name(case.confirmed_cause or case.cause, causes),
        colleagues=_colleagues(case),
        earlier=rows.of(queries.earlier(case), at),
        endings=[(outcome.value, outcome.value.capitalize()) for outcome in sorted(WITH_REASON)],
        checks=[("The customer has heard from a person", case.answered_at is not None)],
        trail=[_kept(event, names) for event in happened],
    )


def _choices(values: Iterable[str]) -> list[tuple[str, str]]:
    return [(value, value) for value in values]


def _names(case: Case, happened: list[Event], spoke: list[str]) -> dict[str, str]:
    """What to call everybody who appears in the story."""
    actors = {event.by for event in happened} | set(spoke)
    actors |= {f"user:{event.data[key]}" for event in happened for key in ("owner", "to") if event.data.get(key)}
    ids = [int(id) for kind, _, id in (actor.partition(":") for actor in actors) if kind == "user" and id.isdecimal()]
    people = {user.actor: user.name for user in db.session.scalars(sa.select(User).where(User.id.in_(ids)))}
    return people | {case.customer.actor: case.customer.shown_name}


def _colleagues(case: Case) -> list[User]:
    """Those who can own the case."""
    team = sa.select(User).where(User.team_id == case.team_id, User.active).order_by(User.name)
    return list(db.session.scalars(team))


def _kept(event: Event, names: Mapping[str, str]) -> Trail:
    data = ", ".join(f"{key} {value}" for key, value in event.data.items() if value is not None)
    return Trail(event.seq, event.at, story.actor(event.by, names), event.kind.replace("_", " "), data, event.hash[:12])
