"""What we owe somebody to be told: owed once, and what becomes of it."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import events, loop, notices
from cxloop.cases import Case, State
from cxloop.db import db, transaction
from cxloop.errors import Conflict
from cxloop.notices import Notice, NoticeKind, NoticeState
from tests.factories import DAY, HOUR, MINUTE, MONDAY, a_case, a_feedback, a_suggestion, a_supervisor

LEASE = notices.LEASE


def outbox() -> list[Notice]:
    return list(db.session.scalars(sa.select(Notice).order_by(Notice.id)))


def kinds(case: Case) -> list[str]:
    return [event.kind for event in events.of(case.subject)]


def claimed(at: datetime) -> Notice:
    with transaction():
        [notice] = notices.claim(at=at, limit=1)
    return notice


# ------------------------------------------------------------------------------------------------------- owing


def test_a_new_case_is_acknowledged_once(in_app: Flask) -> None:
    case = a_case(email="cleo@example.test")
    [notice] = outbox()
    assert (notice.kind, notice.state, notice.address, notice.due_at) == (
        NoticeKind.ACKNOWLEDGEMENT,
        NoticeState.DUE,
        "cleo@example.test",
        MONDAY,
    )
    with transaction():
        assert notices.owe(NoticeKind.ACKNOWLEDGEMENT, case, key="1", by="test", at=MONDAY) is None
    assert len(outbox()) == 1
    assert kinds(case).count("notice_owed") == 1


def test_without_an_address_the_notice_is_kept_as_suppressed(in_app: Flask) -> None:
    case = a_case(State.RESOLVED, email=None)
    assert [(notice.state, notice.reason, notice.due_at) for notice in outbox()] == [
        (NoticeState.SUPPRESSED, "no address", None)
    ] * 2
    assert kinds(case).count("notice_suppressed") == 2
    with transaction():
        assert notices.claim(at=MONDAY + DAY, limit=10) == []


@pytest.mark.parametrize(
    ("age", "tell", "state"),
    [
        (timedelta(hours=72), None, NoticeState.DUE),
        (timedelta(hours=72, seconds=1), None, NoticeState.SUPPRESSED),
        (timedelta(days=300), True, NoticeState.DUE),
        (timedelta(0), False, NoticeState.SUPPRESSED),
    ],
)
def test_what_was_said_long_ago_is_not_acknowledged_unless_asked(
    in_app: Flask, age: timedelta, tell: bool | None, state: NoticeState
) -> None:
    feedback = a_feedback(occurred_at=MONDAY - age, tell=tell)
    with transaction():
        loop.understand(feedback, a_suggestion(), by="worker", at=MONDAY)
    assert [notice.state for notice in outbox()] == [state]


def test_an_old_complaint_is_still_told_the_answer(in_app: Flask) -> None:
    feedback = a_feedback(occurred_at=MONDAY - 300 * DAY)
    with transaction():
        case = loop.understand(feedback, a_suggestion(), by="worker", at=MONDAY)
        assert case is not None
        loop.answer(case, "We have seen this only now.", by="user:1", at=MONDAY)
    assert [notice.state for notice in outbox()] == [NoticeState.SUPPRESSED, NoticeState.DUE]


def test_a_notice_goes_to_the_address_that_was_known_when_it_was_owed(in_app: Flask) -> None:
    case = a_case(email="cleo@example.test")
    with transaction():  # as a merge of two customers would do
        case.customer.email = "somebody.else@example.test"
    assert [notice.address for notice in outbox()] == ["cleo@example.test"]


# --------------------------------------------------------------------------------------------- claiming, leases


def test_what_is_claimed_is_nobody_elses_until_the_lease_lapses(in_app: Flask) -> None:
    a_case()
    notice = claimed(MONDAY)
    assert (notice.attempts, notice.lapses) == (1, 0)
    with transaction():
        assert notices.claim(at=MONDAY + LEASE - timedelta(seconds=1), limit=10) == []
    assert notices.in_flight(at=MONDAY + MINUTE / 2) == MONDAY + LEASE
    with transaction():
        [again] = notices.claim(at=MONDAY + LEASE, limit=10)
    assert (again.id, again.attempts, again.lapses) == (notice.id, 2, 1)


def test_what_is_given_back_counts_neither_as_tried_nor_as_lapsed(in_app: Flask) -> None:
    a_case()
    notice = claimed(MONDAY)
    with transaction():
        notices.give_back([notice.id], claimed_at=MONDAY)
    again = claimed(MONDAY)
    assert (again.attempts, again.lapses) == (1, 0)


def test_a_lease_that_went_to_somebody_else_is_not_given_back(in_app: Flask) -> None:
    a_case()
    notice = claimed(MONDAY)
    claimed(MONDAY + 2 * LEASE)
    with transaction():
        notices.give_back([notice.id], claimed_at=MONDAY)
    with transaction():
        assert notices.claim(at=MONDAY + 2 * LEASE, limit=1) == []


def test_the_oldest_is_claimed_first_and_no_more_than_asked(in_app: Flask) -> None:
    for hours in (2, 0, 1):
        a_case(at=MONDAY + hours * HOUR)
    with transaction():
        found = notices.claim(at=MONDAY + DAY, limit=2)
    assert [notice.due_at for notice in found] == [MONDAY, MONDAY + HOUR]


# ------------------------------------------------------------------------------------------------- after sending


def test_what_left_is_kept_as_proof(in_app: Flask) -> None:
    case = a_case()
    notice = claimed(MONDAY)
    with transaction():
        notices.sent(notice, subject="Hello", body="We read it.", by="worker", at=MONDAY + MINUTE)
    assert (notice.state, notice.subject, notice.body, notice.sent_at, notice.due_at, notice.leased_until) == (
        NoticeState.SENT,
        "Hello",
        "We read it.",
        MONDAY + MINUTE,
        None,
        None,
    )
    assert kinds(case)[-1] == "notice_sent"


def test_a_repeat_after_a_crash_is_recorded_as_one(in_app: Flask) -> None:
    case = a_case()
    claimed(MONDAY)  # and then that worker died, perhaps after sending
    notice = claimed(MONDAY + 2 * LEASE)
    with transaction():
        notices.sent(notice, subject="Hello", body="We read it.", by="worker", at=MONDAY + 3 * LEASE)
    last = events.of(case.subject)[-1]
    assert (last.kind, last.data["attempts"], last.data["lapses"]) == ("notice_sent", 2, 1)


def test_two_workers_that_both_sent_it_say_so(in_app: Flask) -> None:
    case = a_case()
    notice = claimed(MONDAY)
    for moment in (MINUTE, 2 * MINUTE):
        with transaction():
            notices.sent(notice, subject="Hello", body="We read it.", by="worker", at=MONDAY + moment)
    assert kinds(case)[-2:] == ["notice_sent", "notice_repeated"]
    assert notice.sent_at == MONDAY + MINUTE


def test_bad_news_that_comes_late_changes_nothing_of_what_was_sent(in_app: Flask) -> None:
    case = a_case()
    notice = claimed(MONDAY)
    with transaction():
        notices.sent(notice, subject="Hello", body="We read it.", by="worker", at=MONDAY)
    known = kinds(case)
    with transaction():
        notices.not_sent(notice, "timeout", by="worker", at=MONDAY + MINUTE)
    with transaction():
        notices.failed(notice, "550", by="worker", at=MONDAY + MINUTE)
    assert (notice.state, notice.due_at, kinds(case)) == (NoticeState.SENT, None, known)


def test_what_could_not_be_sent_is_tried_again_later_and_later(in_app: Flask) -> None:
    a_case()
    at, waits = MONDAY, []
    for _ in range(9):
        notice = claimed(at)
        with transaction():
            notices.not_sent(notice, "451 Greylisted", by="worker", at=at)
        assert notice.due_at is not None
        waits.append((notice.due_at - at).total_seconds())
        at = notice.due_at
    for wait, expected in zip(waits, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600], strict=True):
        assert 0.75 * expected <= wait <= 1.25 * expected
    assert (notice.state, notice.last_error, notice.lapses) == (NoticeState.DUE, "451 Greylisted", 0)


def test_after_days_of_trying_a_person_has_to_look(in_app: Flask) -> None:
    case = a_case()
    with transaction():
        outbox()[0].attempts = notices.GIVE_UP_AFTER - 1
    notice = claimed(MONDAY)
    with transaction():
        notices.not_sent(notice, "451 Greylisted", by="worker", at=MONDAY)
    assert (notice.state, notice.due_at) == (NoticeState.FAILED, None)
    assert notice.last_error == f"given up after {notices.GIVE_UP_AFTER} attempts: 451 Greylisted"
    assert kinds(case)[-1] == "notice_failed"


# ------------------------------------------------------------------------- holding, releasing, sending after all


def test_without_a_mail_server_notices_are_held_and_no_longer_due(in_app: Flask) -> None:
    case, other = a_case(State.OPEN), a_case()
    with transaction():
        assert notices.hold(at=MONDAY + HOUR, limit=10) == 3
    assert {(notice.state, notice.due_at, notice.leased_until) for notice in outbox()} == {
        (NoticeState.HELD, None, None)
    }
    with transaction():
        assert notices.hold(at=MONDAY + HOUR, limit=10) == 0
    assert notices.in_flight(at=MONDAY) is None
    assert (kinds(case).count("notice_held"), kinds(other).count("notice_held")) == (2, 1)


def test_what_is_not_due_yet_is_not_held(in_app: Flask) -> None:
    a_case(at=MONDAY + HOUR)
    with transaction():
        assert notices.hold(at=MONDAY, limit=10) == 0


@pytest.mark.parametrize(
    ("age", "state"), [(timedelta(hours=72), NoticeState.DUE), (timedelta(hours=73), NoticeState.HELD)]
)
def test_when_a_mail_server_appears_what_is_younger_than_three_days_leaves(
    in_app: Flask, age: timedelta, state: NoticeState
) -> None:
    a_case()
    with transaction():
        notices.hold(at=MONDAY, limit=10)
    with transaction():
        assert notices.release(at=MONDAY + age) == (state is NoticeState.DUE)
    [notice] = outbox()
    assert notice.state == state
    with transaction():
        assert len(notices.claim(at=MONDAY + age, limit=10)) == (state is NoticeState.DUE)


def test_a_person_sends_what_was_held_or_failed_and_nothing_else(in_app: Flask) -> None:
    case = a_case()
    notice = outbox()[0]
    with pytest.raises(Conflict, match="is due"), transaction():
        notices.send_again(notice, by="user:1", at=MONDAY)
    claimed(MONDAY)
    with transaction():
        notices.failed(notice, "550 No such mailbox", by="worker", at=MONDAY)
    with transaction():
        notices.send_again(notice, by="user:1", at=MONDAY + HOUR)
    assert (notice.state, notice.due_at, notice.attempts) == (NoticeState.DUE, MONDAY + HOUR, 0)
    assert kinds(case)[-2:] == ["notice_failed", "notice_requeued"]


def test_the_alert_to_a_supervisor_goes_to_the_supervisor(in_app: Flask) -> None:
    supervisor = a_supervisor()
    case = a_case(State.RESOLVED)
    with transaction():
        loop.confirm(case, fixed=False, by=case.customer.actor, at=MONDAY + HOUR)
    alert = outbox()[-1]
    assert (alert.kind, alert.address, alert.user_id, alert.customer_id) == (
        NoticeKind.ESCALATION,
        supervisor.email,
        supervisor.id,
        None,
    )
