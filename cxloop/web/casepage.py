"""Everything the case page shows, gathered in a handful of queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from cxloop import events, sla
from cxloop.accounts.models import User
from cxloop.cases import Case, State, queries
from cxloop.cases.models import WITH_REASON, CaseFeedback
from cxloop.db import db
from cxloop.events import Event
from cxloop.intake.models import Feedback
from cxloop.notices import Notice
from cxloop.tagging.models import BY_RULE, Tag
from cxloop.tagging.taxonomy import DEFAULT_CAUSES
from cxloop.web import rows, story
from cxloop.web.words import ClockWords, ago, clock, state_detail


@dataclass(frozen=True, slots=True)
class Attempt:
    """A form that was refused: which (its endpoint), what was in it, what is wrong with it and with its fields."""

    form: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    def value(self, form: str, name: str, otherwise: str = "") -> str:
        return self.given.get(name, "") if form == self.form else otherwise

    def error(self, form: str, name: str) -> str:
        return self.fault if form == self.form and name in self.fields else ""


@dataclass(frozen=True, slots=True)
class Understood:
    """What one piece of feedback was read as; `causes` with their confidence in per cent, none if a rule decided."""

    sentiment: str
    confidence: int | None
    causes: list[tuple[str, int]]
    urgency: str
    unsure: Sequence[str]
    safety: Sequence[str]
    by_rule: bool
    source: str
    score: str


@dataclass(frozen=True, slots=True)
class Trail:
    """One event of the audit trail, as it is kept."""

    seq: int
    at: datetime
    by: str
    kind: str
    data: str
    hash: str


@dataclass(frozen=True, slots=True)
class CasePage:
    case: Case
    at: datetime
    attempt: Attempt
    live: bool
    detail: str
    received: str
    clocks: list[ClockWords]
    story: list[story.Said | story.Done]
    understood: list[Understood]
    causes: list[tuple[str, str]]
    cause: str
    colleagues: list[User]
    earlier: list[rows.Row]
    endings: list[tuple[str, str]]
    checks: list[tuple[str, bool]]
    trail: list[Trail]


def of(case: Case, at: datetime, attempt: Attempt | None = None) -> CasePage:
    happened, messages = events.of(case.subject), queries.messages(case)
    notices = list(db.session.scalars(sa.select(Notice).where(Notice.case_id == case.id)))
    names = _names(case, happened, [message.by for message in messages])
    return CasePage(
        case=case,
        at=at,
        attempt=attempt or Attempt(),
        live=case.state not in (State.RESOLVED, State.CLOSED),
        detail=state_detail(case),
        received=ago(case.opened_at, at),
        clocks=[clock(promise, case, at) for promise in sla.of(case) if promise.cycle == case.cycle],
        story=story.tell(messages, happened, notices, names, at),
        understood=_understood(case),
        causes=[(cause.key, cause.name) for cause in DEFAULT_CAUSES],
        cause=rows.cause_name(case.confirmed_cause or case.cause),
        colleagues=_colleagues(case),
        earlier=rows.of(queries.earlier(case), at),
        endings=[(outcome.value, outcome.value.capitalize()) for outcome in sorted(WITH_REASON)],
        checks=[("The customer has heard from a person", case.answered_at is not None)],
        trail=[_kept(event, names) for event in happened],
    )


def _names(case: Case, happened: list[Event], spoke: list[str]) -> dict[str, str]:
    """What to call everybody who appears in the story."""
    actors = {event.by for event in happened} | set(spoke)
    actors |= {f"user:{event.data[key]}" for event in happened for key in ("owner", "to") if event.data.get(key)}
    ids = [int(id) for kind, _, id in (actor.partition(":") for actor in actors) if kind == "user" and id.isdecimal()]
    people = {user.actor: user.name for user in db.session.scalars(sa.select(User).where(User.id.in_(ids)))}
    return people | {case.customer.actor: case.customer.shown_name}


def _colleagues(case: Case) -> list[User]:
    """Those who can own the case."""
    team = sa.select(User).where(User.team_id == case.team_id, User.active).order_by(User.name)
    return list(db.session.scalars(team))


def _understood(case: Case) -> list[Understood]:
    read = (
        sa.select(Feedback, Tag)
        .join(CaseFeedback, CaseFeedback.feedback_id == Feedback.id)
        .join(Tag, Tag.feedback_id == Feedback.id)
        .where(CaseFeedback.case_id == case.id)
        .order_by(Feedback.received_at.desc(), Feedback.id.desc())
    )
    return [_reading(feedback, tag) for feedback, tag in db.session.execute(read)]


def _reading(feedback: Feedback, tag: Tag) -> Understood:
    by_rule = tag.model == BY_RULE
    causes = [] if by_rule else [(rows.CAUSES.get(cause, cause), round(100 * sure)) for cause, sure in tag.causes]
    return Understood(
        sentiment=tag.sentiment,
        confidence=None if by_rule else round(100 * tag.sentiment_confidence),
        causes=causes,
        urgency=tag.urgency,
        unsure=tag.unsure,
        safety=[word.replace("_", " ") for word in tag.safety],
        by_rule=by_rule,
        source=f"{feedback.source.name} ({feedback.source.kind.value})",
        score=f"{feedback.score:g} on a scale of {feedback.scale}" if feedback.score is not None else "",
    )


def _kept(event: Event, names: Mapping[str, str]) -> Trail:
    data = ", ".join(f"{key} {value}" for key, value in event.data.items() if value is not None)
    return Trail(event.seq, event.at, story.actor(event.by, names), event.kind.replace("_", " "), data, event.hash[:12])
