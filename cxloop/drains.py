"""What is due, done in batches: feedback read, promises swept, notices sent, silence ended.

Every function claims or looks for due rows, does the slow part outside any transaction, and marks what became of it.
Each row is a transaction of its own, so that one that fails steps aside and the rest goes on.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask

from cxloop import intake, loop, notices, paths, sla, tagging, teaching
from cxloop.clock import now
from cxloop.db import db, stop_reading, transaction
from cxloop.errors import CxloopError
from cxloop.intake.models import Feedback
from cxloop.links import Links
from cxloop.notices import Notice
from cxloop.notices.compose import compose, envelope
from cxloop.notices.smtp import Refused, SmtpChannel, SmtpSettings, Unavailable
from cxloop.tagging import versions
from cxloop.tagging.model import Manifest
from cxloop.tagging.tagger import Suggestion, Tagger, Text

log = logging.getLogger(__name__)

BATCH = 32


@dataclass
class Kit:
    """What the jobs need: the links, the tagger (loaded at first use), the mail channel's settings."""

    links: Links
    smtp: SmtpSettings | None = None
    load_tagger: Callable[[], Tagger] | None = None
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the worker shall end: what is under way is finished, nothing more is begun."""
    model_folder: Callable[[], Path] | None = None
    heads: int | None = None
    """The version of the learnt heads that the database named last."""
    _base: Tagger | None = None
    _serving: tuple[int | None, Tagger] | None = None

    @classmethod
    def of(cls, app: Flask) -> "Kit":
        smtp = app.config["SMTP_URL"]

        def folder() -> Path:
            return paths.model_folder(app.config["MODEL"] or None)

        def load() -> Tagger:
            from cxloop.tagging.model import OnnxTagger  # heavy: only where texts are tagged

            return OnnxTagger(folder())

        links, settings = app.extensions["cxloop.links"], SmtpSettings.from_url(smtp) if smtp else None
        return cls(links=links, smtp=settings, load_tagger=load, model_folder=folder)

    @property
    def model(self) -> str | None:
        """The version that reads: the one that is loaded, else the one that is going to be, by its manifest alone."""
        if self._serving:
            return self._serving[1].version
        try:
            return Manifest.read(self.model_folder()).version if self.model_folder else None
        except CxloopError:
            return None  # it cannot serve: loading it will say why

    def base(self) -> Tagger:
        """The shipped model. Raises CxloopError if it cannot be loaded."""
        if self._base is None:
            if self.load_tagger is None:
                raise CxloopError("No tagger is configured.")
            self._base = self.load_tagger()
        return self._base

    def tagger(self) -> Tagger:
        """The shipped model with the heads that serve. Raises CxloopError if it cannot be loaded."""
        if self._serving is None or self._serving[0] != self.heads:
            self._serving = self.heads, teaching.with_heads(self.base(), self.heads)
        return self._serving[1]


def drain_tagging(kit: Kit, limit: int = BATCH) -> int:
    """Understand waiting feedback. Where the tagger fails, the rules decide and it is read again later."""
    at = now()
    with transaction():
        batch = {feedback.id: tagging.text_of(feedback) for feedback in intake.claim(at=at, limit=limit)}
        kit.heads = versions.serving() if batch else kit.heads
    done = 0
    for feedback_id in _in_time(kit, batch, at, intake):
        suggestion, error = _suggest(kit, batch[feedback_id])
        try:
            with transaction() as session:
                feedback = session.get_one(Feedback, feedback_id)
                if error:
                    loop.understand_by_rule(feedback, error, by="worker", at=now())
                else:
                    loop.understand(feedback, suggestion, by="worker", at=now())
        except Exception as failure:
            log.exception("feedback %s could not be understood", feedback_id)
            with transaction():
                intake.set_aside(feedback_id, f"{type(failure).__name__}: {failure}", at=now())
        done += 1
    return done


def sweep_promises(_kit: Kit, limit: int = BATCH) -> int:
    """Break the promises whose deadline has passed in silence. A row that fails steps aside."""
    overdue = sla.due(at=now(), limit=limit)
    for promise_id in overdue:
        try:
            with transaction():
                loop.escalate(promise_id, by="worker", at=now())
        except Exception as error:
            log.exception("promise %s could not be swept", promise_id)
            with transaction():
                sla.set_aside(promise_id, f"{type(error).__name__}: {error}", at=now())
    return len(overdue)


def drain_notices(kit: Kit, limit: int = BATCH) -> int:
    """Send what is due; with nothing to send it with, hold it, readable in the outbox."""
    at = now()
    if kit.smtp is None:
        with transaction():
            return notices.hold(at=at, limit=limit)
    with transaction():
        batch = [_written(notice, kit.links) for notice in notices.claim(at=at, limit=limit)]
    done = 0
    with SmtpChannel(kit.smtp) as channel:
        for notice_id in _in_time(kit, batch, at, notices):
            _send(notice_id, channel, kit)
            done += 1
    return done


def end_silence(_kit: Kit, limit: int = BATCH) -> int:
    """Resolved cases whose customers were told and stayed silent are closed as unconfirmed."""
    at, closed = now(), 0
    for case_id in notices.told_since(at - loop.SILENCE_ENDS, limit=limit):
        try:
            with transaction():
                closed += loop.silence(case_id, by="worker", at=at) is not None
        except Exception:
            log.exception("case %s could not be closed", case_id)
    return closed


def _in_time(kit: Kit, batch: Iterable[int], claimed_at: datetime, claimed_from: Any) -> Iterator[int]:
    """The claimed rows, one by one, as long as half of their lease is left and nobody asks us to end.

    The others are given back: a slow model or mail server must not lead to the same work done twice.
    """
    ids, half = list(batch), claimed_at + claimed_from.LEASE / 2
    for index, id in enumerate(ids):
        if kit.stopping.is_set() or (index and now() > half):
            with transaction():
                claimed_from.give_back(ids[index:], claimed_at=claimed_at)
            return
        yield id


def _suggest(kit: Kit, text: Text) -> tuple[Suggestion | None, str]:
    """What the tagger says, or why it could not: a text it stumbles over must not hold up the others.

    No words, no suggestion.
    """
    if not text.text:
        return None, ""
    try:
        return kit.tagger().suggest([text])[0], ""
    except Exception as error:
        log.exception("a text could not be tagged")
        return None, f"{type(error).__name__}: {error}"


def _written(notice: Notice, links: Links) -> int:
    """The notice's id. Its words are fixed now; if that fails, sending says why."""
    try:
        letter = compose(notice, links)
    except Exception:
        log.exception("notice %s could not be written", notice.id)
    else:
        notices.write(notice, subject=letter.subject, body=letter.body)
    return notice.id


def _send(notice_id: int, channel: SmtpChannel, kit: Kit) -> None:
    """Send and mark. A crash in between sends the same words under the same Message-ID again, which is recorded."""
    notice = db.session.get_one(Notice, notice_id)
    try:
        letter = compose(notice, kit.links)
        mail = envelope(notice, letter, sender=channel.settings.sender, at=now())
        stop_reading()
        channel.send(mail)
    except (Refused, ValueError) as error:
        with transaction():
            notices.failed(notice, str(error), by="worker", at=now())
    except Exception as error:
        if not isinstance(error, Unavailable):
            log.exception("notice %s could not be sent", notice_id)
        with transaction():
            notices.not_sent(notice, f"{type(error).__name__}: {error}", by="worker", at=now())
    else:
        with transaction():
            notices.sent(notice, subject=letter.subject, body=letter.body, by="worker", at=now())
