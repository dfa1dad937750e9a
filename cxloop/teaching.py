"""The tagger as it serves here, with the heads that the database names, and making new ones from what people said."""

import logging
from collections.abc import Callable
from pathlib import Path

from cxloop.clock import now
from cxloop.db import stop_reading, transaction
from cxloop.errors import CxloopError
from cxloop.tagging import versions
from cxloop.tagging.corpus import FILE as CORPUS
from cxloop.tagging.corpus import Corpus
from cxloop.tagging.heads import LearnedTagger, Model
from cxloop.tagging.learning import study
from cxloop.tagging.models import HeadVersion
from cxloop.tagging.tagger import Tagger

log = logging.getLogger(__name__)


def with_heads(base: Tagger, version: int | None) -> Tagger:
    """The shipped model with these heads; alone without any, or where they were made for another model, or damaged."""
    if version is None or not isinstance(base, Model):
        return base
    try:
        heads = versions.heads(version, base=base.version)
    except CxloopError:
        log.exception("version %s of the heads cannot serve: the shipped ones do", version)
        heads = None
    stop_reading()
    return LearnedTagger(base, heads, number=version) if heads else base


def learn_if_due(base: Callable[[], Tagger], folder: Path | None, *, by: str) -> int:
    """How many versions were made: 0 if there is nothing new to learn, or the model has no corpus to learn with."""
    if folder is None or not (folder / CORPUS).is_file() or not versions.due(at=now()):
        return 0
    stop_reading()
    return int(learn(base(), folder, by=by) is not None)


def learn(base: Tagger, folder: Path, *, by: str) -> HeadVersion | None:
    """Learn from all that people said, and serve it if it may. Two transactions around the slow part.

    None if it was asked for and there is nothing to learn. Raises CxloopError if this model cannot learn.
    """
    if not isinstance(base, Model):
        raise CxloopError("This tagger cannot learn: it gives no vectors.")
    corpus = Corpus.read(folder, version=base.version)
    with transaction():
        begun = versions.begin(base=base.version, by=by, at=now())
    if not begun.id:
        return None
    try:
        outcome = study(begun.lesson, base, corpus)
    except Exception as error:
        with transaction():
            versions.give_up(begun, f"{type(error).__name__}: {error}")
        raise
    with transaction():
        return versions.finish(begun, outcome, by=by, at=now())
