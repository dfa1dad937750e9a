"""Builders of what a test starts from, made by the real verbs.

Each holds a transaction of its own unless one is open, so it may stand inside `with transaction():` or alone. Rows
given as arguments may come from another application context (`given` returns such).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from cxloop import accounts, intake, loop, surveys
from cxloop.accounts.models import ApiToken, Role, User
from cxloop.cases.models import Case, Outcome, State, WaitingOn
from cxloop.db import Base, db, transaction
from cxloop.intake.models import Feedback, Source, SourceKind
from cxloop.intake.parse import Item
from cxloop.surveys.models import Survey, SurveyKind
from cxloop.tagging.tagger import CauseGuess, Suggestion

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday at nine, when the standard office hours begin."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

_numbers = count(1)
Row = TypeVar("Row", bound=Base)


@contextmanager
def saved() -> Iterator[None]:
    """The transaction that is open, or one of its own."""
    if db.session().in_transaction() and db.session.connection().get_execution_options().get("writes"):
        yield
    else:
        with transaction():
            yield


def here(row: Row) -> Row:
    """The row in the session of this context."""
    found = db.session.get(type(row), row.id)  # type: ignore[attr-defined]
    assert found is not None, f"{row!r} is not in this database"
    return found


def a_user(
    role: Role | str = Role.AGENT,
    *,
    name: str | None = None,
    email: str | None = None,
    password: str | None = None,
    team: str = accounts.DEFAULT_TEAM,
    at: datetime = MONDAY,
) -> User:
    """Without a password (hashing one takes a while) the user signs in by link or through `sign_in`."""
    number = next(_numbers)
    with saved():
        return accounts.add_user(
            email=email or f"{Role(role).value}{number}@staff.test",
            name=name or f"{Role(role).value.title()} Number {number}",
            role=Role(role),
            password=password,
            team_name=team,
            by="test",
            at=at,
        )


def an_agent(**particulars: Any) -> User:
    return a_user(Role.AGENT, **particulars)


def a_supervisor(**particulars: Any) -> User:
    return a_user(Role.SUPERVISOR, **particulars)


def an_admin(**particulars: Any) -> User:
    return a_user(Role.ADMIN, **particulars)


def a_token(scopes: tuple[str, ...] = ("feedback:write",), *, at: datetime = MONDAY) -> tuple[ApiToken, str]:
    """The row, and the text that goes into the header."""
    with saved():
        return accounts.add_token(f"token {next(_numbers)}", scopes=list(scopes), by="test", at=at)


def a_source(
    name: str = "Reviews",
    kind: SourceKind = SourceKind.REVIEW,
    *,
    team: str = accounts.DEFAULT_TEAM,
    at: datetime = MONDAY,
) -> Source:
    """One for each name: a second call returns the first one's."""
    with saved():
        return intake.source(name, kind, team=team, by="test", at=at)


def a_survey(kind: SurveyKind | str = SurveyKind.NPS, *, name: str | None = None, at: datetime = MONDAY) -> Survey:
    with saved():
        return surveys.add(name or f"Survey {next(_numbers)}", SurveyKind(kind), by="test", at=at)


def an_item(text: str | None = "The parcel came late.", **particulars: Any) -> Item:
    """What a source hands in; the customer has an address unless `email=None`."""
    number = next(_numbers)
    particulars.setdefault("external_id", f"item-{number}")
    particulars.setdefault("email", f"customer{number}@example.test")
    return Item(text=text, **particulars)


def a_feedback(
    text: str | None = "The parcel came late.",
    *,
    source: Source | None = None,
    tell: bool | None = None,
    at: datetime = MONDAY,
    **item: Any,
) -> Feedback:
    """Heard at `at`, not yet understood if it has a text; `item` is as for `an_item`."""
    with saved():
        [feedback] = loop.hear(
            here(source) if source else a_source(at=at), [an_item(text, **item)], tell=tell, by="test", at=at
        ).new
        return feedback


def a_suggestion(
    sentiment: str = "negative",
    *causes: str,
    urgency: str = "normal",
    confidence: float = 0.9,
    unsure: tuple[str, ...] = (),
    safety: tuple[str, ...] = (),
) -> Suggestion:
    """What a tagger says."""
    return Suggestion(
        sentiment=sentiment,
        sentiment_confidence=confidence,
        causes=tuple(CauseGuess(cause, confidence) for cause in causes or ("delivery_delay",)),
        urgency=urgency,
        unsure=unsure,
        safety=safety,
        model="test",
    )


def a_case(
    state: State | str = State.NEW,
    *,
    text: str = "The parcel came late.",
    cause: str = "delivery_delay",
    urgency: str = "normal",
    owner: User | None = None,
    outcome: Outcome = Outcome.CONFIRMED,
    team: str = accounts.DEFAULT_TEAM,
    at: datetime = MONDAY,
    **item: Any,
) -> Case:
    """A case in that state, opened at `at`, a minute between its steps; owned by `owner`, else by whom routing finds.

    `item` is as for `an_item`: `email=None` makes a customer whom nobody can write to.
    """
    state = State(state)
    with saved():
        feedback = a_feedback(text, source=a_source(f"Reviews of {team}", team=team, at=at), at=at, **item)
        case = loop.understand(feedback, a_suggestion("negative", cause, urgency=urgency), by="worker", at=at)
        assert case is not None
        if owner:
            case.assign(here(owner), why="test", by="test", at=at)
        by = case.owner.actor if case.owner else "test"
        if state == State.OPEN:
            loop.answer(case, "I am looking into it.", by=by, at=at + MINUTE)
        elif state == State.WAITING:
            loop.ask(case, "What is your order number?", by=by, at=at + MINUTE)
            assert case.waiting_on == WaitingOn.CUSTOMER
        elif state in (State.RESOLVED, State.CLOSED):
            loop.resolve(case, cause=cause, text="You have your money back.", by=by, at=at + MINUTE)
        if state == State.CLOSED and outcome == Outcome.CONFIRMED:
            loop.confirm(case, fixed=True, by=case.customer.actor, at=at + 2 * MINUTE)
        elif state == State.CLOSED and outcome == Outcome.UNCONFIRMED:
            loop.silence(case.id, by="worker", at=at + MINUTE + loop.SILENCE_ENDS)
        elif state == State.CLOSED:
            loop.close(case, outcome, reason="for the test", by=by, at=at + 2 * MINUTE)
        return case
