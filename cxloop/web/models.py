"""The models page: which heads read, what the corrections taught, what each version scored, and the way back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from cxloop import paths, tagging
from cxloop.accounts.models import User
from cxloop.accounts.permissions import Permission, may, require
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.errors import CxloopError, Invalid
from cxloop.tagging import queries, versions
from cxloop.tagging.models import HeadStatus, HeadVersion
from cxloop.web import access, story
from cxloop.web.charts import Chart, Series, chart, percent
from cxloop.web.forms import number

pages = Blueprint("models", __name__, url_prefix="/models")
access.guard(pages, Permission.SEE_MODELS)

SHOWN = 20
"""Versions on the page; the learning curve goes further back."""
SHIPPED = "shipped"

PARTS = (
    ("gold", "sentiment", "Sentiment, on the gold set"),
    ("gold", "negative_recall", "Complaints found, on the gold set"),
    ("gold", "causes", "Causes, on the gold set"),
    ("gold", "log_loss", "Surprise (log loss), on the gold set"),
    ("held_back", "sentiment", "Sentiment, on held-back corrections"),
    ("held_back", "causes", "Causes, on held-back corrections"),
)
COUNTS = {
    "corrections": "Corrections and examples it learnt from",
    "texts": "Texts that they are about",
    "people": "People who made them",
    "corpus": "Texts of the shipped corpus",
    "gold": "Texts of the gold set",
    "held_back": "Corrections held back to judge it",
}


@dataclass(frozen=True, slots=True)
class Score:
    """One figure before and after; `better` is the sign of the change, lower being better for a loss."""

    label: str
    before: str
    after: str
    better: int
    n: int | None


@dataclass(frozen=True, slots=True)
class NewCause:
    name: str
    examples: int
    found: str
    false_alarms: str


@dataclass(frozen=True, slots=True)
class Version:
    """A version as the page shows it. `back` says that one can go back to it."""

    row: HeadVersion
    who: str
    scores: list[Score]
    new_causes: list[NewCause]
    counts: list[tuple[str, int]]
    back: bool


@pages.get("")
def index() -> str:
    at = now()
    rows, weeks, shipped = versions.list_(limit=SHOWN), queries.weekly(at=at), _shipped()
    names, serving = _names(rows), versions.serving()
    return render_template(
        "models/index.html",
        at=at,
        shipped=shipped,
        serving=versions.get(serving) if serving else None,
        before=versions.before() if serving else None,
        versions=[_version(row, names, shipped) for row in rows],
        week=next((week for week in reversed(weeks) if week.read), None),
        percent=percent,
        curve=_curve(queries.learning_curve()),
        habits=_habits(weeks),
        corrections=queries.correction_counts(at=at),
        may_act=may(current_user, Permission.ADMINISTER),
    )


@pages.post("/learning")
def learn() -> Response:
    require(current_user, Permission.ADMINISTER)
    with transaction():
        versions.ask(by=current_user.actor, at=now())
    flash("A worker begins within a minute. The new version appears here, serving or refused.", "success")
    return redirect(url_for(".index"), 303)


@pages.post("/serving")
def serve() -> Response:
    """Go back, or forward again, to a version that has served, or to the shipped heads."""
    require(current_user, Permission.ADMINISTER)
    wanted = request.form.get("to", "")
    to = number(wanted)
    if to is None and wanted != SHIPPED:
        raise Invalid("Choose the version that shall serve.", to="is missing")
    with transaction():
        versions.rollback(to, by=current_user.actor, at=now())
    flash(f"{f'Version {to} serves' if to else 'The shipped heads serve'}, from the next text on.", "success")
    return redirect(url_for(".index"), 303)


def _shipped() -> str:
    """The name of the shipped model; empty if none is there."""
    try:
        return paths.model_folder(current_app.config["MODEL"] or None).name
    except CxloopError:
        return ""


def _names(rows: Sequence[HeadVersion]) -> dict[str, str]:
    ids = {int(id) for kind, _, id in (row.by.partition(":") for row in rows) if kind == "user" and id.isdecimal()}
    return {user.actor: user.name for user in db.session.scalars(sa.select(User).where(User.id.in_(ids)))}


def _version(row: HeadVersion, names: Mapping[str, str], shipped: str) -> Version:
    causes = tagging.cause_names()
    return Version(
        row=row,
        who=story.actor(row.by, names),
        scores=[
            _score(label, row.scores[part][what], what)
            for part, what, label in PARTS
            if what in row.scores.get(part, {})
        ],
        new_causes=[
            NewCause(
                causes.get(key, key.replace("_", " ")),
                each["examples"],
                percent(each["found"]),
                percent(each["false_alarms"]),
            )
            for key, each in row.scores.get("new_causes", {}).items()
        ],
        counts=[(words, row.counts[key]) for key, words in COUNTS.items() if key in row.counts],
        back=row.status is HeadStatus.RETIRED and row.base == shipped,
    )


def _score(label: str, figures: Mapping[str, Any], what: str) -> Score:
    before, after = figures["before"], figures["after"]
    if what == "log_loss":
        return Score(label, f"{before:.3f}", f"{after:.3f}", _sign(before - after), figures.get("n"))
    return Score(label, percent(before), percent(after), _sign(after - before), figures.get("n"))


def _sign(change: float) -> int:
    """1, 0 or -1; what does not show in the figures is no change."""
    return 0 if abs(change) < 0.0005 else 1 if change > 0 else -1


def _curve(points: Sequence[queries.Point]) -> Chart | None:
    series = [
        Series("Sentiment", [point.sentiment for point in points]),
        Series("Causes", [point.causes for point in points]),
    ]
    return chart([f"{point.version}" for point in points], series, from_zero=False)


def _habits(weeks: Sequence[queries.Week]) -> Chart | None:
    series = [
        Series("Put right by a person", [week.override_rate for week in weeks]),
        Series("Left to a person", [week.abstain_rate for week in weeks]),
    ]
    return chart([f"{week.monday.day} {week.monday:%b}" for week in weeks], series)
