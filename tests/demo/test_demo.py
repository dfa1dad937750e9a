"""The demo, seeded once with the shipped model; the tests look at what thirty days of the loop have left behind."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import accounts, demo, events, intake, jobs, loop, paths, sla
from cxloop.accounts.models import Role
from cxloop.app import create_app
from cxloop.cases import Case, Kind, Message, Outcome, State
from cxloop.customers.models import Customer
from cxloop.db import Base, db, transaction
from cxloop.errors import CxloopError, Gone
from cxloop.events import Event
from cxloop.intake.models import Feedback, SourceKind
from cxloop.intake.parse import Item
from cxloop.notices import Notice, NoticeKind, NoticeState
from cxloop.routing.models import Escalation
from cxloop.sla import Aim, ClockState, Promise
from cxloop.surveys import of_key
from cxloop.tagging.model import OnnxTagger
from cxloop.tagging.tagger import Suggestion, Tagger, Text
from tests.databases import SECRET, Databases
from tests.fakes import FakeTagger

AT = datetime(2026, 11, 21, 23, 40, tzinfo=UTC)


class TakenBack(Exception):
    """Ends a transaction that the other tests must not see."""


class Breaking(FakeTagger):
    """Says something impossible of one text in the middle."""

    def suggest(self, texts: Sequence[Text]) -> list[Suggestion]:
        said = super().suggest(texts)
        return [replace(said[0], model=None)] if "wheelchair lift" in texts[0].text else said


@pytest.fixture(scope="module")
def model() -> Tagger:
    return OnnxTagger(paths.model_folder())


@pytest.fixture(scope="module")
def seeded(databases: Databases, model: Tagger) -> Flask:
    """An application with the demo in it, in a database that a worker had looked into before."""
    app = create_app(SimpleNamespace(DATABASE_URL=databases.fresh(), SECRET_KEY=SECRET))
    with app.app_context():
        with transaction():
            jobs.beat("an early worker", model=None, at=AT)
            events.seal(at=AT)
        assert demo.seed(at=AT, tagger=model).new
    return app


@pytest.fixture
def larkmoor(seeded: Flask) -> Iterator[None]:
    with seeded.app_context():
        yield


def every(row: type[Base]) -> list:
    return list(db.session.scalars(sa.select(row)).unique())


def row_counts() -> dict[str, int]:
    tables = Base.metadata.sorted_tables
    return {table.name: db.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in tables}


pytestmark = [pytest.mark.sqlite, pytest.mark.model, pytest.mark.slow]


@pytest.mark.usefixtures("larkmoor")
class TestThirtyDays:
    def test_every_state_and_every_outcome_is_there(self) -> None:
        states = Counter(case.state for case in every(Case))
        outcomes = Counter(case.outcome for case in every(Case) if case.outcome)
        assert states.keys() == set(State)
        assert outcomes.keys() == set(Outcome)
        assert min(states.values()) >= 5
        assert outcomes[Outcome.CONFIRMED] > sum(outcomes.values()) / 2

    def test_some_cases_came_back_and_some_of_those_were_then_confirmed(self) -> None:
        again = [case for case in every(Case) if case.cycle > 1]
        assert len(again) >= 5
        assert {State.OPEN, State.CLOSED} <= {case.state for case in again}
        assert all(case.outcome == Outcome.CONFIRMED for case in again if case.state == State.CLOSED)

    def test_some_say_more_about_the_same_thing_and_are_heard_in_the_same_case(self) -> None:
        said = Counter(message.case_id for message in every(Message) if message.kind == Kind.FEEDBACK)
        assert max(said.values()) > 1

    def test_praise_and_small_talk_mostly_open_no_case(self) -> None:
        feedback = row_counts()["feedback"]
        assert len(every(Case)) < 0.7 * feedback

    def test_every_chain_of_events_holds(self) -> None:
        verdict = events.verify()
        assert verdict.broken is None
        assert verdict.events > 1000

    def test_events_of_a_case_follow_each_other_in_time(self) -> None:
        for case in every(Case):
            moments = [event.at for event in events.of(case.subject)]
            assert moments == sorted(moments), case.reference

    def test_nothing_lies_in_the_future(self) -> None:
        assert max(event.at for event in every(Event)) <= AT
        assert max(message.at for message in every(Message)) <= AT
        assert max(notice.created_at for notice in every(Notice)) <= AT

    def test_nothing_waits_for_a_worker(self) -> None:
        assert all(feedback.tagged_at and feedback.due_at is None for feedback in every(Feedback))
        assert {notice.state for notice in every(Notice)} == {NoticeState.HELD, NoticeState.SUPPRESSED}
        assert sla.due(at=AT, limit=10) == []

    def test_everybody_has_an_owner(self) -> None:
        owners = Counter(case.owner.name for case in every(Case) if case.owner)
        assert sum(owners.values()) == len(every(Case))
        assert owners.keys() == {"Amira Haddad", "Jonas Keller", "Priya Nair"}

    def test_nobody_in_it_can_be_reached(self) -> None:
        addresses = [customer.email for customer in every(Customer) if customer.email]
        assert addresses
        assert all(address.endswith(("@example.com", "@example.org", "@example.net")) for address in addresses)


@pytest.mark.usefixtures("larkmoor")
class TestPromises:
    def test_none_broke_after_it_was_settled(self) -> None:
        for promise in every(Promise):
            if promise.breached_at:
                assert promise.breached_at <= (promise.settled_at or AT), promise.id
            if promise.state == ClockState.met:
                assert promise.breached_at is None
                assert promise.settled_at is not None

    def test_kept_late_and_still_owed_are_both_there(self) -> None:
        broken = [promise for promise in every(Promise) if promise.state == ClockState.breached]
        assert any(promise.settled_at for promise in broken)
        assert any(promise.settled_at is None for promise in broken)

    def test_each_breach_was_noticed_at_once_and_climbed_to_the_supervisor_once(self) -> None:
        climbed = Counter((step.case_id, step.cycle) for step in every(Escalation))
        assert max(climbed.values()) == 1
        for promise in every(Promise):
            if promise.breached_at:
                told = [event for event in events.of(promise.case.subject) if event.kind == "promise_broken"]
                [noticed] = [event.at for event in told if event.data["breached_at"] == promise.breached_at.isoformat()]
                assert timedelta(0) < noticed - promise.breached_at <= timedelta(seconds=1)
                assert climbed[promise.case_id, promise.cycle] == 1

    def test_exactly_one_breaks_while_a_newcomer_watches(self) -> None:
        soon = sla.due(at=AT + timedelta(minutes=3), limit=10)
        assert len(soon) == 1
        promise = db.session.get_one(Promise, soon[0])
        assert promise.aim == Aim.FIRST_RESPONSE
        assert promise.due_at == AT + timedelta(minutes=2)
        assert promise.case.state == State.NEW
        assert promise.case.owner is not None
        assert promise.case.escalated_at is None

    def test_when_it_breaks_the_supervisor_is_told(self) -> None:
        later = AT + timedelta(minutes=2, seconds=1)
        with suppress(TakenBack), transaction():
            [soon] = sla.due(at=later, limit=10)
            broken = loop.escalate(soon, by="worker", at=later)
            assert broken is not None
            assert broken.case.escalated_to.name == "Sofia Marchetti"
            told = db.session.scalars(sa.select(Notice).where(Notice.state == NoticeState.DUE)).one()
            assert (told.kind, told.address) == (NoticeKind.ESCALATION, "sofia.marchetti@demo.example.com")
            raise TakenBack

    def test_another_live_timer_has_hours_left(self) -> None:
        running = [row.due_at - AT for row in every(Promise) if row.state == ClockState.running and row.due_at]
        assert timedelta(hours=3) in running


@pytest.mark.usefixtures("larkmoor")
class TestLettingIn:
    def test_one_of_each_role_gets_in_once_and_nobody_has_a_password(self) -> None:
        doors = demo.let_in(at=AT)
        assert [doors.agent.role, doors.supervisor.role, doors.admin.role] == list(Role)
        for door in (doors.agent, doors.supervisor, doors.admin):
            with transaction():
                user, _ = accounts.use_sign_in_link(door.secret, at=AT)
                assert (user.email, user.role, user.password_hash) == (door.email, door.role, None)
            with pytest.raises(Gone), transaction():
                accounts.use_sign_in_link(door.secret, at=AT)

    def test_each_time_the_secrets_are_new(self) -> None:
        assert demo.let_in(at=AT).agent.secret != demo.let_in(at=AT).agent.secret

    def test_there_is_a_survey_to_answer(self) -> None:
        assert of_key(demo.let_in(at=AT).survey_key).active

    def test_a_second_seeding_adds_nothing_and_says_so(self, model: Tagger) -> None:
        before = row_counts()
        again = demo.seed(at=AT + timedelta(days=1), tagger=model)
        assert not again.new
        assert (again.feedback, again.cases) == (before["feedback"], before["case"])
        assert "nothing was added" in str(again)
        assert row_counts() == before


@pytest.mark.usefixtures("in_app")
class TestRefusing:
    def test_a_database_with_a_user_of_its_own_stays_as_it_is(self, tagger: FakeTagger) -> None:
        with transaction():
            accounts.add_user(email="me@company.test", name="Me", role=Role.ADMIN, by="cli", at=AT)
        self.refused_because_of("not the demo's", tagger)

    def test_a_database_with_feedback_of_its_own_stays_as_it_is(self, tagger: FakeTagger) -> None:
        with transaction():
            source = intake.source("shop", SourceKind.REVIEW, by="cli", at=AT)
            loop.hear(source, [Item(external_id="1", text="Fine.")], by="cli", at=AT)
        self.refused_because_of("not the demo's", tagger)

    def test_a_seeding_that_fails_half_way_leaves_nothing_behind(self) -> None:
        before = row_counts()
        with pytest.raises(sa.exc.IntegrityError):
            demo.seed(at=AT, tagger=Breaking())
        assert row_counts() == before

    def test_nobody_is_let_in_where_there_is_no_demo(self) -> None:
        with pytest.raises(CxloopError, match="no demo here"):
            demo.let_in(at=AT)

    def refused_because_of(self, why: str, tagger: FakeTagger) -> None:
        before = row_counts()
        with pytest.raises(CxloopError, match=why) as refusal:
            demo.seed(at=AT, tagger=tagger)
        assert "\n" not in str(refusal.value)
        assert row_counts() == before
        assert demo.in_place() is None
