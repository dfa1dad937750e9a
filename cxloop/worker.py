"""The worker: the one list of scheduled work. APScheduler is only the clock; what is due stands in the database.

Every job claims or looks for due rows, does the slow part outside any transaction, and marks what became of it.
Any number of workers may run on any number of machines.
"""

import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from cxloop import events, intake, jobs, loop, notices, paths, sla, tagging
from cxloop.cases.queries import silent_since
from cxloop.clock import now
from cxloop.db import backoff, db, transaction
from cxloop.errors import CxloopError
from cxloop.links import Links
from cxloop.notices.compose import compose, envelope
from cxloop.notices.smtp import Refused, SmtpChannel, SmtpSettings, Unavailable
from cxloop.tagging.tagger import Suggestion, Tagger, Text

log = logging.getLogger(__name__)

BATCH = 32
RUNS_NOTED_EVERY = timedelta(seconds=15)


@dataclass
class Kit:
    """What the jobs need: the links, the tagger (loaded at first use), the mail channel's settings."""

    links: Links
    smtp: SmtpSettings | None = None
    load_tagger: Callable[[], Tagger] | None = None
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    _tagger: Tagger | None = None

    @classmethod
    def of(cls, app: Flask) -> "Kit":
        smtp = app.config["SMTP_URL"]

        def load() -> Tagger:
            from cxloop.tagging.model import OnnxTagger  # heavy: only where texts are tagged

            return OnnxTagger(paths.model_folder(app.config["MODEL"] or None))

        links = app.extensions["cxloop.links"]
        return cls(links=links, smtp=SmtpSettings.from_url(smtp) if smtp else None, load_tagger=load)

    @property
    def model(self) -> str | None:
        """The version that is loaded, if one is."""
        return self._tagger.version if self._tagger else None

    def tagger(self) -> Tagger:
        """Raises CxloopError if it cannot be loaded."""
        if self._tagger is None:
            if self.load_tagger is None:
                raise CxloopError("No tagger is configured.")
            self._tagger = self.load_tagger()
        return self._tagger


def drain_tagging(kit: Kit, limit: int = BATCH) -> int:
    """Read waiting feedback. Where the tagger fails, the rules decide and it is read again later."""
    with transaction():
        batch = [(feedback, feedback.id, tagging.text_of(feedback)) for feedback in intake.claim(at=now(), limit=limit)]
    for feedback, feedback_id, text in batch:
        suggestion, error = _suggest(kit, text)
        if error:
            log.error("feedback %s was not tagged: %s", feedback_id, error)
        try:
            with transaction():
                if suggestion:
                    loop.understand(feedback, suggestion, by="worker", at=now())
                else:
                    loop.understand_by_rule(feedback, error, by="worker", at=now())
        except Exception as failure:
            log.exception("feedback %s could not be understood", feedback_id)
            with transaction():
                intake.not_tagged(
                    feedback, f"{type(failure).__name__}: {failure}", again=now() + backoff(feedback.attempts)
                )
    return len(batch)


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
    if kit.smtp is None:
        with transaction():
            return notices.hold(at=now(), limit=limit)
    with transaction():
        batch = notices.claim(at=now(), limit=limit)
    with SmtpChannel(kit.smtp) as channel:
        for notice in batch:
            _send(notice, channel, kit)
    return len(batch)


def end_silence(_kit: Kit, limit: int = BATCH) -> int:
    """Resolved cases whose customers stayed silent are closed as unconfirmed."""
    silent = silent_since(now() - loop.SILENCE_ENDS, limit=limit)
    for case_id in silent:
        with transaction():
            loop.silence(case_id, by="worker", at=now())
    return len(silent)


def seal_events(_kit: Kit) -> int:
    with transaction():
        return events.seal(at=now())


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
    Job("beat", beat, 5),
)
UNTIL_IDLE = ("tagging", "promises", "notices", "silence")


def work(app: Flask, kit: Kit) -> None:
    """Run the jobs by the clock until SIGINT or SIGTERM; what is under way is finished first."""
    scheduler = BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(len(JOBS))},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone="UTC",
    )
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
    scheduler.shutdown(wait=True)


def work_until_idle(app: Flask, kit: Kit) -> dict[str, int]:
    """Do all that is due, wait for what another worker's lease still holds, and say how much was done."""
    counts = dict.fromkeys(UNTIL_IDLE, 0)
    _release_held(app, kit)
    with app.app_context():
        while True:
            done = {job.name: job.run(kit) for job in JOBS if job.name in counts}
            for name, count in done.items():
                counts[name] += count
            lapse = max(filter(None, (intake.in_flight(at=now()), notices.in_flight(at=now()))), default=None)
            db.session.rollback()
            if not any(done.values()):
                if lapse is None:
                    return counts
                time.sleep(min(1.0, max(0.05, (lapse - now()).total_seconds())))


def _run(app: Flask, kit: Kit, job: Job, noted: dict[str, datetime]) -> None:
    """One tick of a job: again while there is a full batch; its outcome is noted for the system page."""
    with app.app_context():
        done, error = 0, None
        try:
            while (count := job.run(kit)) > 0:
                done += count
                if count < BATCH:
                    break
        except Exception as failure:
            log.exception("job %s failed", job.name)
            error = f"{type(failure).__name__}: {failure}"
        at = now()
        if done or error or at - noted.get(job.name, at - RUNS_NOTED_EVERY) >= RUNS_NOTED_EVERY:
            with transaction():
                jobs.ran(job.name, done=done, error=error, at=at)
            noted[job.name] = at


def _suggest(kit: Kit, text: Text) -> tuple[Suggestion | None, str]:
    """What the tagger says, or why it could not: a text it stumbles over must not hold up the others."""
    try:
        return kit.tagger().suggest([text])[0], ""
    except Exception as error:  # noqa: BLE001  (whatever it is, it is kept with the feedback and logged)
        return None, f"{type(error).__name__}: {error}"


def _send(notice: notices.Notice, channel: SmtpChannel, kit: Kit) -> None:
    """Compose, send, mark. A crash in between sends the same Message-ID again, which is recorded."""
    letter = compose(notice, kit.links)
    try:
        mail = envelope(notice, letter, sender=channel.settings.sender, at=now())
        db.session.rollback()  # no transaction stays open while we talk to the server
        channel.send(mail)
    except Unavailable as error:
        with transaction():
            notices.not_sent(notice, str(error), by="worker", at=now())
    except (Refused, ValueError) as error:
        with transaction():
            notices.failed(notice, str(error), by="worker", at=now())
    else:
        with transaction():
            notices.sent(notice, subject=letter.subject, body=letter.body, by="worker", at=now())


def _release_held(app: Flask, kit: Kit) -> None:
    if kit.smtp is not None:
        with app.app_context(), transaction():
            notices.release(at=now())
