"""Settings → Causes: the company’s own taxonomy. The list, and for each cause a page with all one can do to it."""

import re

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from cxloop import tagging
from cxloop.accounts.permissions import Permission
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.errors import Invalid, NotFound
from cxloop.tagging import catalogue
from cxloop.tagging.models import Cause, CauseExample
from cxloop.tagging.taxonomy import OTHER
from cxloop.web import access
from cxloop.web.forms import Attempt, words

pages = Blueprint("causes", __name__, url_prefix="/settings/causes")
access.guard(pages, Permission.ADMINISTER)

ENOUGH = 5
"""Examples with which a new cause can begin."""
PARTS = 4
"""Into how many causes one can be split at once."""


@pages.get("")
def index() -> str:
    return _list(Attempt())


@pages.post("")
def addition() -> Response:
    name, key = words("name"), words("key") or _key(words("name"))
    with transaction():
        by, at = current_user.actor, now()
        made = catalogue.add(key, name=name, definition=words("definition"), by=by, at=at)
        given = _lines("examples")
        if given:
            catalogue.add_examples(made.key, given, by=by, at=at)
    flash(f"{name} can be chosen from now on. The tagger says it once it has learnt it.", "success")
    return redirect(url_for(".show", key=key), 303)


@pages.get("/<key>")
def show(key: str) -> str:
    return _one(key, Attempt())


@pages.post("/<key>/name")
def naming(key: str) -> Response:
    with transaction():
        catalogue.rename(key, name=words("name"), definition=words("definition"), by=current_user.actor, at=now())
    return _done(key, "Kept. What was tagged with this cause shows the new name.")


@pages.post("/<key>/examples")
def examples(key: str) -> Response:
    given = _lines("text")
    if not given:
        raise Invalid("Write at least one example, each on a line of its own.", text="is missing")
    with transaction():
        new = catalogue.add_examples(key, given, by=current_user.actor, at=now())
    return _done(key, f"{new} new example{'' if new == 1 else 's'} kept. The tagger learns from them tonight.")


@pages.post("/<key>/merger")
def merger(key: str) -> Response:
    into = request.form.get("into", "")
    if into not in {cause.key for cause in tagging.causes()}:
        raise Invalid("Choose the cause that takes this one in.", into="is missing")
    with transaction():
        taker = catalogue.merge(key, into=into, by=current_user.actor, at=now())
    return _done(key, f"It counts as {taker.name} from now on.")


@pages.post("/<key>/division")
def division(key: str) -> Response:
    parts = [
        (f"name-{number}", words(f"name-{number}"), words(f"definition-{number}")) for number in range(1, PARTS + 1)
    ]
    given = [part for part in parts if part[1] or part[2]]
    for field, name, definition in given:
        if not name or not definition:
            at_fault = field if not name else field.replace("name", "definition")
            raise Invalid("Each part has a name and a definition.", **{at_fault: "is missing"})
    with transaction():
        into = [(_key(name), name, definition) for _, name, definition in given]
        made = catalogue.split(key, into=into, by=current_user.actor, at=now())
    return _done(key, f"Split into {' and '.join(cause.name for cause in made)}. Give each of them five examples.")


@pages.post("/<key>/retirement")
def retirement(key: str) -> Response:
    with transaction():
        catalogue.retire(key, by=current_user.actor, at=now())
    return _done(key, "It is not offered any more. What was tagged with it keeps it.")


@pages.post("/<key>/restoration")
def restoration(key: str) -> Response:
    with transaction():
        catalogue.restore(key, by=current_user.actor, at=now())
    return _done(key, "It can be chosen again.")


@pages.errorhandler(Invalid)
def refused(error: Invalid) -> tuple[str, int]:
    """The same page again, with what was written kept and the fault at its field."""
    attempt = Attempt(form=request.endpoint or "", given=request.form, fault=str(error), fields=error.fields)
    key = (request.view_args or {}).get("key")
    return (_one(key, attempt) if key else _list(attempt)), 422


def _list(attempt: Attempt) -> str:
    known = catalogue.every()
    return render_template(
        "causes/index.html",
        active=[cause for cause in known if cause.active],
        past=[cause for cause in known if not cause.active],
        names=tagging.cause_names(),
        examples=_counted(),
        enough=ENOUGH,
        attempt=attempt,
    )


def _one(key: str, attempt: Attempt) -> str:
    known = catalogue.every()
    cause = next((cause for cause in known if cause.key == key), None)
    if cause is None:
        raise NotFound("There is no such cause.")
    return render_template(
        "causes/show.html",
        cause=cause,
        names={each.key: each.name for each in known},
        others=[(each.key, each.name) for each in known if each.active and each.key not in (key, OTHER)],
        parts=[each for each in known if each.split_from == key],
        examples=catalogue.examples(key),
        enough=ENOUGH,
        numbers=range(1, PARTS + 1),
        fixed=key == OTHER,
        attempt=attempt,
    )


def _counted() -> dict[str, int]:
    """How many examples each cause was given."""
    counted = sa.select(Cause.key, sa.func.count()).join(CauseExample, CauseExample.cause_id == Cause.id)
    return {row[0]: row[1] for row in db.session.execute(counted.group_by(Cause.key))}


def _key(name: str) -> str:
    """The key that follows from a name: the name in small letters, everything else an underscore."""
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")[:48].strip("_")


def _lines(field: str) -> list[str]:
    return [line.strip() for line in words(field).splitlines() if line.strip()]


def _done(key: str, said: str) -> Response:
    flash(said, "success")
    return redirect(url_for(".show", key=key), 303)
