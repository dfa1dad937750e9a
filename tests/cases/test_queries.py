"""Who sees which cases, in which order, page by page."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import cases, loop
from cxloop.cases import State
from cxloop.cases.queries import Filters, breaching_soon, earlier, escalated, feedback, messages, queue, unassigned
from cxloop.db import FAR_FUTURE, db, transaction
from cxloop.errors import NotFound
from cxloop.sla import Promise
from tests.factories import DAY, HOUR, MINUTE, MONDAY, a_case, a_supervisor, an_admin, an_agent


def test_what_another_team_has_is_not_found(in_app: Flask) -> None:
    case = a_case(team="Care")
    for insider in (an_agent(team="Care"), a_supervisor(team="Care"), an_admin(team="Billing")):
        assert cases.find(case.id, user=insider).id == case.id
    for outsider in (an_agent(team="Billing"), a_supervisor(team="Billing")):
        with pytest.raises(NotFound, match=r"There is no such case\."):
            cases.find(case.id, user=outsider)
        assert queue(outsider, Filters(mine=False)).cases == []
        assert unassigned(outsider) == []
        assert breaching_soon(outsider, at=MONDAY + 7 * HOUR) == []
    with pytest.raises(NotFound, match=r"There is no such case\."):
        cases.find(case.id + 1, user=an_admin())


def test_somebody_who_left_sees_nothing_more_than_the_team(in_app: Flask) -> None:
    case, gone = a_case(team="Care"), an_admin(team="Billing")
    with transaction():
        gone.active = False
    with pytest.raises(NotFound):
        cases.find(case.id, user=gone)


def test_the_queue_has_the_soonest_deadline_first_and_goes_on_where_it_ended(in_app: Flask) -> None:
    agent = an_agent()
    opened = [
        a_case(urgency=urgency, at=MONDAY + n * MINUTE) for n, urgency in enumerate(["low", "high", "normal"] * 4)
    ]
    expected = [case.id for case in sorted(opened, key=lambda case: (case.queue_at, case.id))]

    found, behind = [], None
    for _ in range(3):
        page = queue(agent, Filters(), behind=behind, limit=5)
        found += [case.id for case in page.cases]
        behind = page.next
    assert found == expected
    assert behind is None


def test_the_queue_leaves_out_what_is_settled_unless_asked(in_app: Flask) -> None:
    agent = an_agent()
    live, resolved, closed = a_case(State.OPEN), a_case(State.RESOLVED), a_case(State.CLOSED)
    assert [case.id for case in queue(agent, Filters()).cases] == [live.id]
    assert [case.id for case in queue(agent, Filters(state=State.RESOLVED)).cases] == [resolved.id]
    assert [case.id for case in queue(agent, Filters(state=State.CLOSED)).cases] == [closed.id]


def test_the_queue_keeps_to_mine_to_a_cause_and_to_an_urgency(in_app: Flask) -> None:
    one, other = an_agent(), an_agent()
    mine = a_case(owner=one, cause="wait_time", urgency="high")
    theirs = a_case(owner=other, cause="staff_attitude")
    assert [case.id for case in queue(one, Filters()).cases] == [mine.id]
    assert {case.id for case in queue(one, Filters(mine=False)).cases} == {mine.id, theirs.id}
    assert [case.id for case in queue(one, Filters(mine=False, cause="staff_attitude")).cases] == [theirs.id]
    assert [case.id for case in queue(one, Filters(mine=False, urgency="high")).cases] == [mine.id]


def test_a_waiting_case_stands_behind_all_that_have_a_deadline(in_app: Flask) -> None:
    agent = an_agent()
    waiting, low = a_case(State.WAITING), a_case(urgency="low")
    assert waiting.queue_at == FAR_FUTURE
    assert [case.id for case in queue(agent, Filters()).cases] == [low.id, waiting.id]


def test_the_board_shows_what_is_about_to_break_and_what_nobody_has(in_app: Flask) -> None:
    supervisor = a_supervisor()
    soon, later = a_case(urgency="critical"), a_case(urgency="normal")  # due at 10:00 and at 17:00
    assert [case.id for case in breaching_soon(supervisor, at=MONDAY)] == [soon.id]
    assert [case.id for case in breaching_soon(supervisor, at=MONDAY + 2 * HOUR)] == []
    assert {case.id for case in unassigned(supervisor)} == {soon.id, later.id}
    assert escalated(supervisor, at=MONDAY) == []


def test_the_board_begins_with_what_broke_just_now_then_what_is_broken_longest(in_app: Flask) -> None:
    supervisor = a_supervisor()
    paused, given_back, longest, long, fresh = (a_case(State.RESOLVED) if n < 2 else a_case() for n in range(5))
    with transaction():
        for case in (paused, given_back):
            loop.confirm(case, fixed=False, by=case.customer.actor, at=MONDAY + HOUR)
        loop.ask(paused, "Which one?", by="test", at=MONDAY + HOUR)
    for case, ago in ((longest, 40 * HOUR), (long, 2 * HOUR), (fresh, MINUTE)):
        for promise in db.session.scalars(sa.select(Promise).where(Promise.case_id == case.id)).all():
            with transaction():
                promise.due_at = MONDAY + DAY - ago
                case.queue_at = MONDAY + DAY - ago
            with transaction():
                loop.escalate(promise.id, by="worker", at=MONDAY + DAY)
    with transaction():
        given_back.queue_at = MONDAY + 2 * DAY
    found = [case.id for case in escalated(supervisor, at=MONDAY + DAY)]
    assert found == [fresh.id, longest.id, long.id, given_back.id, paused.id]
    assert found[0] == escalated(supervisor, at=MONDAY + DAY, limit=1)[0].id


def test_a_case_page_reads_its_words_its_feedback_and_what_was_before(in_app: Flask) -> None:
    before = a_case(State.CLOSED, email="cleo@example.test", cause="wait_time")
    case = a_case(
        State.OPEN, text="Now it is broken.", email="cleo@example.test", cause="product_quality", at=MONDAY + DAY
    )
    a_case(email="someone.else@example.test")
    assert [message.body for message in messages(case)] == ["Now it is broken.", "I am looking into it."]
    assert [each.text for each in feedback(case)] == ["Now it is broken."]
    assert [each.id for each in earlier(case)] == [before.id]
    assert messages(case)[0].from_customer
    assert not messages(case)[1].from_customer


def test_the_next_page_begins_behind_the_last_of_equal_deadlines(in_app: Flask) -> None:
    agent = an_agent()
    ids = [a_case(at=MONDAY).id for _ in range(4)]
    first = queue(agent, Filters(), limit=2)
    second = queue(agent, Filters(), behind=first.next, limit=2)
    assert [case.id for case in first.cases + second.cases] == ids
    assert second.next is None


def test_what_breaks_in_two_hours_is_soon_and_a_minute_more_is_not(in_app: Flask) -> None:
    supervisor = a_supervisor()
    case = a_case(urgency="critical")
    due = MONDAY + HOUR
    assert [each.id for each in breaching_soon(supervisor, at=due - timedelta(hours=2))] == [case.id]
    assert breaching_soon(supervisor, at=due - timedelta(hours=2, minutes=1)) == []
