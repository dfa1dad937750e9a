"""Whose turn it is, and who hears of it when a promise breaks."""

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import accounts, events, loop, routing
from cxloop.accounts.models import Role, User
from cxloop.cases import Case
from cxloop.db import db, transaction
from cxloop.notices import Notice, NoticeKind
from cxloop.routing.models import Escalation
from tests.factories import DAY, HOUR, MINUTE, MONDAY, a_case, a_supervisor, a_user, an_admin, an_agent


def escalate(case: Case, why: str = "first_response_broken") -> Escalation | None:
    with transaction():
        return routing.escalate(case, why=why, by="worker", at=MONDAY + HOUR)


def left(user: User) -> None:
    with transaction():
        accounts.deactivate(user, by="test", at=MONDAY)


def test_agents_take_turns(in_app: Flask) -> None:
    agents = [an_agent().id for _ in range(3)]
    assert [a_case(at=MONDAY + n * MINUTE).owner_id for n in range(6)] == agents * 2


def test_a_newcomer_is_next(in_app: Flask) -> None:
    an_agent()
    a_case()
    new = an_agent()
    assert a_case(at=MONDAY + MINUTE).owner_id == new.id


def test_only_active_agents_of_the_team_get_cases(in_app: Flask) -> None:
    gone = an_agent()
    left(gone)
    an_agent(team="Billing")
    a_supervisor()
    an_admin()
    case = a_case(team="Care")
    assert case.owner_id is None
    assert "case_unassigned" in [event.kind for event in events.of(case.subject)]


def test_a_broken_promise_climbs_to_the_teams_own_supervisor(in_app: Flask) -> None:
    a_supervisor(team="Billing")
    an_admin()
    own = a_supervisor(team="Care")
    case = a_case(team="Care")
    escalate(case)
    assert case.escalated_to_id == own.id


@pytest.mark.parametrize("supervisors", [0, 1])
def test_without_an_active_supervisor_it_climbs_to_an_admin(in_app: Flask, supervisors: int) -> None:
    for _ in range(supervisors):
        left(a_supervisor())
    admin = an_admin(team="Management")
    case = a_case()
    escalate(case)
    assert case.escalated_to_id == admin.id


def test_with_nobody_to_climb_to_the_case_says_so_and_stays_to_be_seen(in_app: Flask) -> None:
    case = a_case()
    step = escalate(case)
    assert step is not None
    assert step.to_id is None
    assert case.escalated_at == MONDAY + HOUR
    [escalated] = [event for event in events.of(case.subject) if event.kind == "case_escalated"]
    assert escalated.data["to"] is None


def test_a_rung_is_climbed_once_in_a_cycle(in_app: Flask) -> None:
    supervisor = a_supervisor()
    case = a_case()
    assert escalate(case) is not None
    assert escalate(case, "resolution_broken") is None
    assert case.escalated_to_id == supervisor.id
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Escalation)) == 1


def test_whoever_looks_on_and_leaves_is_followed_by_the_next(in_app: Flask) -> None:
    gone, next_one = a_supervisor(), a_supervisor()
    case = a_case()
    escalate(case)
    assert case.escalated_to_id == gone.id
    left(gone)
    assert escalate(case, "resolution_broken") is not None
    assert case.escalated_to_id == next_one.id
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Escalation)) == 1


def test_the_alert_goes_to_somebody_who_is_still_here(in_app: Flask) -> None:
    gone, admin = a_supervisor(), an_admin()
    case = a_case()
    with transaction():
        [first, resolution] = sorted(
            (promise.id for promise in loop.sla.of(case)), key=lambda id: db.session.get_one(loop.Promise, id).due_at
        )
        loop.escalate(first, by="worker", at=MONDAY + 2 * DAY)
    left(gone)
    with transaction():
        loop.escalate(resolution, by="worker", at=MONDAY + 10 * DAY)
    told = sa.select(Notice.address).where(Notice.kind == NoticeKind.ESCALATION).order_by(Notice.id)
    assert list(db.session.scalars(told)) == [gone.email, admin.email]


def test_when_somebody_comes_the_next_breach_reaches_them(in_app: Flask) -> None:
    case = a_case()
    escalate(case)
    assert escalate(case, "resolution_broken") is None  # still nobody
    supervisor = a_supervisor()
    assert escalate(case, "resolution_broken") is not None
    assert case.escalated_to_id == supervisor.id


def test_supervisors_take_turns_too(in_app: Flask) -> None:
    supervisors = {a_supervisor().id, a_supervisor().id}
    cases = [a_case(), a_case()]
    for case in cases:
        escalate(case)
    assert {case.escalated_to_id for case in cases} == supervisors


@pytest.mark.parametrize("role", list(Role))
def test_a_case_can_be_owned_by_any_role_of_its_team_when_a_person_decides(in_app: Flask, role: Role) -> None:
    user = a_user(role)
    assert a_case(owner=user).owner_id == user.id
