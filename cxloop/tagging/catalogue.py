"""The company's own causes: added, renamed, merged, split, retired. Keys never change, so old tags keep their meaning.

A new installation has the default taxonomy; the first change puts it into the table. A merged cause is shown and
counted as its successor, a retired one keeps its name on what was tagged with it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import sqlalchemy as sa

from cxloop import events
from cxloop.db import alone, db
from cxloop.errors import Conflict, Invalid, NotFound
from cxloop.tagging.models import Cause, CauseExample
from cxloop.tagging.tagger import CauseGuess, Suggestion
from cxloop.tagging.taxonomy import DEFAULT_CAUSES, OTHER

SUBJECT = "taxonomy"
EXAMPLES_AT_MOST = 500
_KEY = re.compile(r"[a-z][a-z0-9_]{1,47}")
_EXAMPLE = 2_000  # characters


def every() -> list[Cause]:
    """All causes, also those retired or merged, in order of age, `other` last; the defaults if nothing was changed."""
    kept = list(db.session.scalars(sa.select(Cause).order_by(Cause.id)))
    return sorted(kept or _defaults(by="default", at=datetime.min.replace(tzinfo=UTC)), key=lambda c: c.key == OTHER)


def causes() -> list[Cause]:
    """The causes that can be chosen today, `other` last."""
    return [cause for cause in every() if cause.active]


def cause_names() -> dict[str, str]:
    """Every key that ever was, and the name to show for it."""
    return {key: cause.name for key, cause in _today(every()).items()}


def resolve(key: str, rows: Sequence[Cause] | None = None) -> str:
    """The key that counts today: a merged cause's successor, else the key itself."""
    found = _today(every() if rows is None else rows).get(key)
    return found.key if found else key


def counted_as(key: str) -> list[str]:
    """The key and all those that were merged into it: what a filter has to look for."""
    return [key, *(old for old, cause in _today(every()).items() if cause.key == key and old != key)]


def translated(suggestion: Suggestion) -> Suggestion:
    """What a tagger says, in the words of today's taxonomy: merged causes as their successors, retired ones not at all.

    Where nothing is left because the cause was split, a person decides.
    """
    rows = every()
    known, today = {cause.key: cause for cause in rows}, _today(rows)
    said: dict[str, float] = {}
    for guess in suggestion.causes:
        cause = today.get(guess.cause)
        if cause is None or cause.active:
            key = cause.key if cause else guess.cause
            said[key] = max(said.get(key, 0.0), guess.confidence)
    unsure = suggestion.unsure
    split = {cause.split_from for cause in rows}
    if any(guess.cause in split and not known[guess.cause].active for guess in suggestion.causes):
        unsure = (*unsure, "causes") if "causes" not in unsure else unsure
    best = sorted(said.items(), key=lambda item: -item[1]) or [(OTHER, 0.0)]
    return replace(suggestion, causes=tuple(CauseGuess(key, sure) for key, sure in best), unsure=unsure)


def add(key: str, *, name: str, definition: str, by: str, at: datetime) -> Cause:
    """Raises Invalid for a key or a name that is no good, or taken."""
    rows = _founded(by=by, at=at)
    cause = _new(rows, key, name, definition, by=by, at=at)
    events.record(SUBJECT, "cause_added", by=by, at=at, key=cause.key)
    return cause


def rename(key: str, *, name: str | None = None, definition: str | None = None, by: str, at: datetime) -> Cause:
    """Another name or definition; the key stays, and what was tagged with it."""
    rows = _founded(by=by, at=at)
    cause = _one(rows, key)
    if name is not None:
        cause.name = _name(name, [row for row in rows if row is not cause])
    if definition is not None:
        cause.definition = _definition(definition)
    db.session.flush()
    events.record(SUBJECT, "cause_renamed", by=by, at=at, key=key, name=cause.name)
    return cause


def merge(key: str, *, into: str, by: str, at: datetime) -> Cause:
    """From now on `key` is shown and counted as `into`. Raises Invalid unless both are active and different."""
    rows = _founded(by=by, at=at)
    cause, successor = _live(rows, key), _one(rows, into)
    if successor is cause or not successor.active or into == OTHER:
        raise Invalid(f"{cause.name} cannot be merged into {successor.name}.", into="cannot take it in")
    cause.active, cause.merged_into = False, into
    db.session.flush()
    events.record(SUBJECT, "cause_merged", by=by, at=at, key=key, into=into)
    return successor


def split(key: str, *, into: Sequence[tuple[str, str, str]], by: str, at: datetime) -> list[Cause]:
    """Several causes, each (key, name, definition), take the place of one; what it was said of keeps its name."""
    rows = _founded(by=by, at=at)
    cause = _live(rows, key)
    if len(into) < 2:
        raise Invalid("A cause is split into two at least.", into="names fewer than two")
    parts: list[Cause] = []
    for part, name, definition in into:
        made = _new([*rows, *parts], part, name, definition, by=by, at=at)
        made.split_from = key
        parts.append(made)
    cause.active = False
    db.session.flush()
    events.record(SUBJECT, "cause_split", by=by, at=at, key=key, into=[part.key for part in parts])
    return parts


def retire(key: str, *, by: str, at: datetime) -> Cause:
    """It is no longer said of anything new; what it was said of keeps it."""
    cause = _live(_founded(by=by, at=at), key)
    cause.active = False
    db.session.flush()
    events.record(SUBJECT, "cause_retired", by=by, at=at, key=key)
    return cause


def restore(key: str, *, by: str, at: datetime) -> Cause:
    """A retired cause can be said again, a merged one stands for itself again."""
    rows = _founded(by=by, at=at)
    cause = _one(rows, key)
    if cause.active:
        raise Conflict(f"{cause.name} is in use: there is nothing to restore.")
    _name(cause.name, [row for row in rows if row is not cause])
    cause.active, cause.merged_into = True, None
    db.session.flush()
    events.record(SUBJECT, "cause_restored", by=by, at=at, key=key)
    return cause


def add_examples(key: str, texts: Iterable[str], *, by: str, at: datetime) -> int:
    """Texts that show what the cause means; returns how many were new. Five suffice to begin with."""
    cause = _live(_founded(by=by, at=at), key)
    known = set(db.session.scalars(sa.select(CauseExample.text).where(CauseExample.cause_id == cause.id)))
    new = [text for text in dict.fromkeys(text.strip()[:_EXAMPLE] for text in texts) if text and text not in known]
    if len(known) + len(new) > EXAMPLES_AT_MOST:
        raise Invalid(f"At most {EXAMPLES_AT_MOST} examples for one cause.", text="is one too many")
    db.session.add_all(CauseExample(cause_id=cause.id, text=text, by=by, at=at) for text in new)
    db.session.flush()
    if new:
        events.record(SUBJECT, "cause_examples_added", by=by, at=at, key=key, count=len(new))
    return len(new)


def examples(key: str, *, limit: int = 50) -> list[CauseExample]:
    """The newest first."""
    query = sa.select(CauseExample).join(Cause, Cause.id == CauseExample.cause_id).where(Cause.key == key)
    return list(db.session.scalars(query.order_by(CauseExample.id.desc()).limit(limit)))


def _today(rows: Iterable[Cause]) -> Mapping[str, Cause]:
    """For each key the cause that it counts as."""
    known = {cause.key: cause for cause in rows}

    def last(cause: Cause) -> Cause:
        seen = {cause.key}
        while cause.merged_into in known and cause.merged_into not in seen:
            cause = known[cause.merged_into]
            seen.add(cause.key)
        return cause

    return {key: last(cause) for key, cause in known.items()}


def _founded(*, by: str, at: datetime) -> list[Cause]:
    """All rows, the defaults put into the table if it is empty; nobody else changes them meanwhile."""
    alone(SUBJECT)
    kept = list(db.session.scalars(sa.select(Cause).order_by(Cause.id)))
    if not kept:
        kept = _defaults(by=by, at=at)
        db.session.add_all(kept)
        db.session.flush()
        events.record(SUBJECT, "taxonomy_founded", by=by, at=at, causes=[cause.key for cause in kept])
    return kept


def _defaults(*, by: str, at: datetime) -> list[Cause]:
    return [
        Cause(
            key=default.key,
            name=default.name,
            definition=default.definition,
            active=True,
            shipped=default.key != OTHER,
            created_at=at,
            by=by,
        )
        for default in DEFAULT_CAUSES
    ]


def _new(rows: Sequence[Cause], key: str, name: str, definition: str, *, by: str, at: datetime) -> Cause:
    if not _KEY.fullmatch(key):
        raise Invalid(
            f"{key!r} is no key: small letters, digits and underscores, a letter first, 48 at most.", key="is no key"
        )
    if any(row.key == key for row in rows):
        raise Invalid(f"There is, or was, a cause {key}: choose another key, or restore it.", key="is taken")
    cause = Cause(
        key=key,
        name=_name(name, rows),
        definition=_definition(definition),
        active=True,
        shipped=False,
        created_at=at,
        by=by,
    )
    db.session.add(cause)
    db.session.flush()
    return cause


def _one(rows: Sequence[Cause], key: str) -> Cause:
    found = next((row for row in rows if row.key == key), None)
    if found is None:
        raise NotFound(f"There is no cause {key}: see `cxloop cause list`.")
    return found


def _live(rows: Sequence[Cause], key: str) -> Cause:
    cause = _one(rows, key)
    if key == OTHER:
        raise Invalid("“Other” always stays as it is: it says that no cause fits.", key="always stays")
    if not cause.active:
        raise Conflict(f"{cause.name} is not in use any more: restore it first.")
    return cause


def _name(name: str, others: Iterable[Cause]) -> str:
    name = " ".join(name.split())
    if not name or len(name) > 80 or not name.isprintable():
        raise Invalid("A cause has a name of one line, of 80 characters at most.", name="is no name")
    if any(row.active and row.name.casefold() == name.casefold() for row in others):
        raise Invalid(f"There is a cause {name} already.", name="is taken")
    return name


def _definition(definition: str) -> str:
    definition = " ".join(definition.split())
    if not definition or len(definition) > 500:
        raise Invalid(
            "Say in a sentence, of 500 characters at most, what the cause covers: the tagger reads it too.",
            definition="is missing or too long",
        )
    return definition
