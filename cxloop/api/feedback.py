"""`POST /api/v1/feedback`: one piece of feedback, or a batch that is taken as a whole or not at all."""

import uuid
from collections import defaultdict
from datetime import datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import UnsupportedMediaType

from cxloop import intake, loop
from cxloop.accounts.models import ApiToken, User
from cxloop.accounts.permissions import Permission, may
from cxloop.api import auth, replies, schemas
from cxloop.api.schemas import FeedbackIn
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.errors import NotFound
from cxloop.intake.models import Feedback, Source
from cxloop.intake.parse import Item

pages = Blueprint("api_feedback", __name__, url_prefix="/api/v1")
auth.guard(pages, "feedback:write")


@pages.post("/feedback")
def create() -> ResponseReturnValue:
    at = now()
    said = _read(at)
    key, asked = replies.key(), replies.digest()
    ids = _ids(said, g.token, key, asked)
    with transaction():
        if key is None:
            answer, again = _hear(said, ids, g.token, at), False
        else:
            answer, again = replies.once(g.token.id, key, asked, lambda: _hear(said, ids, g.token, at), at=at)
    return answer, 201, {"Idempotent-Replayed": "true"} if again else {}


def _read(at: datetime) -> list[FeedbackIn]:
    if request.mimetype != "application/json" or request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMediaType("Send plain JSON as application/json, not compressed.")
    return schemas.read(request.get_data(), at=at)


def _ids(said: list[FeedbackIn], token: ApiToken, key: str | None, asked: str) -> list[str]:
    """Each item's id in its source: its own, else a random one, else, with an Idempotency-Key, one made of the request,
    so that a repeated request brings the same items even after its answer was forgotten.
    """
    request_id = sha256(f"{token.id}\n{key}\n{asked}".encode()).hexdigest()[:32] if key else uuid.uuid4().hex
    return [item.external_id or f"api:{request_id}:{place}" for place, item in enumerate(said)]


def _hear(said: list[FeedbackIn], ids: list[str], token: ApiToken, at: datetime) -> dict[str, Any]:
    by_source: dict[tuple[str, Any], list[Item]] = defaultdict(list)
    for item, id in zip(said, ids, strict=True):
        by_source[item.source.name, item.source.kind].append(_item(item, id))
    known: dict[tuple[str, str], int] = {}
    new: set[tuple[str, str]] = set()
    for (name, kind), items in sorted(by_source.items()):
        source = _source(name, kind, token, at)
        heard = loop.hear(source, items, by=token.actor, at=at)
        new |= {(name, feedback.external_id) for feedback in heard.new}
        known |= {(name, external_id): id for external_id, id in _stored(source, items)}
    answer = []
    for item, id in zip(said, ids, strict=True):
        place = (item.source.name, id)
        answer.append({"id": known[place], "external_id": id, "duplicate": place not in new})
        new.discard(place)  # the same one twice in a batch: the second is a duplicate
    return {"items": answer}


def _item(said: FeedbackIn, id: str) -> Item:
    return Item(
        external_id=id,
        text=said.text or None,
        score=said.score,
        scale=said.scale if said.score is not None else None,
        question=said.question or None,
        occurred_at=said.occurred_at,
        customer_name=said.customer.name,
        customer_ref=said.customer.ref,
        email=said.customer.email,
    )


def _source(name: str, kind: Any, token: ApiToken, at: datetime) -> Source:
    """A token of somebody reaches only the sources of their team. Raises NotFound, Conflict."""
    owner = db.session.get(User, token.user_id) if token.user_id else None
    source = intake.source(name, kind, team=owner.team.name if owner else None, by=token.actor, at=at)
    if owner and source.team_id != owner.team_id and not may(owner, Permission.SEE_ALL_TEAMS):
        raise NotFound(f"There is no source {name!r} that this token may write to.")
    return source


def _stored(source: Source, items: list[Item]) -> list[tuple[str, int]]:
    wanted = [item.external_id for item in items]
    query = sa.select(Feedback.external_id, Feedback.id)
    rows = db.session.execute(query.where(Feedback.source_id == source.id, Feedback.external_id.in_(wanted)))
    return [(external_id, id) for external_id, id in rows]
