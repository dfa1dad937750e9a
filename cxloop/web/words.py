"""How pages say times and promises, in words. Pure: a moment, the present moment and a zone in, plain English out.

`static/js/clocks.js` says the same words between two requests; `span` and SOON here and there must agree.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Flask

from cxloop.cases.models import Case, State, WaitingOn
from cxloop.sla import Aim, ClockState, Promise

SOON = timedelta(hours=2)
"""A promise with less than this left is marked, and shows on the board."""

AIMS = {Aim.FIRST_RESPONSE: "first response", Aim.RESOLUTION: "resolution"}
WAITS = {WaitingOn.CUSTOMER: "for the customer", WaitingOn.THIRD_PARTY: "for somebody else"}


@dataclass(frozen=True, slots=True)
class ClockWords:
    """One promise as `components/clock.html` shows it: running, soon, breached, paused, kept, late or waived."""

    kind: str
    status: str
    words: str
    due_at: datetime | None
    by: str = ""


def register(app: Flask) -> None:
    """Templates say `moment|ago(at)` and `moment|when(at, zone)`."""
    app.add_template_filter(ago)
    app.add_template_filter(when)


def span(length: timedelta) -> str:
    """A length of time: 35 min, 2 h 10 min, 3 d 4 h."""
    minutes = int(length.total_seconds()) // 60
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def ago(moment: datetime, at: datetime) -> str:
    """A past moment: just now, 35 min ago, 3 h ago, and a date once a day has gone by."""
    passed = int((at - moment).total_seconds())
    if passed < 60:
        return "just now"
    if passed < 3600:
        return f"{passed // 60} min ago"
    if passed < 86_400:
        return f"{passed // 3600} h ago"
    year = f" {moment.year}" if moment.year != at.year else ""
    return f"{moment.day} {moment:%b}{year}, {moment:%H:%M}"


def when(moment: datetime, at: datetime, zone: str = "UTC") -> str:
    """A moment near the present as people name it: 14:05 today, 09:00 tomorrow, 10:00 Thu 26 Nov; with its zone."""
    there, today = moment.astimezone(ZoneInfo(zone)), at.astimezone(ZoneInfo(zone)).date()
    days = (there.date() - today).days
    day = {0: "today", 1: "tomorrow", -1: "yesterday"}.get(days, f"{there:%a} {there.day} {there:%b}")
    return f"{there:%H:%M} {there.tzname()} {day}"


def clock(promise: Promise, case: Case, at: datetime) -> ClockWords:
    """The promise as it stands at `at`; a deadline that passed a moment ago is broken, swept or not."""
    kind, zone = AIMS[promise.aim], str(promise.hours.get("timezone", "UTC"))
    if promise.settled_at:
        return _settled(kind, promise, at)
    deadline = promise.due_at or promise.breached_at
    if promise.state == ClockState.paused or deadline is None:
        waits = WAITS.get(case.waiting_on, "") if case.waiting_on else ""
        return ClockWords(kind, "paused", f"paused, waiting {waits}".strip(", "), None)
    by = f"by {when(deadline, at, zone)}".removesuffix(" today")
    if deadline <= at:
        return ClockWords(kind, "breached", f"breached {span(at - deadline)} ago", deadline, by)
    return ClockWords(kind, "soon" if deadline - at <= SOON else "running", f"{span(deadline - at)} left", deadline, by)


def soonest(promises: list[Promise], case: Case, at: datetime) -> ClockWords | None:
    """The promise that a row shows: of those still owed the one that is due first, else one that is paused."""
    owed = [promise for promise in promises if not promise.settled_at]
    owed.sort(key=lambda promise: (promise.due_at or promise.breached_at) or datetime.max.replace(tzinfo=at.tzinfo))
    return clock(owed[0], case, at) if owed else None


def state_detail(case: Case) -> str:
    """What stands beside the state: whom it waits for, or how it ended."""
    if case.state == State.WAITING and case.waiting_on:
        return WAITS[case.waiting_on]
    if case.state == State.RESOLVED:
        return "waiting for the customer’s verdict"
    return case.outcome.value if case.state == State.CLOSED and case.outcome else ""


def _settled(kind: str, promise: Promise, at: datetime) -> ClockWords:
    assert promise.settled_at is not None
    if promise.state == ClockState.met:
        return ClockWords(kind, "kept", f"kept {ago(promise.settled_at, at)}", None)
    if promise.state == ClockState.breached:
        late = span(promise.settled_at - promise.breached_at) if promise.breached_at else ""
        return ClockWords(kind, "late", f"broken, settled {late} late", None)
    return ClockWords(kind, "waived", "no longer owed", None)
