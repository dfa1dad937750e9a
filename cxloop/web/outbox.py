"""The outbox: every notice, what became of it, and the words as they were sent or would be sent now."""

import re
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from cxloop import cases, notices
from cxloop.accounts.permissions import Permission
from cxloop.cases import Case
from cxloop.clock import now
from cxloop.db import db, locked, transaction
from cxloop.errors import NotFound
from cxloop.notices import Notice, NoticeState
from cxloop.notices.compose import compose
from cxloop.notices.render import Letter
from cxloop.web import access, story
from cxloop.web.forms import number

pages = Blueprint("outbox", __name__)
access.guard(pages, Permission.SEE_OUTBOX)
pages.add_app_template_filter(story.delivery, "delivery")

PAGE = 50
CUSTOMERS_LINK = re.compile(r"(/your-case/)[^\s/]+")
STATES = [("", "Any"), *((state.value, state.value.capitalize()) for state in NoticeState)]


@pages.get("/outbox")
def index() -> str:
    state, after = request.args.get("state", ""), number(request.args.get("after"))
    state = state if state in {value for value, _ in STATES} else ""
    query = _visible().order_by(Notice.id.desc()).limit(PAGE + 1)
    query = query.where(Notice.state == NoticeState(state)) if state else query
    query = query.where(Notice.id < after) if after else query
    found = list(db.session.scalars(query))
    chosen: dict[str, Any] = {"state": state} if state else {}
    more = len(found) > PAGE
    return render_template(
        "outbox/index.html",
        notices=found[:PAGE],
        at=now(),
        chosen=chosen,
        choices=[{"name": "state", "label": "State", "options": STATES}],
        can_send=_can_send(),
        next_url=url_for(".index", **chosen, after=found[PAGE - 1].id) if more else "",
        first_url=url_for(".index", **chosen) if after else "",
    )


@pages.get("/outbox/<int:id>")
def show(id: int) -> str:
    notice = _find(id)
    return render_template(
        "outbox/show.html",
        notice=notice,
        letter=_shown(notice),
        at=now(),
        base_url=current_app.config["BASE_URL"],
        can_send=_can_send(),
        opens=_opens(notice),
    )


@pages.post("/outbox/<int:id>/sending")
def sending(id: int) -> Response:
    """Send a held or failed notice after all."""
    with transaction():
        cases.find(_find(id).case_id, user=current_user, lock=True)
        notice = locked(Notice, id)
        assert notice is not None
        notices.send_again(notice, by=current_user.actor, at=now())
    flash(
        "It is on its way." if _can_send() else "It is due, but there is no mail server to send it with yet.", "success"
    )
    return redirect(url_for(".show", id=id), 303)


def _visible() -> sa.Select[Notice]:
    """The notices of the cases that the user may see."""
    seen = cases.visible_to(current_user).with_only_columns(Case.id)
    return sa.select(Notice).where(Notice.case_id.in_(seen))


def _find(id: int) -> Notice:
    notice = db.session.scalars(_visible().where(Notice.id == id)).first()
    if notice is None:
        raise NotFound("There is no such message.")
    return notice


def _shown(notice: Notice) -> Letter:
    """The letter as staff may read it: whoever has the customer's link speaks as the customer, so it is left out."""
    letter = compose(notice, current_app.extensions["cxloop.links"])
    return letter if _opens(notice) else replace(letter, body=CUSTOMERS_LINK.sub(r"\1•••", letter.body))


def _opens(notice: Notice) -> bool:
    """Whether the customer's link stands in the letter: only where this page is the one way by which it can leave."""
    return notice.state == NoticeState.HELD and not _can_send()


def _can_send() -> bool:
    return bool(current_app.config["SMTP_URL"])
