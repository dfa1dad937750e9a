"""Thirty days in a few seconds: the demo's feedback goes through the loop's own verbs, at moments that lie in the past.

Nothing is written past the loop, so every timeline, promise, breach, escalation and chain of events is a genuine one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush

from cxloop import intake, loop, notices, sla
from cxloop.cases import Case, Outcome
from cxloop.cases.queries import earlier, silent_since
from cxloop.db import db, locked
from cxloop.demo.story import Row, Step
from cxloop.sla import Promise
from cxloop.tagging.tagger import Suggestion, Tagger, Text

HOUR, DAY = 3600, 86_400
TARGETS = {
    "low": {"first_response": 2 * DAY, "resolution": 7 * DAY},
    "normal": {"first_response": DAY, "resolution": 5 * DAY},
    "high": {"first_response": 8 * HOUR, "resolution": 4 * DAY},
    "critical": {"first_response": 4 * HOUR, "resolution": 3 * DAY},
}
ROUND_THE_CLOCK: dict[str, object] = {"timezone": "UTC", "always_open": True}
"""The demo is never closed: whoever starts it on a Sunday night sees the clocks run too."""

TIME_LEFT = {"soon": timedelta(minutes=2), "later": timedelta(hours=3)}
"""How long after the seeding the first responses of the two live timers break, if nobody answers."""

A_SWEEP_COMES = timedelta(seconds=1)
THE_WORKER_TAKES = timedelta(seconds=2)
A_PERSON_LOOKS = timedelta(hours=3)
MANY = 10_000


@dataclass(order=True, frozen=True)
class Happening:
    """Feedback arrives, or, with a step, somebody does something about it."""

    at: datetime
    number: int
    row: Row = field(compare=False)
    step: Step | None = field(compare=False, default=None)


def read(rows: Sequence[Row], tagger: Tagger) -> dict[str, Suggestion]:
    """What the tagger says of each row with words in it, by the row's id. Slow: not inside a transaction."""
    return {row.id: tagger.suggest([Text(row.text, row.feedback["question"])])[0] for row in rows if row.text}


def replay(rows: Sequence[Row], suggestions: Mapping[str, Suggestion], *, at: datetime) -> int:
    """Let it all happen, up to `at`, in the order of time; returns how many cases that made."""
    ahead = _plan(rows, suggestions, at=at)
    heapify(ahead)
    found: dict[str, int] = {}
    while ahead:
        happening = heappop(ahead)
        row, step, moment = happening.row, happening.step, happening.at
        _clock_ticks(until=moment)
        if step is not None:
            _do(found.get(row.id), step, at=moment)
        elif case := _arrive(row, suggestions.get(row.id), at=moment):
            seen_to = case.id in found.values() or row.steps is not None
            found[row.id] = case.id
            if not seen_to and moment + A_PERSON_LOOKS <= at:
                heappush(ahead, Happening(moment + A_PERSON_LOOKS, happening.number, row, _nothing_to_do(case)))
        _clock_ticks(until=moment + THE_WORKER_TAKES)
        notices.hold(at=moment + THE_WORKER_TAKES, limit=MANY)
    _clock_ticks(until=at)
    return len(set(found.values()))


def _plan(rows: Sequence[Row], suggestions: Mapping[str, Suggestion], *, at: datetime) -> list[Happening]:
    """When each piece of feedback comes and each step is taken."""
    happenings: list[Happening] = []
    for row in rows:
        arrives = at - row.age
        if row.timer:
            budget = timedelta(seconds=TARGETS[suggestions[row.id].urgency]["first_response"])
            arrives = at + TIME_LEFT[row.timer] - budget
        for step in (None, *(row.steps or ())):
            moment = arrives + step.after if step else arrives
            happenings.append(Happening(moment, len(happenings), row, step))
    return happenings


def _clock_ticks(*, until: datetime) -> None:
    """What the worker would have done by then: promises break by silence, and silence ends cases."""
    for promise_id in sla.due(at=until, limit=MANY):
        promise = db.session.get_one(Promise, promise_id)
        assert promise.due_at is not None
        noticed = min(promise.due_at + A_SWEEP_COMES, until)
        loop.escalate(promise_id, by="worker", at=noticed)
        notices.hold(at=noticed, limit=MANY)
    for case_id in silent_since(until - loop.SILENCE_ENDS, limit=MANY):
        resolved = db.session.get_one(Case, case_id).resolved_at
        assert resolved is not None
        loop.silence(case_id, by="worker", at=resolved + loop.SILENCE_ENDS)


def _arrive(row: Row, suggestion: Suggestion | None, *, at: datetime) -> Case | None:
    """The feedback comes in and is read; the case that it opened or joined, if it did."""
    source = intake.source(row.source, row.kind, by="worker", at=at)
    [feedback] = loop.hear(source, [row.item(at)], by="worker", at=at).new
    _clock_ticks(until=at + THE_WORKER_TAKES)
    return loop.understand(feedback, suggestion, by="worker", at=at + THE_WORKER_TAKES)


def _do(case_id: int | None, step: Step, *, at: datetime) -> None:
    """Carry out one step: staff act as the case's owner, customers as themselves. No case, nothing to do."""
    case = locked(Case, case_id) if case_id else None
    if case is None:
        return
    said, text = step.said, step.said.get("text", "")
    owner, customer = case.owner.actor if case.owner else "worker", case.customer.actor
    if step.do == "reply":
        loop.answer(case, text, by=owner, at=at)
    elif step.do == "note":
        loop.note(case, text, by=owner, at=at)
    elif step.do == "wait":
        loop.ask(case, text, by=owner, at=at)
    elif step.do == "customer_replies":
        loop.hear_back(case, text, by=customer, at=at)
    elif step.do == "resolve":
        loop.resolve(case, cause=said["cause"], text=text, by=owner, at=at)
    elif step.do == "verdict":
        loop.confirm(case, fixed=said["fixed"], text=text, by=customer, at=at)
    elif step.do == "close":
        loop.close(case, Outcome(said["outcome"]), reason=said["reason"], by=owner, at=at)
    else:
        raise ValueError(f"nobody knows how to {step.do}")


def _nothing_to_do(case: Case) -> Step:
    """A case that the words did not call for: a person looks at it, and ends it with the reason."""
    before = earlier(case, limit=1)
    if before:
        ended = {"outcome": "merged", "reason": f"The same matter as {before[0].reference}; it is answered there."}
    else:
        ended = {"outcome": "withdrawn", "reason": "Read by a person: nothing went wrong, and nothing is asked of us."}
    return Step("close", A_PERSON_LOOKS, ended)
