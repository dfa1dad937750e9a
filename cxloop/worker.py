"""The worker: the one list of scheduled work. APScheduler is only the clock; what is due stands in the database.

Any number of workers may run on any number of machines.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from cxloop import accounts, events, intake, jobs, notices, teaching
from cxloop.clock import now
from cxloop.db import stop_reading, transaction
from cxloop.drains import BATCH, Kit, drain_notices, drain_tagging, end_silence, sweep_promises

log = logging.getLogger(__name__)

RUNS_NOTED_EVERY = timedelta(seconds=15)
BEATS_EVERY = 5
"""Seconds."""


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


def _release_held(app: Flask, kit: Kit) -> None:
    if kit.smtp is not None:
        with app.app_context(), transaction():
            notices.release(at=now())
