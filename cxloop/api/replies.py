"""Idempotency-Key: a request that comes again gets the answer that it got before, and is not carried out again."""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from flask import request

from cxloop.api.models import IdempotentReply
from cxloop.db import db, insert
from cxloop.errors import Conflict, Invalid

KEPT = timedelta(hours=24)
KEY_MAX = 200
SWEPT = 100
"""Old answers that a request removes in passing."""


def key() -> str | None:
    """The request's key. Raises Invalid for one that cannot serve."""
    given = request.headers.get("Idempotency-Key")
    if given is not None and not (given.isascii() and given.isprintable() and 1 <= len(given) <= KEY_MAX):
        raise Invalid(f"An Idempotency-Key is 1 to {KEY_MAX} printable ASCII characters.")
    return given


def digest() -> str:
    """What was asked: the same key with something else asked is a mistake."""
    return sha256(b"\n".join([request.method.encode(), request.path.encode(), request.get_data()])).hexdigest()


def once(
    token_id: int, key: str, asked: str, act: Callable[[], dict[str, Any]], *, at: datetime
) -> tuple[dict[str, Any], bool]:
    """What `act` answers, and whether that is an answer of before. Within the transaction that `act` works in.

    The key is taken first: a second request with it waits for this transaction's end, and then finds the answer, or,
    if this one failed, acts itself. An invalid request never comes here, so a corrected one may use its key. Raises
    Conflict for a key that was used for something else.
    """
    _forget(token_id, key, at - KEPT)
    taking = insert(IdempotentReply).values(token_id=token_id, key=key, digest=asked, status=0, body={}, at=at)
    taken = db.session.scalar(taking.on_conflict_do_nothing().returning(IdempotentReply.key))
    reply = db.session.get_one(IdempotentReply, (token_id, key), populate_existing=True)
    if taken is None:
        if reply.digest != asked:
            raise Conflict("This Idempotency-Key was used for another request: use a new one.")
        return reply.body, True
    reply.body, reply.status = act(), 201
    return reply.body, False


def _forget(token_id: int, key: str, before: datetime) -> None:
    """Answers that are too old, those of this key surely; what another request is removing is left to it."""
    ours = (IdempotentReply.token_id == token_id, IdempotentReply.key == key)
    db.session.execute(sa.delete(IdempotentReply).where(*ours, IdempotentReply.at < before))
    names = (IdempotentReply.token_id, IdempotentReply.key)
    old = sa.select(*names).where(IdempotentReply.at < before).limit(SWEPT).with_for_update(skip_locked=True)
    db.session.execute(sa.delete(IdempotentReply).where(sa.tuple_(*names).in_(old)))
