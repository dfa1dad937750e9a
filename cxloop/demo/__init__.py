"""The demo: Larkmoor, an invented group of companies, and thirty days of what its customers told it.

`seed` writes it into an empty embedded database, in one transaction, so that an interrupted seeding leaves nothing
behind; `let_in` makes new one-time sign-in links whenever somebody wants to have a look.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from cxloop import accounts, events, sla, surveys
from cxloop.accounts.models import Role, User
from cxloop.db import Base, db, transaction
from cxloop.demo.replay import ROUND_THE_CLOCK, TARGETS, read, replay
from cxloop.demo.story import rows
from cxloop.errors import CxloopError
from cxloop.events import Event
from cxloop.surveys.models import Survey, SurveyKind
from cxloop.tagging.tagger import Tagger

__all__ = ["DemoAccounts", "Seeded", "SignIn", "in_place", "let_in", "seed"]

MARK = "demo"
"""The subject of the one event that says: this database holds the demo."""
STARTED = timedelta(days=31)
"""How long before the seeding Larkmoor began to use cxloop: a day before the first feedback."""

PEOPLE = (
    ("amira.haddad", "Amira Haddad", Role.AGENT),
    ("jonas.keller", "Jonas Keller", Role.AGENT),
    ("priya.nair", "Priya Nair", Role.AGENT),
    ("sofia.marchetti", "Sofia Marchetti", Role.SUPERVISOR),
    ("tom.okafor", "Tom Okafor", Role.ADMIN),
)
SURVEY = "Your last visit"
QUESTION = "How likely are you to recommend Larkmoor to a friend or colleague?"
MAY_BE_THERE = {"worker", "job_run", "throttle"}
"""Tables in which a worker or a page leaves rows of its own before anybody has used the installation."""


@dataclass(frozen=True, slots=True)
class Seeded:
    """How much the demo holds; `new` is False where it was in place already and nothing was added."""

    feedback: int
    cases: int
    new: bool

    def __str__(self) -> str:
        held = f"{self.feedback} pieces of feedback and {self.cases} cases over 30 days"
        return (
            f"The demo is ready: {held}." if self.new else f"The demo is in place already: {held}; nothing was added."
        )


@dataclass(frozen=True, slots=True)
class SignIn:
    """`secret` goes into `Links.sign_in`, works once, and is kept nowhere."""

    name: str
    email: str
    role: Role
    secret: str


@dataclass(frozen=True, slots=True)
class DemoAccounts:
    """A way in for one person of each role; `survey_key` goes into `Links.survey`."""

    agent: SignIn
    supervisor: SignIn
    admin: SignIn
    survey_key: str


def in_place() -> Seeded | None:
    """What the demo held when it was seeded; None where it was not."""
    mark = db.session.scalars(sa.select(Event).where(Event.subject == MARK)).first()
    return Seeded(mark.data["feedback"], mark.data["cases"], new=False) if mark else None


def seed(*, at: datetime, tagger: Tagger) -> Seeded:
    """Replay the thirty days before `at`. With the demo in place, nothing happens.

    Raises CxloopError for PostgreSQL, and for a database that holds anything else.
    """
    if db.engine.dialect.name != "sqlite":
        raise CxloopError("The demo is only for the embedded database: unset CXLOOP_DATABASE_URL and start it again.")
    there = in_place()
    if there is not None:
        return there
    told = list(rows())
    understood = read(told, tagger)
    with transaction():
        _must_be_empty()
        began = at - STARTED
        sla.set_policy("Demo", TARGETS, hours_name="Round the clock", hours=ROUND_THE_CLOCK)
        for login, name, role in PEOPLE:
            accounts.add_user(email=f"{login}@demo.example.com", name=name, role=role, by="cli", at=began)
        surveys.add(SURVEY, SurveyKind.NPS, question=QUESTION, by="cli", at=began)
        seeded = Seeded(len(told), replay(told, understood, at=at), new=True)
        events.record(MARK, "demo_seeded", by="cli", at=at, feedback=seeded.feedback, cases=seeded.cases)
        return seeded


def let_in(*, at: datetime) -> DemoAccounts:
    """New one-time sign-in links, good for a day. Raises CxloopError where the demo is not in place."""
    with transaction():
        if in_place() is None:
            raise CxloopError("There is no demo here: run `cxloop up --demo` in an empty folder.")
        survey = db.session.scalars(sa.select(Survey).where(Survey.name == SURVEY)).one()
        agent, supervisor, admin = (_link(role, at) for role in (Role.AGENT, Role.SUPERVISOR, Role.ADMIN))
        return DemoAccounts(agent, supervisor, admin, survey.key)


def _link(role: Role, at: datetime) -> SignIn:
    login = next(login for login, _, theirs in PEOPLE if theirs is role)
    user = db.session.scalars(sa.select(User).where(User.email == f"{login}@demo.example.com")).one()
    return SignIn(user.name, user.email, role, accounts.offer_sign_in_link(user, at=at))


def _must_be_empty() -> None:
    """Raises CxloopError, naming the first table with a row in it."""
    for table in Base.metadata.sorted_tables:
        if table.name in MAY_BE_THERE:
            continue
        rows_of = sa.select(sa.literal(1)).select_from(table).limit(1)
        if table is Event.__table__:  # a worker seals the chains also where nothing has happened yet
            rows_of = rows_of.where(Event.subject != events.LEDGER)
        if db.session.scalar(rows_of):
            raise CxloopError(
                f"This database holds rows that are not the demo's (in {table.name}): "
                "start the demo with CXLOOP_DATA set to an empty folder."
            )
