"""My queue: the cases one works on, the soonest promise first. The filters are the address."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from cxloop import tagging
from cxloop.accounts.permissions import Permission
from cxloop.cases import State, queries
from cxloop.cases.queries import Filters
from cxloop.clock import now
from cxloop.web import access, rows
from cxloop.web.forms import number

pages = Blueprint("queue", __name__)
access.guard(pages, Permission.WORK_CASES)

Choice = dict[str, Any]


@pages.get("/queue")
def index() -> str:
    at, choices = now(), _choices()
    chosen = _chosen(request.args, choices)
    page = queries.queue(current_user, _filters(chosen), behind=_key(request.args.get("after", "")))
    following = f"{page.next[0].isoformat()}~{page.next[1]}" if page.next else ""
    return render_template(
        "queue/index.html",
        rows=rows.of(page.cases, at),
        choices=choices,
        chosen=chosen,
        next_url=url_for(".index", **chosen, after=following) if following else "",
        first_url=url_for(".index", **chosen) if request.args.get("after") else "",
    )


@pages.get("/queue/next")
def following() -> Response:
    """On to the case that is due first under the same filters."""
    first = queries.queue(current_user, _filters(_chosen(request.args, _choices())), limit=1).cases
    if first:
        return redirect(url_for("cases.show", id=first[0].id), 303)
    flash("Nobody is waiting for you at the moment.")
    return redirect(url_for(".index"), 303)


def _choices() -> list[Choice]:
    """What one can filter by, as `filter_bar` shows it."""
    causes = [(cause.key, cause.name) for cause in tagging.causes()]
    return [
        {"name": "mine", "label": "Whose", "options": [("1", "Mine"), ("0", "Everybody’s")]},
        {"name": "state", "label": "State", "options": [("", "To be done"), *_words(State)]},
        {"name": "cause", "label": "Cause", "options": [("", "Any"), *causes]},
        {"name": "urgency", "label": "Urgency", "options": [("", "Any"), *_words(rows.URGENCIES)]},
    ]


def _words(values: Iterable[str]) -> list[tuple[str, str]]:
    return [(str(value), value.capitalize()) for value in values]


def _chosen(given: Mapping[str, str], choices: list[Choice]) -> dict[str, Any]:
    """The filters that were given and mean something; an unknown value filters nothing."""
    known = {str(choice["name"]): {value for value, _ in choice["options"]} for choice in choices}
    return {name: given[name] for name, values in known.items() if given.get(name) and given[name] in values}


def _filters(chosen: Mapping[str, str]) -> Filters:
    return Filters(
        mine=chosen.get("mine") != "0",
        state=State(chosen["state"]) if "state" in chosen else None,
        cause=chosen.get("cause"),
        urgency=chosen.get("urgency"),
    )


def _key(text: str) -> tuple[datetime, int] | None:
    """The place in the list that an address names; the beginning, if it names none."""
    moment, _, id = text.partition("~")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    row = number(id)
    return (at, row) if at.tzinfo and row else None
