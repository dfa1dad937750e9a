"""What a customer is shown of their case: what they told us, who does what about it, and the next promised time.

Nothing of the inside: no notes, no tags, first names only.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from cxloop import sla
from cxloop.accounts.models import User
from cxloop.cases import Case, Kind, Message, Outcome, State, WaitingOn, queries
from cxloop.db import db
from cxloop.sla import Aim, Promise
from cxloop.web.story import Said
from cxloop.web.words import ago

PROMISES = {Aim.FIRST_RESPONSE: "You will hear from us by", Aim.RESOLUTION: "We want to have it put right by"}
BROKEN = {Aim.FIRST_RESPONSE: "an answer", Aim.RESOLUTION: "to have it put right"}
ENDINGS = {
    Outcome.CONFIRMED: "You told us that it is fixed. Thank you for saying so.",
    Outcome.UNCONFIRMED: "We have not heard whether it is fixed, so we closed it for now.",
    Outcome.UNREACHABLE: "We could not reach you, so we closed it for now.",
    Outcome.WITHDRAWN: "It is closed, because it was withdrawn.",
    Outcome.REFERRED: "It was passed on to those who can decide it, and is closed here.",
}


@dataclass(frozen=True, slots=True)
class Due:
    """The next promised time: a sentence that ends in a moment."""

    sentence: str
    words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CustomerPage:
    case: Case
    told: list[str]
    """What the customer told us, each time in their own words."""
    told_when: str
    stands: str
    doing: str
    due: Due | None
    late: str
    """What we promised and did not keep, as a sentence; empty if there is nothing of the kind."""
    solution: str
    """What was done, on which the customer has the last word."""
    said: list[Said]
    asks_verdict: bool
    may_write: bool
    may_object: bool
    ticket: str = field(default_factory=partial(secrets.token_urlsafe, 16))
    """Of this view of the page: a message that is sent twice from it is one."""


def of(case: Case, at: datetime) -> CustomerPage:
    messages = [message for message in queries.messages(case) if message.kind is not Kind.NOTE]
    told = [message for message in messages if message.kind is Kind.FEEDBACK]
    solved = [message for message in messages if message.kind is Kind.RESOLUTION][-1:] if _is_resolved(case) else []
    owed = _owed(case)
    return CustomerPage(
        case=case,
        told=[message.body for message in told],
        told_when=ago(told[0].at, at) if told else "",
        stands=_stands(case),
        doing=_doing(case, _first_names(solved)),
        due=_due(owed, at),
        late=_apology([promise for promise in owed if _is_broken(promise, at)], case, at),
        solution="".join(message.body for message in solved),
        said=_said([message for message in messages if message not in told + solved], at),
        asks_verdict=_is_resolved(case),
        may_write=case.state not in (State.RESOLVED, State.CLOSED),
        may_object=case.state == State.CLOSED,
    )


def _is_resolved(case: Case) -> bool:
    return case.state == State.RESOLVED


def _owed(case: Case) -> list[Promise]:
    """Promises of the present cycle that are neither kept nor given up."""
    if case.state in (State.RESOLVED, State.CLOSED):
        return []
    return [row for row in sla.of(case) if row.cycle == case.cycle and not row.is_over]


def _is_broken(promise: Promise, at: datetime) -> bool:
    """A deadline that passed a moment ago is broken, swept or not."""
    return promise.breached_at is not None or (promise.due_at is not None and promise.due_at <= at)


def _due(owed: Sequence[Promise], at: datetime) -> Due | None:
    running = [(row.due_at, row) for row in owed if row.due_at and not _is_broken(row, at)]
    if not running:
        return None
    moment, promise = min(running, key=lambda pair: pair[0])
    return Due(PROMISES[promise.aim], _spoken(moment, at, _zone(promise)), moment)


def _apology(broken: Sequence[Promise], case: Case, at: datetime) -> str:
    if not broken:
        return ""
    each = [f"{BROKEN[row.aim]} by {_spoken(row.breached_at or row.due_at or at, at, _zone(row))}" for row in broken]
    more = " A supervisor knows about it." if case.escalated_at else ""
    return f"We promised you {' and '.join(each)}. We are late, and we are sorry.{more}"


def _spoken(moment: datetime, at: datetime, zone: str) -> str:
    """A moment as one says it to a customer: today at 14:00 UTC, Thursday 26 November at 14:00 UTC."""
    there, today = moment.astimezone(ZoneInfo(zone)), at.astimezone(ZoneInfo(zone)).date()
    named = {0: "today", 1: "tomorrow", -1: "yesterday"}
    day = named.get((there.date() - today).days, f"{there:%A} {there.day} {there:%B}")
    return f"{day} at {there:%H:%M} {there.tzname()}"


def _zone(promise: Promise) -> str:
    return str(promise.hours.get("timezone", "UTC"))


def _who(case: Case) -> str:
    return case.owner.first_name if case.owner else f"Our {case.team.name} team"


def _stands(case: Case) -> str:
    """The state in two or three words."""
    match case.state:
        case State.NEW:
            return "We have it"
        case State.OPEN:
            return "We are working on it"
        case State.WAITING:
            return (
                "We need something from you" if case.waiting_on == WaitingOn.CUSTOMER else "We wait for somebody else"
            )
        case State.RESOLVED:
            return "Is it fixed?"
    return "Closed"


def _doing(case: Case, solvers: Mapping[str, str]) -> str:
    """What is being done, and by whom; what was done, by whoever did it."""
    match case.state:
        case State.NEW:
            return f"{_who(case)} is looking after it."
        case State.OPEN:
            again = " again" if case.cycle > 1 else ""
            return f"{_who(case)} is working on it{again}."
        case State.WAITING if case.waiting_on == WaitingOn.CUSTOMER:
            return f"{_who(case)} has asked you something and goes on as soon as you answer."
        case State.WAITING:
            return f"{_who(case)} waits for an answer from somebody else, and stays with it."
        case State.RESOLVED:
            return f"{next(iter(solvers.values()), _who(case))} has done what is written below. You have the last word."
    return ENDINGS.get(case.outcome, "It is closed.") if case.outcome else "It is closed."


def _said(messages: Sequence[Message], at: datetime) -> list[Said]:
    names = _first_names(messages)
    return [
        Said(
            who="You" if message.from_customer else names.get(message.by, "We"),
            at=message.at,
            words=ago(message.at, at),
            direction="in" if message.from_customer else "out",
            text=message.body,
        )
        for message in messages
    ]


def _first_names(messages: Sequence[Message]) -> dict[str, str]:
    ids = {int(id) for kind, _, id in (message.by.partition(":") for message in messages) if kind == "user"}
    people = db.session.scalars(sa.select(User).where(User.id.in_(ids))) if ids else ()
    return {user.actor: user.first_name for user in people}
