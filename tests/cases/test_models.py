"""The moves of a case, over all pairs of states, and what each of them asks for."""

from datetime import timedelta
from itertools import product

import pytest
from flask import Flask

from cxloop import events
from cxloop.cases.models import MOVES, WITH_REASON, Case, Kind, Outcome, State, WaitingOn
from cxloop.db import transaction
from cxloop.errors import Conflict, Invalid
from tests.factories import HOUR, MONDAY, a_case, a_user, an_agent

LATER = MONDAY + HOUR


def move(case: Case, to: State) -> None:
    """By the method that leads there."""
    if to == State.OPEN and case.state in (State.RESOLVED, State.CLOSED):
        case.reopen("not_fixed", by="test", at=LATER)
    elif to == State.OPEN:
        case.work(by="test", at=LATER)
    elif to == State.WAITING:
        case.wait(WaitingOn.CUSTOMER, by="test", at=LATER)
    elif to == State.RESOLVED:
        case.resolve("other", by="test", at=LATER)
    elif to == State.CLOSED:
        case.close(Outcome.SPAM, reason="an advertisement", by="test", at=LATER)


ALLOWED = {(before, after) for before, afters in MOVES.items() for after in afters}
SAME_AGAIN = {(State.OPEN, State.OPEN), (State.WAITING, State.WAITING)}
"""Working on what is worked on, and waiting for what is waited for, change nothing and are no error."""


def test_the_table_of_moves_is_this_one() -> None:
    assert {(before.value, after.value) for before, after in ALLOWED} == {
        ("new", "open"),
        ("new", "waiting"),
        ("new", "resolved"),
        ("new", "closed"),
        ("open", "waiting"),
        ("open", "resolved"),
        ("open", "closed"),
        ("waiting", "open"),
        ("waiting", "resolved"),
        ("waiting", "closed"),
        ("resolved", "open"),
        ("resolved", "closed"),
        ("closed", "open"),
    }


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_a_case_moves_as_the_table_says_and_in_no_other_way(in_app: Flask, before: State, after: State) -> None:
    an_agent()
    case = a_case(before)
    known = len(events.of(case.subject))
    if after == State.NEW:  # nothing leads back there
        with transaction(), pytest.raises(Conflict):
            case._move(State.NEW, by="test", at=LATER)
        return
    if (before, after) in ALLOWED:
        with transaction():
            move(case, after)
        [event] = events.of(case.subject)[known:]
        assert (case.state, event.data["from"], event.data["to"]) == (after, before.value, after.value)
        assert (case.waiting_on is not None) == (after == State.WAITING)
    elif (before, after) in SAME_AGAIN:
        with transaction():
            move(case, after)
        assert len(events.of(case.subject)) == known
    else:
        with pytest.raises(Conflict), transaction():
            move(case, after)
        assert case.state == before
        assert len(events.of(case.subject)) == known


@pytest.mark.parametrize("outcome", sorted(WITH_REASON))
def test_an_end_that_skips_the_checks_needs_a_reason(in_app: Flask, outcome: Outcome) -> None:
    case = a_case(State.OPEN)
    with pytest.raises(Invalid, match="Say why") as refusal, transaction():
        case.close(outcome, reason="  ", by="test", at=LATER)
    assert refusal.value.fields == {"reason": "is missing"}
    with transaction():
        case.close(outcome, reason="as agreed on the phone", by="test", at=LATER)
    assert (case.state, case.outcome, case.closed_at) == (State.CLOSED, outcome, LATER)


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - WITH_REASON))
@pytest.mark.parametrize("state", [State.NEW, State.OPEN, State.WAITING])
def test_the_customers_verdict_ends_a_resolved_case_only(in_app: Flask, state: State, outcome: Outcome) -> None:
    case = a_case(state)
    with pytest.raises(Conflict, match="Only a resolved case"), transaction():
        case.close(outcome, reason="it surely is", by="test", at=LATER)
    assert case.state == state


def test_a_reopened_case_forgets_how_it_ended_and_counts_its_cycle(in_app: Flask) -> None:
    case = a_case(State.CLOSED)
    with transaction():
        case.reopen("not_fixed", by="customer:1", at=LATER)
    assert (case.state, case.cycle, case.outcome) == (State.OPEN, 2, None)
    assert (case.resolved_at, case.closed_at, case.answered_at, case.escalated_at) == (None, None, None, None)


def test_an_owner_is_an_active_member_of_the_team(in_app: Flask) -> None:
    case, stranger, gone = a_case(), an_agent(team="Billing"), an_agent()
    with transaction():
        gone.active = False
    for nobody in (stranger, gone):
        with pytest.raises(Invalid, match="not an active member"), transaction():
            case.assign(nobody, why="given", by="test", at=LATER)
    assert case.owner_id is None


def test_giving_a_case_to_whoever_has_it_says_nothing_new(in_app: Flask) -> None:
    agent = a_user()
    case = a_case(owner=agent)
    with transaction():
        case.assign(agent, why="given", by="test", at=LATER)
    assert [event.kind for event in events.of(case.subject)].count("case_assigned") == 1


@pytest.mark.parametrize("words", ["", "   ", "\n\t"])
def test_an_empty_message_is_refused(in_app: Flask, words: str) -> None:
    case = a_case()
    with pytest.raises(Invalid, match="empty"), transaction():
        case.say(words, Kind.REPLY, by="test", at=LATER)


def test_the_first_answer_dates_the_case_and_a_note_does_not(in_app: Flask) -> None:
    case = a_case()
    with transaction():
        case.say("Between us: again the carrier.", Kind.NOTE, by="test", at=LATER)
    assert case.answered_at is None
    for minutes in (1, 2):
        with transaction():
            case.say("We are on it.", Kind.REPLY, by="test", at=LATER + timedelta(minutes=minutes))
    assert case.answered_at == LATER + timedelta(minutes=1)
