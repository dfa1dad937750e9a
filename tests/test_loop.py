"""The loop, step by step: what each verb does, and what it refuses."""

import threading
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import accounts, cases, events, intake, loop, notices, sla, tagging
from cxloop.cases import Case, Outcome, State, WaitingOn
from cxloop.cases.queries import feedback as feedback_of
from cxloop.cases.queries import messages
from cxloop.db import backoff, db, locked, transaction
from cxloop.errors import Conflict, Invalid
from cxloop.intake.models import Feedback
from cxloop.notices import Notice, NoticeKind, NoticeState
from cxloop.sla import Aim, ClockState
from cxloop.tagging.models import BY_RULE
from cxloop.tagging.tagger import Suggestion
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    a_case,
    a_feedback,
    a_source,
    a_suggestion,
    a_supervisor,
    an_agent,
    an_item,
)
from tests.together import together

CLEO = "cleo@example.test"


def understood(
    text: str | None = "It came late.",
    *causes: str,
    at: datetime = MONDAY,
    suggestion: Suggestion | None = None,
    urgency: str = "normal",
    **item: object,
) -> Case | None:
    """Feedback that came at `at` and was read at once."""
    feedback = a_feedback(text, at=at, **item)  # type: ignore[arg-type]
    with transaction():
        read = suggestion or a_suggestion("negative", *causes, urgency=urgency)
        return loop.understand(feedback, read, by="worker", at=at)


def kinds(case: Case) -> list[str]:
    return [event.kind for event in events.of(case.subject)]


def owed(case: Case, kind: NoticeKind) -> list[Notice]:
    found = sa.select(Notice).where(Notice.case_id == case.id, Notice.kind == kind).order_by(Notice.id)
    return list(db.session.scalars(found))


def count(rows: type) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(rows)) or 0


# ------------------------------------------------------------------------------------------------------ hearing


def test_what_is_heard_twice_is_kept_once(in_app: Flask) -> None:
    source = a_source()
    item = an_item(external_id="1")
    with transaction():
        first = loop.hear(source, [item, item], by="test", at=MONDAY)
    with transaction():
        again = loop.hear(source, [item, an_item(external_id="2")], by="test", at=MONDAY)
    assert (len(first.new), first.duplicates) == (1, 1)
    assert ([feedback.external_id for feedback in again.new], again.duplicates) == (["2"], 1)


# ------------------------------------------------------------------------------------------------ understanding


def test_praise_opens_no_case(in_app: Flask) -> None:
    assert understood("Lovely!", suggestion=a_suggestion("positive")) is None
    assert count(Case) == 0


def test_a_bad_score_without_words_opens_a_case_that_says_so(in_app: Flask) -> None:
    feedback = a_feedback(None, score=2, scale="0-10")
    with transaction():
        case = loop.understand(feedback, None, by="worker", at=MONDAY)
    assert case is not None
    assert (case.sentiment, case.urgency, case.headline) == ("negative", "normal", "Score 2 (0-10)")
    assert messages(case)[0].body == "Score 2 on a scale of 0-10, without a comment."
    assert tagging.of(feedback).model == BY_RULE  # type: ignore[union-attr]


def test_a_good_score_without_words_is_understood_and_opens_no_case(in_app: Flask) -> None:
    feedback = a_feedback(None, score=10, scale="0-10")
    with transaction():
        assert loop.understand(feedback, None, by="worker", at=MONDAY) is None
    assert (feedback.due_at, count(Case)) == (None, 0)


def test_the_clocks_of_a_case_start_when_we_got_the_words_not_when_we_read_them(in_app: Flask) -> None:
    feedback = a_feedback(at=MONDAY)
    with transaction():
        case = loop.understand(feedback, a_suggestion(), by="worker", at=MONDAY + 2 * HOUR)
    assert case is not None
    assert case.opened_at == MONDAY
    assert {promise.started_at for promise in sla.of(case)} == {MONDAY}


def test_the_same_customer_about_the_same_thing_joins_the_open_case(in_app: Flask) -> None:
    case = understood("It came late.", "delivery_delay", email=CLEO)
    again = understood("Still not here!", "delivery_delay", at=MONDAY + HOUR, email=CLEO, urgency="high")
    assert case is not None
    assert again is case
    assert case.urgency == "high"
    assert [each.text for each in feedback_of(case)] == ["It came late.", "Still not here!"]
    assert kinds(case).count("case_opened") == kinds(case).count("feedback_joined") == 1
    assert len(owed(case, NoticeKind.ACKNOWLEDGEMENT)) == 1


@pytest.mark.parametrize(
    ("why", "text", "cause", "item", "at"),
    [
        ("another matter", "So rude!", "staff_attitude", {"email": CLEO}, MONDAY + HOUR),
        ("another customer", "Late too.", "delivery_delay", {"email": "dan@example.test"}, MONDAY + HOUR),
        ("long ago", "Late.", "delivery_delay", {"email": CLEO}, MONDAY + 31 * DAY),
    ],
)
def test_what_does_not_belong_together_is_a_case_of_its_own(
    in_app: Flask, why: str, text: str, cause: str, item: dict[str, str], at: datetime
) -> None:
    case = understood("It came late.", "delivery_delay", email=CLEO)
    other = understood(text, cause, at=at, **item)
    assert case is not None
    assert other is not None
    assert other.id != case.id


def test_people_without_an_address_never_join_each_other(in_app: Flask) -> None:
    opened = [understood("It came late.", "delivery_delay", email=None, customer_name="Cleo") for _ in range(2)]
    assert len({case.id for case in opened if case}) == 2
    assert len({case.customer_id for case in opened if case}) == 2


def test_the_same_words_for_another_team_are_that_teams_case(in_app: Flask) -> None:
    one = understood("It came late.", "delivery_delay", email=CLEO, source=a_source("Shop"))
    other = understood("It came late.", "delivery_delay", email=CLEO, source=a_source("Bank", team="Billing"))
    assert one is not None
    assert other is not None
    assert one.id != other.id


def test_of_two_open_cases_the_one_of_the_very_same_cause_is_joined(in_app: Flask) -> None:
    billing = understood("Charged twice.", "billing_refund", email=CLEO)
    with transaction():
        vague = cases.open_case(*_read("Terrible.", "other", email=CLEO), reason="test", by="test", at=MONDAY)
    assert understood("My refund!", "billing_refund", at=MONDAY + HOUR, email=CLEO) is billing
    assert understood("So rude.", "staff_attitude", at=MONDAY + HOUR, email=CLEO) is vague


def _read(text: str, cause: str, **item: str) -> tuple[Feedback, tagging.Tag]:
    feedback = a_feedback(text, **item)  # type: ignore[arg-type]
    tag = tagging.tag(feedback, a_suggestion("negative", cause), by="test", at=MONDAY)
    intake.tagged(feedback, at=MONDAY)
    return feedback, tag


def test_a_closed_case_is_not_joined(in_app: Flask) -> None:
    closed = a_case(State.CLOSED, cause="delivery_delay", email=CLEO)
    new = understood("Late again.", "delivery_delay", at=MONDAY + HOUR, email=CLEO)
    assert new is not None
    assert new.id != closed.id


def test_who_complains_again_about_what_was_resolved_begins_a_new_cycle(in_app: Flask) -> None:
    agent, supervisor = an_agent(), a_supervisor()
    case = a_case(State.RESOLVED, cause="delivery_delay", email=CLEO)
    assert understood("Still not here.", "delivery_delay", at=MONDAY + HOUR, email=CLEO) is case
    assert (case.state, case.cycle, case.owner_id, case.escalated_to_id) == (State.OPEN, 2, agent.id, supervisor.id)
    assert {promise.state for promise in sla.of(case) if promise.cycle == 2} == {ClockState.running}
    assert len(owed(case, NoticeKind.REOPENED)) == len(owed(case, NoticeKind.ESCALATION)) == 1


def test_who_writes_again_instead_of_answering_our_question_ends_the_waiting(in_app: Flask) -> None:
    case = a_case(State.WAITING, cause="delivery_delay", email=CLEO)
    assert understood("I want my parcel.", "delivery_delay", at=MONDAY + HOUR, email=CLEO) is case
    assert (case.state, case.waiting_on) == (State.OPEN, None)
    assert sla.of(case)[1].state == ClockState.running


def test_a_graver_complaint_moves_the_promises_nearer_and_a_lighter_one_never_further(in_app: Flask) -> None:
    case = understood("Late.", "delivery_delay", email=CLEO, urgency="normal")
    assert case is not None
    understood("I need it today!", "delivery_delay", at=MONDAY + HOUR, email=CLEO, urgency="high")
    first, resolution = sla.of(case)
    assert (first.due_at, resolution.due_at) == (MONDAY + 4 * HOUR, MONDAY + DAY + 8 * HOUR)
    assert case.queue_at == MONDAY + 4 * HOUR
    understood("Late.", "delivery_delay", at=MONDAY + HOUR, email=CLEO, urgency="low")
    assert sla.of(case)[0].due_at == MONDAY + 4 * HOUR
    assert kinds(case).count("promise_moved") == 2


def test_a_deadline_that_moves_into_the_past_is_missed_now_and_not_before(in_app: Flask) -> None:
    case = understood("Late.", "delivery_delay", email=CLEO, urgency="normal")
    assert case is not None
    noticed = MONDAY + 2 * HOUR
    understood("He hurt me!", "delivery_delay", at=noticed, email=CLEO, urgency="critical")
    [overdue] = sla.due(at=noticed + MINUTE, limit=10)
    with transaction():
        broken = loop.escalate(overdue, by="worker", at=noticed + MINUTE)
    assert broken is not None
    assert broken.breached_at == noticed


def test_two_readings_at_once_open_one_case(app: Flask) -> None:
    def read(number: int) -> int | None:
        feedback_id = ids[number]
        with transaction() as session:
            feedback = session.get_one(Feedback, feedback_id)
            case = loop.understand(feedback, a_suggestion("negative", "delivery_delay"), by="worker", at=MONDAY)
            return case.id if case else None

    with app.app_context():
        an_agent()
        ids = [a_feedback(text, email=CLEO).id for text in ("Late.", "Very late.", "Late, late.", "So late.")]
    opened = together(app, *(lambda number=number: read(number) for number in range(4)))
    assert len(set(opened)) == 1
    with app.app_context():
        assert count(Case) == 1
        assert len(feedback_of(db.session.get_one(Case, opened[0]))) == 4
        assert events.verify().broken is None


@pytest.mark.postgresql
def test_a_case_that_is_closed_while_somebody_waits_to_join_it_is_not_joined(app: Flask) -> None:
    with app.app_context():
        case_id = a_case(cause="delivery_delay", email=CLEO).id
        feedback_id = a_feedback("Late.", email=CLEO).id
    waiting = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    closing = threading.Event()

    def close() -> None:
        with transaction() as session:
            case = locked(Case, case_id)
            assert case is not None
            loop.close(case, Outcome.WITHDRAWN, reason="Taken back.", by="user:1", at=MONDAY)
            session.flush()
            closing.set()
            for _ in range(2000):  # until the other one waits for us
                session.execute(sa.select(sa.func.pg_stat_clear_snapshot()))
                if session.scalar(waiting):
                    break

    def read() -> None:
        closing.wait(timeout=30)
        with transaction() as session:
            case = loop.understand(
                session.get_one(Feedback, feedback_id), a_suggestion(), by="worker", at=MONDAY + HOUR
            )
            assert case is not None
            assert case.id != case_id

    together(app, close, read)
    with app.app_context():
        assert count(Case) == 2


def test_the_same_feedback_read_by_two_at_once_is_read_once(app: Flask) -> None:
    def read() -> int | None:
        with transaction() as session:
            feedback = session.get_one(Feedback, feedback_id)
            case = loop.understand(feedback, a_suggestion(), by="worker", at=MONDAY)
            return case.id if case else None

    with app.app_context():
        feedback_id = a_feedback().id
    assert len(set(together(app, read, read))) == 1
    with app.app_context():
        assert [event.kind for event in events.of(f"feedback:{feedback_id}")] == [
            "feedback_received",
            "feedback_tagged",
        ]


# ----------------------------------------------------------------------------------- while the tagger is away


def test_without_the_tagger_the_rules_decide_at_once_and_it_is_read_again_later(in_app: Flask) -> None:
    an_agent()
    feedback = a_feedback("It is a disgrace.", score=1, scale="1-5")
    with transaction():
        case = loop.understand_by_rule(feedback, "no model", by="worker", at=MONDAY)
    assert case is not None
    assert sla.of(case)[0].started_at == MONDAY
    assert (case.cause, case.reason) == ("other", "negative_sentiment")
    assert feedback.tagged_at is None
    assert feedback.due_at is not None
    assert MONDAY < feedback.due_at <= MONDAY + backoff(1) * 2
    assert feedback.last_error == "no model"

    with transaction():  # the tagger is back
        again = loop.understand(
            feedback, a_suggestion("negative", "staff_attitude", urgency="high"), by="worker", at=MONDAY + HOUR
        )
    assert again is case
    assert (case.cause, case.urgency, count(Case)) == ("staff_attitude", "high", 1)
    assert (feedback.due_at, feedback.last_error) == (None, None)
    assert sla.of(case)[0].due_at == MONDAY + 4 * HOUR
    assert len(owed(case, NoticeKind.ACKNOWLEDGEMENT)) == 1


def test_what_the_rules_passed_over_still_becomes_a_case_when_the_tagger_is_back(in_app: Flask) -> None:
    feedback = a_feedback("It never came.")
    with transaction():
        assert loop.understand_by_rule(feedback, "no model", by="worker", at=MONDAY) is None
    with transaction():
        case = loop.understand(feedback, a_suggestion(), by="worker", at=MONDAY + HOUR)
    assert case is not None
    assert case.opened_at == MONDAY


def test_a_tagger_that_stays_away_adds_nothing_to_the_trail(in_app: Flask) -> None:
    feedback = a_feedback("It is a disgrace.", score=1, scale="1-5")
    for hours in range(4):
        with transaction():
            loop.understand_by_rule(feedback, "no model", by="worker", at=MONDAY + hours * HOUR)
    assert [event.kind for event in events.of(f"feedback:{feedback.id}")] == ["feedback_received", "feedback_tagged"]
    assert count(Case) == 1


def test_a_reading_by_rule_that_comes_late_undoes_no_better_one(in_app: Flask) -> None:
    feedback = a_feedback("It never came.")
    with transaction():
        loop.understand(feedback, a_suggestion("negative", "delivery_delay"), by="worker", at=MONDAY)
    with transaction():
        loop.understand_by_rule(feedback, "timed out", by="worker", at=MONDAY + MINUTE)
    assert feedback.due_at is None
    assert tagging.of(feedback).cause == "delivery_delay"  # type: ignore[union-attr]


# ------------------------------------------------------------------------------------------ answering and asking


def test_an_answer_keeps_the_first_response_and_owes_the_customer_the_words(in_app: Flask) -> None:
    case = a_case()
    with transaction():
        message = loop.answer(case, " We are on it. ", by="user:1", at=MONDAY + HOUR)
    assert (message.body, case.state, case.answered_at) == ("We are on it.", State.OPEN, MONDAY + HOUR)
    assert [promise.state for promise in sla.of(case)] == [ClockState.met, ClockState.running]
    [notice] = owed(case, NoticeKind.REPLY)
    assert (notice.message_id, notice.state, notice.address) == (message.id, NoticeState.DUE, case.customer.email)


def test_a_question_to_the_customer_counts_as_an_answer_and_stops_the_clocks(in_app: Flask) -> None:
    case = a_case()
    with transaction():
        loop.ask(case, "Which order?", by="user:1", at=MONDAY + HOUR)
    assert (case.state, case.waiting_on) == (State.WAITING, WaitingOn.CUSTOMER)
    first, resolution = sla.of(case)
    assert (first.state, resolution.state, resolution.due_at) == (ClockState.met, ClockState.paused, None)
    assert len(owed(case, NoticeKind.REQUEST)) == 1


def test_the_customers_answer_lets_the_clocks_run_on_with_what_was_left(in_app: Flask) -> None:
    case = a_case()
    before = sla.of(case)[1].due_at
    assert before is not None
    with transaction():
        loop.ask(case, "Which order?", by="user:1", at=MONDAY + HOUR)
    with transaction():
        loop.hear_back(case, "Number 7.", by=case.customer.actor, at=MONDAY + 3 * HOUR)
    assert case.state == State.OPEN
    assert before == MONDAY + 4 * DAY + 8 * HOUR  # Friday at closing
    assert sla.of(case)[1].due_at == MONDAY + 7 * DAY + 2 * HOUR


def test_a_case_that_waits_for_somebody_else_goes_on_waiting_when_the_customer_writes(in_app: Flask) -> None:
    case = a_case(State.OPEN)
    with transaction():
        case.wait(WaitingOn.THIRD_PARTY, by="user:1", at=MONDAY + HOUR)
    with transaction():
        loop.hear_back(case, "Any news?", by=case.customer.actor, at=MONDAY + 2 * HOUR)
    assert (case.state, case.waiting_on) == (State.WAITING, WaitingOn.THIRD_PARTY)


def test_only_what_waits_can_go_on(in_app: Flask) -> None:
    case = a_case(State.WAITING)
    with transaction():
        loop.resume(case, by="user:1", at=MONDAY + HOUR)
    assert case.state == State.OPEN
    with pytest.raises(Conflict, match="is not waiting"), transaction():
        loop.resume(case, by="user:1", at=MONDAY + HOUR)


def test_a_note_answers_nobody(in_app: Flask) -> None:
    case = a_case()
    with transaction():
        loop.note(case, "He called before.", by="user:1", at=MONDAY + HOUR)
    assert (case.state, case.answered_at) == (State.NEW, None)
    assert sla.of(case)[0].state == ClockState.running
    assert count(Notice) == 1


@pytest.mark.parametrize("state", [State.RESOLVED, State.CLOSED])
@pytest.mark.parametrize("verb", [loop.answer, loop.ask])
def test_a_settled_case_is_not_answered_without_reopening(in_app: Flask, state: State, verb: object) -> None:
    case = a_case(state)
    with pytest.raises(Conflict, match="reopen it first"), transaction():
        verb(case, "One more thing.", by="user:1", at=MONDAY + HOUR)  # type: ignore[operator]


@pytest.mark.parametrize(("state", "says"), [(State.RESOLVED, "whether it is fixed"), (State.CLOSED, "closed")])
def test_words_on_a_settled_case_ask_for_the_verdict_and_are_not_lost_in_it(
    in_app: Flask, state: State, says: str
) -> None:
    case = a_case(state)
    with pytest.raises(Conflict, match=says), transaction():
        loop.hear_back(case, "It is not fixed.", by=case.customer.actor, at=MONDAY + HOUR)


# ------------------------------------------------------------------------------------------ resolving and closing


def test_resolving_needs_a_confirmed_cause_and_words_for_the_customer(in_app: Flask) -> None:
    case = a_case(State.OPEN)
    with pytest.raises(Invalid, match="what caused it") as refusal, transaction():
        loop.resolve(case, cause="", text="Done.", by="user:1", at=MONDAY + HOUR)
    assert refusal.value.fields == {"cause": "is missing"}
    with pytest.raises(Invalid, match="empty"), transaction():
        loop.resolve(case, cause="wait_time", text=" ", by="user:1", at=MONDAY + HOUR)
    assert case.state == State.OPEN


def test_resolving_at_once_keeps_both_promises_and_tells_the_decision(in_app: Flask) -> None:
    case = a_case()
    with transaction():
        loop.resolve(case, cause="wait_time", text="Money back.", by="user:1", at=MONDAY + HOUR)
    assert (case.state, case.confirmed_cause, case.resolved_at) == (State.RESOLVED, "wait_time", MONDAY + HOUR)
    assert {promise.state for promise in sla.of(case)} == {ClockState.met}
    assert len(owed(case, NoticeKind.RESOLUTION)) == 1


@pytest.mark.parametrize("outcome", [Outcome.CONFIRMED, Outcome.UNCONFIRMED])
@pytest.mark.parametrize("state", [State.OPEN, State.RESOLVED])
def test_nobody_closes_in_the_customers_name(in_app: Flask, outcome: Outcome, state: State) -> None:
    case = a_case(state)
    with pytest.raises(Invalid, match="Only the customer") as refusal, transaction():
        loop.close(case, outcome, reason="they were happy", by="user:1", at=MONDAY + HOUR)
    assert "outcome" in refusal.value.fields
    assert case.state == state


@pytest.mark.parametrize("state", [State.NEW, State.OPEN, State.WAITING, State.RESOLVED])
def test_a_person_ends_a_case_with_a_reason_and_nothing_is_owed_any_more(in_app: Flask, state: State) -> None:
    case = a_case(state)
    with transaction():
        loop.close(case, Outcome.WITHDRAWN, reason="She took it back.", by="user:1", at=MONDAY + HOUR)
    assert (case.state, case.outcome) == (State.CLOSED, Outcome.WITHDRAWN)
    assert messages(case)[-1].body == "Closed as withdrawn: She took it back."
    assert all(promise.settled_at for promise in sla.of(case))
    assert sla.due(at=MONDAY + 100 * DAY, limit=10) == []


# --------------------------------------------------------------------------------------------------- the verdict


def test_yes_closes_the_case_as_confirmed(in_app: Flask) -> None:
    case = a_case(State.RESOLVED)
    with transaction():
        loop.confirm(case, fixed=True, text="Thank you!", by=case.customer.actor, at=MONDAY + HOUR)
    assert (case.state, case.outcome, case.closed_at) == (State.CLOSED, Outcome.CONFIRMED, MONDAY + HOUR)
    assert messages(case)[-1].body == "Thank you!"


@pytest.mark.parametrize("state", [State.RESOLVED, State.CLOSED])
def test_no_opens_it_again_for_the_same_owner_under_a_supervisors_eyes(in_app: Flask, state: State) -> None:
    agent, supervisor = an_agent(), a_supervisor()
    case = a_case(state)
    an_agent()  # whose turn it would be
    with transaction():
        loop.confirm(case, fixed=False, by=case.customer.actor, at=MONDAY + HOUR)
    assert (case.state, case.cycle, case.owner_id, case.escalated_to_id) == (State.OPEN, 2, agent.id, supervisor.id)
    assert [promise.started_at for promise in sla.of(case) if promise.cycle == 2] == [MONDAY + HOUR] * 2
    assert owed(case, NoticeKind.ESCALATION)[-1].address == supervisor.email
    assert owed(case, NoticeKind.REOPENED)[-1].address == case.customer.email


def test_a_reopened_case_of_somebody_who_left_gets_a_new_owner(in_app: Flask) -> None:
    gone = an_agent()
    case = a_case(State.RESOLVED)
    assert case.owner_id == gone.id
    new = an_agent()
    with transaction():
        accounts.deactivate(gone, by="test", at=MONDAY)
    with transaction():
        loop.confirm(case, fixed=False, by=case.customer.actor, at=MONDAY + HOUR)
    assert case.owner_id == new.id


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("state", [State.NEW, State.OPEN, State.WAITING])
def test_there_is_no_verdict_on_what_was_not_resolved(in_app: Flask, state: State, fixed: bool) -> None:
    case = a_case(state)
    with pytest.raises(Conflict, match="nothing to confirm"), transaction():
        loop.confirm(case, fixed=fixed, text="Hm.", by=case.customer.actor, at=MONDAY + HOUR)
    assert case.state == state


def test_saying_yes_twice_changes_nothing(in_app: Flask) -> None:
    case = a_case(State.CLOSED)
    known = kinds(case)
    with pytest.raises(Conflict), transaction():
        loop.confirm(case, fixed=True, by=case.customer.actor, at=MONDAY + HOUR)
    assert kinds(case) == known


def test_every_no_is_a_cycle_of_its_own(in_app: Flask) -> None:
    a_supervisor()
    case = a_case(State.RESOLVED)
    for cycle in (2, 3):
        with transaction():
            loop.confirm(case, fixed=False, by=case.customer.actor, at=MONDAY + cycle * HOUR)
        with transaction():
            loop.resolve(case, cause="wait_time", text="Now?", by="user:1", at=MONDAY + cycle * HOUR + MINUTE)
    assert case.cycle == 3
    assert len(owed(case, NoticeKind.REOPENED)) == len(owed(case, NoticeKind.ESCALATION)) == 2
    assert len(owed(case, NoticeKind.RESOLUTION)) == 3
    assert kinds(case).count("case_escalated") == 2


# ---------------------------------------------------------------------------------------------------- silence


@pytest.mark.parametrize(("waited", "closed"), [(timedelta(days=7), True), (timedelta(days=7) - MINUTE, False)])
def test_seven_days_of_silence_leave_a_case_unconfirmed(in_app: Flask, waited: timedelta, closed: bool) -> None:
    case = a_case(State.RESOLVED)
    assert case.resolved_at is not None
    with transaction():
        assert (loop.silence(case.id, by="worker", at=case.resolved_at + waited) is not None) is closed
    assert case.outcome == (Outcome.UNCONFIRMED if closed else None)


@pytest.mark.parametrize("state", [State.NEW, State.OPEN, State.WAITING, State.CLOSED])
def test_silence_ends_nothing_that_is_not_resolved(in_app: Flask, state: State) -> None:
    case = a_case(state)
    with transaction():
        assert loop.silence(case.id, by="worker", at=MONDAY + 100 * DAY) is None
    assert case.state == state


def test_nobody_is_taken_for_silent_who_was_not_told(in_app: Flask) -> None:
    a_case(State.RESOLVED)  # the decision waits to be sent
    long_after = MONDAY + 8 * DAY
    assert notices.told_since(long_after, limit=10) == []
    with transaction():
        notices.hold(at=long_after, limit=10)
    assert notices.told_since(long_after, limit=10) == []
    case = db.session.scalars(sa.select(Case)).one()
    [notice] = owed(case, NoticeKind.RESOLUTION)
    with transaction():
        notices.sent(notice, subject="What we did", body="…", by="worker", at=MONDAY)
    assert notices.told_since(long_after, limit=10) == [case.id]


def test_who_cannot_be_written_to_counts_as_told(in_app: Flask) -> None:
    case = a_case(State.RESOLVED, email=None)
    assert notices.told_since(MONDAY + 8 * DAY, limit=10) == [case.id]


def test_an_earlier_decision_that_was_never_delivered_does_not_stand_in_the_way_of_a_later_one(in_app: Flask) -> None:
    case = a_case(State.RESOLVED)
    with transaction():
        loop.confirm(case, fixed=False, by=case.customer.actor, at=MONDAY + HOUR)
    with transaction():
        loop.resolve(case, cause="wait_time", text="Now it is.", by="user:1", at=MONDAY + 2 * HOUR)
    _, second = owed(case, NoticeKind.RESOLUTION)
    with transaction():
        notices.sent(second, subject="What we did", body="…", by="worker", at=MONDAY + 2 * HOUR)
    assert notices.told_since(MONDAY + 8 * DAY, limit=10) == [case.id]


# ------------------------------------------------------------------------------ both or neither (CRASH-02)


def test_a_step_that_fails_half_way_leaves_nothing_of_it(in_app: Flask) -> None:
    case = a_case(State.OPEN)
    known = kinds(case)

    def resolve_on_a_full_disk() -> None:
        with transaction():
            loop.resolve(case, cause="wait_time", text="Money back.", by="user:1", at=MONDAY + HOUR)
            raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        resolve_on_a_full_disk()
    assert case.state == State.OPEN
    assert kinds(case) == known
    assert owed(case, NoticeKind.RESOLUTION) == []
    assert [promise.state for promise in sla.of(case) if promise.aim is Aim.RESOLUTION] == [ClockState.running]


def test_while_a_third_party_is_waited_for_the_first_response_runs_and_the_resolution_stands_still(
    in_app: Flask,
) -> None:
    case = a_case()
    with transaction():
        loop.wait(case, text="The carrier looks for it.", by="user:1", at=MONDAY + HOUR)
    first, resolution = (next(row for row in sla.of(case) if row.aim == aim) for aim in sla.Aim)
    assert (case.state, case.waiting_on) == (State.WAITING, WaitingOn.THIRD_PARTY)
    assert first.due_at == case.queue_at == MONDAY + 8 * HOUR
    assert resolution.due_at is None
    budget = resolution.budget
    with transaction():
        loop.wait(case, by="user:1", at=MONDAY + 2 * HOUR)
    with transaction():
        loop.resume(case, by="user:1", at=MONDAY + 3 * HOUR)
    assert (case.state, case.waiting_on) == (State.OPEN, None)
    assert resolution.clock.used(MONDAY + 4 * HOUR) == 2 * HOUR, "two hours went by while it waited"
    assert resolution.budget == budget
    assert [row.kind for row in events.of(case.subject)].count("case_waits") == 1


def test_a_case_that_waits_for_a_third_party_breaks_its_first_response_in_silence(in_app: Flask) -> None:
    case = a_case()
    with transaction():
        loop.wait(case, by="user:1", at=MONDAY + HOUR)
    due = sla.due(at=MONDAY + 9 * HOUR, limit=9)
    assert len(due) == 1
    with transaction():
        broken = loop.escalate(due[0], by="worker", at=MONDAY + 9 * HOUR)
    assert broken is not None
    assert broken.aim == sla.Aim.FIRST_RESPONSE


def test_only_a_live_case_waits_for_a_third_party_and_the_customer_has_to_be_asked(in_app: Flask) -> None:
    settled, live = a_case(State.RESOLVED), a_case(cause="wait_time")
    with pytest.raises(Conflict), transaction():
        loop.wait(settled, by="user:1", at=MONDAY + HOUR)
    with pytest.raises(Invalid), transaction():
        loop.wait(live, on=WaitingOn.CUSTOMER, by="user:1", at=MONDAY + HOUR)


def test_an_answer_ends_the_waiting_for_a_third_party(in_app: Flask) -> None:
    case = a_case()
    with transaction():
        loop.wait(case, by="user:1", at=MONDAY + HOUR)
        loop.answer(case, "They found it.", by="user:1", at=MONDAY + 2 * HOUR)
    assert case.state == State.OPEN
    assert [row.due_at is None for row in sla.of(case) if not row.settled_at] == [False]
