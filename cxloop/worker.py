"""The worker: the one list of scheduled work. APScheduler is only the clock; what is due stands in the database.

Every job claims or looks for due rows, does the slow part outside any transaction, and marks what became of it.
Any number of workers may run on any number of machines.
"""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from cxloop import accounts, events, intake, jobs, loop, notices, paths, sla, tagging, teaching
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
RUNS_NOTED_EVERY = timedelta(seconds=15)
BEATS_EVERY = 5
"""Seconds."""


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


def seal_events(_kit: Kit) -> int:
    """Until it returns 0 there may be more to seal."""
    with transaction():
        return events.seal(at=now())


def learn(kit: Kit) -> int:
    """Learn from what people said, if there is something new: at night, or soon if it was asked for."""
    return teaching.learn_if_due(kit.base, kit.model_folder() if kit.model_folder else None, by="worker")


def tidy(_kit: Kit) -> int:
    with transaction():
        return accounts.tidy(at=now())


def beat(kit: Kit) -> int:
    with transaction():
        jobs.beat(kit.name, model=kit.model, at=now())
    return 0


@dataclass(frozen=True)
class Job:
    name: str
    run: Callable[[Kit], int]
    every: int
    """Seconds."""


JOBS = (
    Job("promises", sweep_promises, 1),
    Job("tagging", drain_tagging, 1),
    Job("notices", drain_notices, 1),
    Job("silence", end_silence, 60),
    Job("seal", seal_events, 3600),
    Job("tidy", tidy, 3600),
    Job("learn", learn, 60),
    Job("beat", beat, BEATS_EVERY),
)
UNTIL_IDLE = ("tagging", "promises", "notices", "silence")


def work(app: Flask, kit: Kit) -> None:
    """Run the jobs by the clock until SIGINT or SIGTERM; what is under way is finished first."""
    scheduler = clock()
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(
        signal.SIG_BLOCK, ends
    )  # before any thread starts: they inherit it, and only sigwait sees them
    _release_held(app, kit)
    noted: dict[str, datetime] = {}
    for job in JOBS:
        scheduler.add_job(_run, "interval", (app, kit, job, noted), seconds=job.every, id=job.name, next_run_time=now())
    scheduler.start()
    signal.sigwait(ends)
    kit.stopping.set()
    scheduler.shutdown(wait=True)
    _seal_all(app, kit)


def clock() -> BackgroundScheduler:
    """The scheduler. That a tick is skipped while the one before it is at work is how it shall be, and no warning."""
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    return BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(len(JOBS))},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone="UTC",
    )


def work_until_idle(app: Flask, kit: Kit) -> dict[str, int]:
    """Do all that is due, wait for what another worker's lease still holds, and say how much was done."""
    counts = dict.fromkeys(UNTIL_IDLE, 0)
    _release_held(app, kit)
    with app.app_context(), _beating(app, kit):
        while True:
            done = {job.name: job.run(kit) for job in JOBS if job.name in counts}
            for name, count in done.items():
                counts[name] += count
            lapse = max(filter(None, (intake.in_flight(at=now()), notices.in_flight(at=now()))), default=None)
            stop_reading()
            if not any(done.values()):
                if lapse is None:
                    break
                time.sleep(min(1.0, max(0.05, (lapse - now()).total_seconds())))
    _seal_all(app, kit)
    return counts


@contextmanager
def _beating(app: Flask, kit: Kit) -> Iterator[None]:
    """Somebody is at work here, and can be seen to be, however long a text or a letter takes."""
    ended = threading.Event()

    def beat_on() -> None:
        with app.app_context():
            while not ended.wait(BEATS_EVERY):
                try:
                    beat(kit)
                except Exception:
                    log.exception("the worker could not say that it is alive")

    beat(kit)
    thread = threading.Thread(target=beat_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _seal_all(app: Flask, kit: Kit) -> None:
    """The last thing that a worker does, so that what it recorded cannot be cut off unnoticed while none is at work."""
    with app.app_context():
        try:
            while seal_events(kit):
                pass
        except Exception:
            log.exception("the events could not be sealed; the next worker does it")


def _run(app: Flask, kit: Kit, job: Job, noted: dict[str, datetime]) -> None:
    """One tick of a job: again while there is a full batch; its outcome is noted for the system page."""
    with app.app_context():
        done, error = 0, None
        try:
            while (count := job.run(kit)) > 0:
                done += count
                if count < BATCH or kit.stopping.is_set():
                    break
        except Exception as failure:
            log.exception("job %s failed", job.name)
            error = f"{type(failure).__name__}: {failure}"
        at = now()
        if done or error or at - noted.get(job.name, at - RUNS_NOTED_EVERY) >= RUNS_NOTED_EVERY:
            with transaction():
                jobs.ran(job.name, done=done, error=error, at=at)
            noted[job.name] = at


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


def _release_held(app: Flask, kit: Kit) -> None:
    if kit.smtp is not None:
        with app.app_context(), transaction():
            notices.release(at=now())
