"""Cases as rows: what `components/rows.html` shows of each, promises, tags and causes read in three queries."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flask import url_for

from cxloop import tagging
from cxloop.cases import Case, queries
from cxloop.cases.models import CaseFeedback
from cxloop.db import db
from cxloop.sla import Promise
from cxloop.tagging.models import Tag
from cxloop.tagging.taxonomy import OTHER
from cxloop.web.words import ClockWords, ago, soonest, state_detail

URGENCIES = ("critical", "high", "normal", "low")


@dataclass(frozen=True, slots=True)
class Received:
    at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class Row:
    """`unsure` names what the tagger asks a person to decide; `cause` is empty where none was stated.

    `fresh`: the promise broke just now.
    """

    id: int
    reference: str
    href: str
    person: str
    words: str
    promise: ClockWords | None
    fresh: bool
    sentiment: str
    unsure: frozenset[str]
    cause: str
    urgency: str
    state: str
    detail: str
    owner: str
    owner_id: int | None
    team_id: int
    received: Received


def of(cases: Sequence[Case], at: datetime) -> list[Row]:
    """In the order given."""
    promises, unsure, causes = _promises(cases), _unsure(cases), tagging.cause_names()
    return [_row(case, promises[case.id], frozenset(unsure[case.id]), causes, at) for case in cases]


def cause_name(key: str | None, causes: Mapping[str, str]) -> str:
    """The cause as people read it; nothing for `other`, which says that none was stated."""
    return "" if not key or key == OTHER else causes.get(key, key.replace("_", " "))


def _row(case: Case, promises: list[Promise], unsure: frozenset[str], causes: Mapping[str, str], at: datetime) -> Row:
    promise = soonest(promises, case, at)
    return Row(
        id=case.id,
        reference=case.reference,
        href=url_for("cases.show", id=case.id),
        person=case.customer.shown_name,
        words=case.headline,
        promise=promise,
        fresh=_broke_just_now(promise, at),
        sentiment=case.sentiment,
        unsure=frozenset() if case.confirmed_cause else unsure,
        cause=cause_name(case.confirmed_cause or case.cause, causes),
        urgency=case.urgency,
        state=case.state.value,
        detail=state_detail(case),
        owner=case.owner.name if case.owner else "",
        owner_id=case.owner_id,
        team_id=case.team_id,
        received=Received(case.opened_at, ago(case.opened_at, at)),
    )


def _broke_just_now(promise: ClockWords | None, at: datetime) -> bool:
    if promise is None or promise.status != "breached" or promise.due_at is None:
        return False
    return promise.due_at > at - queries.JUST_NOW


def _promises(cases: Sequence[Case]) -> defaultdict[int, list[Promise]]:
    found: defaultdict[int, list[Promise]] = defaultdict(list)
    owed = sa.select(Promise).where(Promise.case_id.in_([case.id for case in cases]), Promise.settled_at.is_(None))
    for promise in db.session.scalars(owed):
        found[promise.case_id].append(promise)
    return found


def _unsure(cases: Sequence[Case]) -> defaultdict[int, set[str]]:
    found: defaultdict[int, set[str]] = defaultdict(set)
    tags = sa.select(CaseFeedback.case_id, Tag.unsure).join(Tag, Tag.feedback_id == CaseFeedback.feedback_id)
    for case_id, unsure in db.session.execute(tags.where(CaseFeedback.case_id.in_([case.id for case in cases]))):
        found[case_id].update(unsure)
    return found
