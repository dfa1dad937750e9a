"""Who gets a case, and who hears of it when a promise breaks."""

from datetime import datetime

import sqlalchemy as sa

from cxloop.accounts.models import Role, User
from cxloop.cases.models import Case
from cxloop.db import db, insert
from cxloop.routing.models import Escalation, Turn

TO_SUPERVISOR = 1


def assign(case: Case, *, by: str, at: datetime) -> User | None:
    """Give the case to the agent of its team who has waited longest for one; None if there is none."""
    agent = _next(case.team_id, Role.AGENT)
    if agent is None:
        case.record("case_unassigned", by=by, at=at, why="no active agent in the team")
        return None
    case.assign(agent, why="next in turn", by=by, at=at)
    _take_turn(agent, at)
    return agent


def escalate(case: Case, *, why: str, by: str, at: datetime) -> Escalation | None:
    """Climb to the supervisor: the team's own, else an admin, else nobody, which the board shows.

    None if the case climbed before in this cycle, unless whoever looked on has left meanwhile: then to the next one.
    """
    climbed = sa.select(Escalation).where(
        Escalation.case_id == case.id, Escalation.cycle == case.cycle, Escalation.rung == TO_SUPERVISOR
    )
    step = db.session.scalars(climbed).first()
    if step and case.escalated_to and case.escalated_to.active:
        return None
    to = _next(case.team_id, Role.SUPERVISOR) or _next(None, Role.ADMIN)
    if step and to is None:
        return None
    step = step or Escalation(case_id=case.id, cycle=case.cycle, rung=TO_SUPERVISOR, why=why, at=at)
    step.to_id = to.id if to else None
    db.session.add(step)
    db.session.flush()
    case.escalate(to, rung=TO_SUPERVISOR, why=why, by=by, at=at)
    if to:
        _take_turn(to, at)
    return step


def _take_turn(user: User, at: datetime) -> None:
    turn = insert(Turn).values(user_id=user.id, last_at=at)
    db.session.execute(turn.on_conflict_do_update(index_elements=["user_id"], set_={"last_at": at}))


def _next(team_id: int | None, role: Role) -> User | None:
    """The active member of that role, of one team or of any, whose last turn is longest ago."""
    people = sa.select(User).outerjoin(Turn, Turn.user_id == User.id).where(User.role == role, User.active)
    if team_id is not None:
        people = people.where(User.team_id == team_id)
    return db.session.scalars(people.order_by(Turn.last_at.asc().nulls_first(), User.id)).first()
