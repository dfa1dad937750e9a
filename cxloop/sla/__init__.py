"""Promises: made when a case opens, paused while the customer is asked, kept or broken by the event's own moment."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from cxloop.cases.models import Case, State
from cxloop.db import FAR_FUTURE, alone, db, locked
from cxloop.sla.clocks import Clock, ClockState
from cxloop.sla.models import Aim, Calendar, Policy, Promise

__all__ = [
    "Aim",
    "Calendar",
    "ClockState",
    "Policy",
    "Promise",
    "breach",
    "due",
    "keep",
    "of",
    "pause",
    "promise",
    "rebind",
    "resume",
    "waive",
]

HOUR = 3600
SET_ASIDE = timedelta(hours=1)
RUNNING = sa.text("promise.state = 'running'")
"""A literal, as the partial index has it: PostgreSQL would not match a parameter."""
STANDARD_HOURS: dict[str, object] = {
    "timezone": "UTC",
    "hours": {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
}
STANDARD_TARGETS = {
    "low": {"first_response": 16 * HOUR, "resolution": 80 * HOUR},
    "normal": {"first_response": 8 * HOUR, "resolution": 40 * HOUR},
    "high": {"first_response": 4 * HOUR, "resolution": 16 * HOUR},
    "critical": {"first_response": 1 * HOUR, "resolution": 8 * HOUR},
}
"""What a new installation starts with; each is a setting, none a claim about what customers expect."""


def policy() -> Policy:
    """The policy in force, made from the standard one if there is none yet."""
    found = _in_force()
    if found is None:
        alone("policy")  # of two first cases at once, one makes it
        found = _in_force()
    return found or set_policy("Standard", STANDARD_TARGETS, hours_name="Office hours", hours=STANDARD_HOURS)


def set_policy(name: str, targets: dict[str, dict[str, int]], *, hours_name: str, hours: dict[str, object]) -> Policy:
    """Put a new version in force for clocks that start from now on. Raises CalendarError for unusable hours."""
    calendar = db.session.scalars(sa.select(Calendar).where(Calendar.name == hours_name)).first()
    calendar = calendar or Calendar(name=hours_name, hours={})
    calendar.hours = hours
    calendar.working_hours()
    db.session.execute(sa.update(Policy).where(Policy.active).values(active=False))
    version = 1 + (db.session.scalar(sa.select(sa.func.max(Policy.version)).where(Policy.name == name)) or 0)
    new = Policy(name=name, version=version, active=True, targets=targets, calendar=calendar)
    db.session.add_all([calendar, new])
    db.session.flush()
    return new


def promise(case: Case, *, start: datetime, by: str, at: datetime) -> list[Promise]:
    """Start the clocks of the case's present cycle, from `start`, by the policy in force."""
    bound = policy()
    hours = bound.calendar.working_hours()
    budgets = bound.targets.get(case.urgency) or bound.targets["normal"]
    made = []
    for aim in Aim:
        row = Promise(case_id=case.id, cycle=case.cycle, aim=aim, policy_id=bound.id)
        row.clock = Clock.start(hours, start, int(budgets[aim.value]), paused=case.state == State.WAITING)
        db.session.add(row)
        made.append(row)
        case.record("promise_made", by=by, at=at, aim=aim.value, due=_words(row.due_at), policy=bound.id)
    db.session.flush()
    _requeue(case)
    return made


def rebind(case: Case, *, by: str, at: datetime) -> None:
    """The case turned out more urgent: what still runs is promised sooner, and no later than it was promised before.

    Time used stays used. A new deadline that lies past already is missed at `at`, not before.
    """
    bound = policy()
    budgets = bound.targets.get(case.urgency) or bound.targets["normal"]
    for row in _unsettled(case):
        budget, clock = int(budgets[row.aim.value]), row.clock
        if budget >= clock.budget or clock.state not in (ClockState.running, ClockState.paused):
            continue
        left = timedelta(seconds=budget) - clock.used(at)
        if clock.state is ClockState.running:
            due_at = clock.hours.add(at, left) if left > timedelta(0) else at
            row.clock = replace(clock, budget=budget, left=left, running_since=at, due_at=due_at)
        else:
            row.clock = replace(clock, budget=budget, left=max(left, timedelta(0)))
        row.policy_id = bound.id
        case.record("promise_moved", by=by, at=at, aim=row.aim.value, due=_words(row.due_at), policy=bound.id)
    _requeue(case)


def soonest(promised: list[Promise]) -> str | None:
    """The first of their deadlines, as a notice keeps it."""
    return _words(min((row.due_at for row in promised if row.due_at), default=None))


def of(case: Case) -> list[Promise]:
    """All clocks of the case, the present cycle first."""
    query = sa.select(Promise).where(Promise.case_id == case.id)
    return list(db.session.scalars(query.order_by(Promise.cycle.desc(), Promise.aim)))


def pause(case: Case, aims: Iterable[Aim] = Aim, *, by: str, at: datetime) -> None:
    """The case waits: of what `aims` name no working time is used until it goes on."""
    for row in _unsettled(case):
        if row.aim in aims:
            row.clock = row.clock.pause(at)
    case.record("promises_paused", by=by, at=at)
    _requeue(case)


def resume(case: Case, *, by: str, at: datetime) -> None:
    for row in _unsettled(case):
        row.clock = row.clock.resume(at)
    case.record("promises_resumed", by=by, at=at, due={row.aim.value: _words(row.due_at) for row in _unsettled(case)})
    _requeue(case)


def keep(case: Case, aim: Aim, *, by: str, at: datetime) -> Promise | None:
    """What was promised was done at `at`; None if that was settled before. `at` decides, not the sweep."""
    row = next((row for row in _unsettled(case) if row.aim == aim), None)
    if row is None:
        return None
    row.clock = row.clock.settle(at)
    kind = "promise_kept" if row.state == ClockState.met else "promise_kept_late"
    case.record(kind, by=by, at=at, aim=aim.value, cycle=row.cycle, due=_words(row.due_at or row.breached_at))
    _requeue(case)
    return row


def waive(case: Case, aims: Iterable[Aim] = Aim, *, by: str, at: datetime) -> None:
    """Nothing is owed any more; what was broken stays broken."""
    for row in _unsettled(case):
        if row.aim in aims:
            row.clock = row.clock.waive(at)
            case.record("promise_waived", by=by, at=at, aim=row.aim.value, cycle=row.cycle)
    _requeue(case)


def due(*, at: datetime, limit: int) -> list[int]:
    """Ids of promises whose deadline has passed without an answer, the oldest first."""
    free = sa.or_(Promise.sweep_after.is_(None), Promise.sweep_after <= at)
    query = sa.select(Promise.id).where(RUNNING, Promise.due_at < at, free)
    return list(db.session.scalars(query.order_by(Promise.due_at, Promise.id).limit(limit)))


def overdue(case: Case, *, at: datetime) -> list[int]:
    """Ids of the case's promises that broke in silence and that no sweep has seen yet."""
    return [row.id for row in _unsettled(case) if row.state == ClockState.running and row.due_at and row.due_at < at]


def set_aside(promise_id: int, error: str, *, at: datetime) -> None:
    """The sweep failed on it: the others go on, this one is tried again in an hour, and the system page shows it."""
    row = db.session.get(Promise, promise_id)
    if row:
        row.sweep_after, row.last_error = at + SET_ASIDE, error[:500]


def aside(*, limit: int = 25) -> list[Promise]:
    """Promises that the sweep failed on and will try again, the next one first."""
    failed = sa.select(Promise).where(RUNNING, Promise.sweep_after.is_not(None))
    return list(db.session.scalars(failed.order_by(Promise.sweep_after, Promise.id).limit(limit)))


def breach(promise_id: int, *, by: str, at: datetime) -> Promise | None:
    """Break the promise if its deadline passed and nobody kept it; None if it was settled, paused or broken before.

    The case is locked first and the clock read after that, so of two sweeps, or a sweep and an answer, one acts.
    """
    row = db.session.get(Promise, promise_id)
    case = locked(Case, row.case_id) if row else None
    if row is None or case is None:
        return None
    db.session.refresh(row)
    if row.state != ClockState.running:
        return None
    row.clock = row.clock.breach_if_due(at)
    if row.breached_at is None:
        return None
    case.record("promise_broken", by=by, at=at, aim=row.aim.value, cycle=row.cycle, breached_at=_words(row.breached_at))
    _requeue(case)
    return row


def _in_force() -> Policy | None:
    return db.session.scalars(sa.select(Policy).where(Policy.active).order_by(Policy.id.desc())).first()


def _unsettled(case: Case) -> list[Promise]:
    query = sa.select(Promise).where(Promise.case_id == case.id, Promise.settled_at.is_(None))
    return list(db.session.scalars(query.order_by(Promise.aim)))


def _requeue(case: Case) -> None:
    """Keep the case's place in the queue: its soonest deadline that is running or already broken and still owed."""
    db.session.flush()
    owed = [row.due_at or row.breached_at for row in _unsettled(case)]
    case.queue_at = min((moment for moment in owed if moment), default=FAR_FUTURE)


def _words(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
