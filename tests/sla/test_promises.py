"""Promises in the database: broken once and dated by their deadline, whoever notices it, how often and when."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import drains, events, loop, sla
from cxloop.cases import Case, State, WaitingOn
from cxloop.clock import now
from cxloop.db import FAR_FUTURE, db, locked, transaction
from cxloop.notices import Notice, NoticeKind, NoticeState
from cxloop.sla import Aim, ClockState, Promise
from tests.factories import DAY, HOUR, MINUTE, MONDAY, a_case, a_supervisor, an_agent
from tests.together import together

ALWAYS: dict[str, object] = {"timezone": "UTC", "always_open": True}
DUE = MONDAY + 8 * HOUR  # the first response of a normal case in the standard hours


def kinds(case: Case) -> list[str]:
    return [event.kind for event in events.of(case.subject)]


def sweep(at: datetime) -> list[int]:
    """What the worker's sweep does, at a moment of our choice; the ids of what broke."""
    broken = []
    for promise_id in sla.due(at=at, limit=1000):
        with transaction():
            promise = loop.escalate(promise_id, by="worker", at=at)
            broken += [promise.id] if promise else []
    return broken


def first_response(case: Case) -> Promise:
    found = sa.select(Promise).where(Promise.case_id == case.id, Promise.aim == Aim.FIRST_RESPONSE)
    return db.session.scalars(found.order_by(Promise.cycle.desc())).first()  # type: ignore[return-value]


def alerts() -> list[Notice]:
    return list(db.session.scalars(sa.select(Notice).where(Notice.kind == NoticeKind.ESCALATION).order_by(Notice.id)))


def within(first_response: int, resolution: int = 1_000_000) -> None:
    """From now on this is promised, in seconds round the clock."""
    targets = {"normal": {"first_response": first_response, "resolution": resolution}}
    with transaction():
        sla.set_policy("Quick", targets, hours_name="Round the clock", hours=ALWAYS)


# ---------------------------------------------------------------------------------------------------- making


def test_a_new_case_is_promised_both_by_its_urgency_in_working_hours(in_app: Flask) -> None:
    case = a_case(urgency="high", at=MONDAY + 7 * HOUR)  # 16:00
    first, resolution = sla.of(case)
    assert (first.due_at, resolution.due_at) == (MONDAY + DAY + 3 * HOUR, MONDAY + 2 * DAY + 7 * HOUR)
    assert case.queue_at == first.due_at


def test_an_urgency_that_the_policy_does_not_know_is_promised_as_normal(in_app: Flask) -> None:
    within(600)
    assert first_response(a_case(urgency="critical")).due_at == MONDAY + 10 * MINUTE


def test_a_new_policy_changes_no_promise_that_was_made(in_app: Flask) -> None:
    before = a_case()
    within(600)
    assert first_response(before).due_at == DUE
    assert first_response(a_case()).due_at == MONDAY + 10 * MINUTE
    with transaction():
        loop.ask(before, "Which order?", by="user:1", at=MONDAY + HOUR)
    with transaction():
        loop.resume(before, by="user:1", at=MONDAY + 2 * HOUR)
    resolution = next(promise for promise in sla.of(before) if promise.aim == Aim.RESOLUTION)
    assert resolution.due_at == MONDAY + 7 * DAY + HOUR  # still in office hours


def test_each_version_of_a_policy_is_kept(in_app: Flask) -> None:
    within(600)
    within(900)
    versions = db.session.execute(sa.select(sla.Policy.version, sla.Policy.active).order_by(sla.Policy.version)).all()
    assert [tuple(row) for row in versions] == [(1, False), (2, True)]


def test_two_first_cases_at_once_make_one_policy(app: Flask) -> None:
    def first() -> int:
        with transaction():
            return sla.policy().id

    assert len(set(together(app, first, first, first))) == 1


# -------------------------------------------------------------------------------------------------- breaking


def test_a_promise_breaks_once_and_is_dated_by_its_deadline(in_app: Flask) -> None:
    supervisor = a_supervisor()
    case = a_case()
    assert sweep(DUE) == []  # exactly at the deadline is in time
    assert len(sweep(DUE + 3 * HOUR)) == 1
    assert sweep(DUE + 4 * HOUR) == []
    promise = first_response(case)
    assert (promise.state, promise.breached_at) == (ClockState.breached, DUE)
    assert (case.escalated_to_id, case.escalated_at) == (supervisor.id, DUE + 3 * HOUR)
    assert [(notice.address, notice.state) for notice in alerts()] == [(supervisor.email, NoticeState.DUE)]
    assert [kind for kind in kinds(case) if kind in ("promise_broken", "case_escalated")] == [
        "promise_broken",
        "case_escalated",
    ]
    assert case.queue_at == DUE


def test_a_clock_that_jumps_to_and_fro_breaks_nothing_twice_and_nothing_too_early(in_app: Flask) -> None:
    case = a_case()
    [promise_id] = sla.due(at=DUE + 2 * HOUR, limit=10)
    with transaction():  # it was found due, and then the clock was set back
        assert loop.escalate(promise_id, by="worker", at=DUE - HOUR) is None
    assert [len(sweep(DUE + hours * HOUR)) for hours in (-2, 2, -2, 2)] == [0, 1, 0, 0]
    assert first_response(case).breached_at == DUE


def test_an_answer_before_the_sweep_decides_by_its_own_moment(in_app: Flask) -> None:
    case = a_case()
    with transaction():
        loop.answer(case, "Here we are.", by="user:1", at=DUE)
    assert sweep(DUE + DAY) == []
    assert (first_response(case).state, case.escalated_at) == (ClockState.met, None)


def test_an_answer_after_the_deadline_is_late_also_if_no_sweep_came_by(in_app: Flask) -> None:
    a_supervisor()
    case = a_case()
    late = DUE + timedelta(seconds=1)
    with transaction():
        loop.answer(case, "Sorry that it took so long.", by="user:1", at=late)
    promise = first_response(case)
    assert (promise.state, promise.breached_at, promise.settled_at) == (ClockState.breached, DUE, late)
    assert [kind for kind in kinds(case) if kind.startswith(("promise_broken", "promise_kept", "case_esc"))] == [
        "promise_broken",
        "case_escalated",
        "promise_kept_late",
    ]
    assert sweep(DUE + DAY) == []
    assert len(alerts()) == 1


def test_an_answer_given_in_time_that_comes_to_light_after_the_sweep_was_in_time(in_app: Flask) -> None:
    case = a_case()
    sweep(DUE + HOUR)
    with transaction():
        sla.keep(case, Aim.FIRST_RESPONSE, by="user:1", at=DUE - MINUTE)
    assert (first_response(case).state, first_response(case).breached_at) == (ClockState.met, None)


def test_a_promise_that_broke_is_kept_late_and_leaves_the_queues_head(in_app: Flask) -> None:
    case = a_case()
    sweep(DUE + HOUR)
    with transaction():
        loop.answer(case, "Here we are.", by="user:1", at=DUE + 2 * HOUR)
    promise = first_response(case)
    assert (promise.state, promise.settled_at) == (ClockState.breached, DUE + 2 * HOUR)
    assert case.queue_at == MONDAY + 4 * DAY + 8 * HOUR


def test_both_promises_of_a_case_break_and_climb_one_rung(in_app: Flask) -> None:
    a_supervisor()
    case = a_case()
    sweep(MONDAY + 30 * DAY)
    assert kinds(case).count("promise_broken") == 2
    assert kinds(case).count("case_escalated") == 1
    assert {notice.data["aim"] for notice in alerts()} == {"first_response", "resolution"}


def test_a_closed_case_owes_nothing(in_app: Flask) -> None:
    for state in (State.RESOLVED, State.CLOSED):
        a_case(state)
    assert sweep(MONDAY + 100 * DAY) == []


def test_a_new_cycle_can_break_again(in_app: Flask) -> None:
    a_supervisor()
    case = a_case(State.RESOLVED)
    with transaction():
        loop.confirm(case, fixed=False, by=case.customer.actor, at=MONDAY + HOUR)
    assert len(sweep(MONDAY + 3 * DAY)) == 1
    assert [notice.data["aim"] for notice in alerts()] == ["not_fixed", "first_response"]
    assert kinds(case).count("case_escalated") == 1  # the rung was climbed when it came back


# ------------------------------------------------------------------------------------------ pausing and resuming


def test_a_pause_uses_no_time_and_does_not_break(in_app: Flask) -> None:
    within(3600)
    case = a_case()
    with transaction():
        case.wait(WaitingOn.CUSTOMER, by="user:1", at=MONDAY + 20 * MINUTE)
        sla.pause(case, by="user:1", at=MONDAY + 20 * MINUTE)
    assert (first_response(case).due_at, case.queue_at) == (None, FAR_FUTURE)
    assert sweep(MONDAY + 5 * DAY) == []
    with transaction():
        loop.hear_back(case, "Number 7.", by=case.customer.actor, at=MONDAY + 5 * DAY)
    assert first_response(case).due_at == MONDAY + 5 * DAY + 40 * MINUTE
    assert sweep(MONDAY + 5 * DAY + 40 * MINUTE) == []
    assert len(sweep(MONDAY + 5 * DAY + 41 * MINUTE)) == 1


def test_a_deadline_that_passed_before_the_question_was_asked_is_missed(in_app: Flask) -> None:
    case = a_case()
    with transaction():
        loop.ask(case, "Which order?", by="user:1", at=DUE + HOUR)
    assert (first_response(case).state, first_response(case).breached_at) == (ClockState.breached, DUE)
    assert "promise_broken" in kinds(case)


def test_a_case_that_waits_a_hundred_times_has_used_the_time_between(in_app: Flask) -> None:
    within(100 * 60)
    case, at = a_case(), MONDAY
    for _ in range(99):
        at += MINUTE
        with transaction():
            sla.pause(case, by="user:1", at=at)
        at += HOUR
        with transaction():
            sla.resume(case, by="user:1", at=at)
    assert first_response(case).due_at == at + MINUTE


# ------------------------------------------------------------------------------------------ many clocks at once


@pytest.mark.parametrize(
    "clocks", [pytest.param(3, marks=pytest.mark.postgresql), pytest.param(2, marks=pytest.mark.sqlite)]
)
def test_several_clocks_at_once_break_each_promise_once(app: Flask, kit: drains.Kit, clocks: int) -> None:
    with app.app_context():
        a_supervisor()
        with transaction():
            opened = [a_case(at=now() - 30 * DAY).id for _ in range(20)]

    def tick() -> int:
        done = 0
        while count := drains.sweep_promises(kit):
            done += count
        return done

    together(app, *[tick] * clocks)
    with app.app_context():
        for case_id in opened:
            case = db.session.get_one(Case, case_id)
            assert kinds(case).count("promise_broken") == 2
            assert kinds(case).count("case_escalated") == 1
            assert {promise.breached_at for promise in sla.of(case)} == {
                event_moment(event) for event in events.of(case.subject) if event.kind == "promise_broken"
            }
        assert len(alerts()) == 40
        assert events.verify().broken is None


def event_moment(event: events.Event) -> datetime:
    return datetime.fromisoformat(event.data["breached_at"])


def test_a_sweep_and_an_answer_at_once_agree(app: Flask, kit: drains.Kit) -> None:
    with app.app_context():
        a_supervisor()
        opened = [a_case(at=now() - 30 * DAY).id for _ in range(8)]

    def answer() -> None:
        for case_id in opened:
            with transaction():
                case = locked(Case, case_id)
                assert case is not None
                loop.answer(case, "Here we are.", by="user:1", at=now())

    together(app, answer, lambda: drains.sweep_promises(kit))  # type: ignore[arg-type, return-value]
    with app.app_context():
        for case_id in opened:
            told = kinds(db.session.get_one(Case, case_id))
            assert (told.count("promise_broken"), told.count("promise_kept_late")) == (2, 1)
        assert events.verify().broken is None


def test_a_worker_that_was_down_for_ten_minutes_finds_every_deadline_it_missed(in_app: Flask, kit: drains.Kit) -> None:
    a_supervisor()
    within(3600, 3602)
    back = now()
    with transaction():  # ten minutes full of deadlines, one every two seconds
        for seconds in range(4, 604, 4):
            a_case(at=back - timedelta(seconds=seconds) - HOUR)
    while drains.sweep_promises(kit):
        pass
    missed = {back - timedelta(seconds=seconds) for seconds in range(2, 602, 2)}
    found = db.session.execute(sa.select(Promise.breached_at, Promise.state)).all()
    assert {breached_at for breached_at, _ in found} == missed
    assert {state for _, state in found} == {ClockState.breached}
    broken = sa.select(sa.func.count()).select_from(events.Event).where(events.Event.kind == "promise_broken")
    assert db.session.scalar(broken) == len(alerts()) == 300


# ------------------------------------------------------------------------------------------------ poison


def test_a_promise_that_cannot_be_judged_steps_aside_for_an_hour_and_shows(in_app: Flask, kit: drains.Kit) -> None:
    broken_calendar, sound = a_case(at=now() - 31 * DAY), a_case(at=now() - 30 * DAY)
    with transaction():
        poisoned = first_response(broken_calendar)
        poisoned.hours = {"timezone": "Nowhere/Land"}
    for _ in range(3):
        drains.sweep_promises(kit)
    assert first_response(sound).state == ClockState.breached
    promise = first_response(broken_calendar)
    assert promise.state == ClockState.running
    assert promise.last_error
    assert promise.sweep_after is not None
    assert now() + 59 * MINUTE < promise.sweep_after <= now() + HOUR
    assert sla.due(at=now() + 58 * MINUTE, limit=10) == []
    assert sla.due(at=now() + 61 * MINUTE, limit=10) == [promise.id]


def test_the_oldest_deadline_is_swept_first(in_app: Flask) -> None:
    late, early = a_case(at=MONDAY + HOUR), a_case(at=MONDAY)
    found = sla.due(at=MONDAY + 2 * DAY, limit=10)
    assert found == [first_response(early).id, first_response(late).id]
    assert sla.due(at=MONDAY + 2 * DAY, limit=1) == [first_response(early).id]


def test_nobody_to_escalate_to_is_said_on_the_case(in_app: Flask) -> None:
    an_agent()
    case = a_case()
    sweep(DUE + HOUR)
    [alert] = alerts()
    assert (alert.state, alert.reason) == (NoticeState.SUPPRESSED, "nobody to escalate to")
    escalated = next(event for event in events.of(case.subject) if event.kind == "case_escalated")
    assert escalated.data["to"] is None
    assert case.escalated_at == DUE + HOUR
