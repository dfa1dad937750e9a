"""The supervisor's board: what needs a decision now. Broken promises, those about to break, and cases nobody has."""

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa
from flask import Blueprint, render_template
from flask_login import current_user

from cxloop.accounts.models import User
from cxloop.accounts.permissions import Permission
from cxloop.cases import queries
from cxloop.clock import now
from cxloop.db import db
from cxloop.web import access, rows
from cxloop.web.rows import Row

pages = Blueprint("board", __name__)
access.guard(pages, Permission.SEE_BOARD)


@pages.get("/board")
def index() -> str:
    at = now()
    broken = rows.of(queries.escalated(current_user, at=at), at)
    soon = rows.of(queries.breaching_soon(current_user, at=at), at)
    unowned = rows.of(queries.unassigned(current_user), at)
    return render_template(
        "board/index.html",
        broken=broken,
        soon=soon,
        unowned=unowned,
        figures={"broken": _counted(broken), "soon": _counted(soon), "unowned": _counted(unowned)},
        colleagues=_colleagues([*broken, *soon, *unowned]),
    )


def _counted(found: Sequence[Row]) -> str:
    """How many, without counting beyond the page."""
    return f"{len(found)}+" if len(found) == queries.PAGE else str(len(found))


def _colleagues(found: Sequence[Row]) -> dict[int, list[tuple[int, str]]]:
    """Whom a case of each team can be given to."""
    teams = sa.select(User).where(User.team_id.in_({row.team_id for row in found}), User.active).order_by(User.name)
    people: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    for user in db.session.scalars(teams):
        people[user.team_id].append((user.id, user.name))
    return people
