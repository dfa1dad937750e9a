from datetime import UTC, datetime, timedelta

import pytest

from cxloop.cases import Case, Outcome, State, WaitingOn
from cxloop.sla import Aim, ClockState, Promise
from cxloop.web import words

AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def a_promise(**given: object) -> Promise:
    facts = {
        "aim": Aim.FIRST_RESPONSE,
        "state": ClockState.running,
        "hours": {"timezone": "UTC"},
        "due_at": AT + timedelta(hours=3),
    }
    return Promise(**(facts | given))


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (0, "less than a minute"),
        (0.9, "less than a minute"),
        (1, "1 min"),
        (59, "59 min"),
        (60, "1 h 0 min"),
        (130, "2 h 10 min"),
        (1439, "23 h 59 min"),
        (1440, "1 d 0 h"),
        (4580, "3 d 4 h"),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(minutes: float, said: str) -> None:
    assert words.span(timedelta(minutes=minutes)) == said


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=35), "35 min ago"),
        (timedelta(hours=3, minutes=50), "3 h ago"),
        (timedelta(days=2), "24 Nov, 12:00"),
        (timedelta(days=400), "22 Oct 2025, 12:00"),
    ],
)
def test_a_past_moment_is_told_by_its_distance_and_then_by_its_date(passed: timedelta, said: str) -> None:
    assert words.ago(AT - passed, AT) == said


def test_a_deadline_is_named_in_the_zone_of_the_promise() -> None:
    late = datetime(2026, 11, 26, 23, 30, tzinfo=UTC)
    assert words.when(late, AT) == "23:30 UTC today"
    assert words.when(late, AT, "Europe/Berlin") == "00:30 CET tomorrow"
    assert words.when(AT - timedelta(days=1), AT) == "12:00 UTC yesterday"
    assert words.when(AT + timedelta(days=4), AT) == "12:00 UTC Mon 30 Nov"


@pytest.mark.parametrize(
    ("left", "status", "said"),
    [
        (timedelta(hours=3), "running", "3 h 0 min left"),
        (timedelta(hours=2), "soon", "2 h 0 min left"),
        (timedelta(seconds=30), "soon", "less than a minute left"),
        (timedelta(0), "breached", "breached less than a minute ago"),
        (timedelta(minutes=-35), "breached", "breached 35 min ago"),
    ],
)
def test_a_running_promise_says_what_is_left_until_it_is_broken(left: timedelta, status: str, said: str) -> None:
    clock = words.clock(a_promise(due_at=AT + left), Case(state=State.OPEN), AT)
    assert (clock.status, clock.words, clock.kind) == (status, said, "first response")


def test_a_broken_promise_still_owed_is_counted_from_its_deadline_even_while_the_case_waits() -> None:
    case = Case(state=State.WAITING, waiting_on=WaitingOn.CUSTOMER)
    broken = a_promise(state=ClockState.breached, due_at=AT - timedelta(hours=1), breached_at=AT - timedelta(hours=1))
    assert words.clock(broken, case, AT).words == "breached 1 h 0 min ago"


def test_a_paused_promise_says_whom_we_wait_for() -> None:
    paused = a_promise(state=ClockState.paused, due_at=None)
    waiting = Case(state=State.WAITING, waiting_on=WaitingOn.CUSTOMER)
    assert words.clock(paused, waiting, AT).words == "paused, waiting for the customer"
    assert words.clock(paused, Case(state=State.WAITING), AT).words == "paused, waiting"


def test_a_settled_promise_says_how_it_ended() -> None:
    case = Case(state=State.OPEN)
    kept = a_promise(state=ClockState.met, settled_at=AT - timedelta(hours=1))
    late = a_promise(state=ClockState.breached, breached_at=AT - timedelta(hours=3), settled_at=AT - timedelta(hours=1))
    waived = a_promise(state=ClockState.waived, due_at=None, settled_at=AT)
    assert [words.clock(each, case, AT).status for each in (kept, late, waived)] == ["kept", "late", "waived"]
    assert words.clock(late, case, AT).words == "broken, settled 2 h 0 min late"


def test_a_row_shows_the_promise_that_is_due_first_and_nothing_once_all_are_settled() -> None:
    case = Case(state=State.OPEN)
    later = a_promise(aim=Aim.RESOLUTION, due_at=AT + timedelta(hours=9))
    paused = a_promise(state=ClockState.paused, due_at=None)
    shown = words.soonest([paused, later, a_promise()], case, AT)
    assert shown is not None
    assert shown.words == "3 h 0 min left"
    assert words.soonest([a_promise(state=ClockState.met, settled_at=AT)], case, AT) is None


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (Case(state=State.OPEN), ""),
        (Case(state=State.WAITING, waiting_on=WaitingOn.THIRD_PARTY), "for somebody else"),
        (Case(state=State.RESOLVED), "waiting for the customer’s verdict"),
        (Case(state=State.CLOSED, outcome=Outcome.UNCONFIRMED), "unconfirmed"),
    ],
)
def test_a_state_says_whom_it_waits_for_or_how_it_ended(case: Case, said: str) -> None:
    assert words.state_detail(case) == said
