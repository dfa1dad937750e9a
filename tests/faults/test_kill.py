"""kill -9 in the middle of the work: by the ledger of whoever sent it in nothing is lost, and nothing done twice."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import events, notices, sla
from cxloop.cases import Case
from cxloop.clock import now
from cxloop.db import db, stop_reading, transaction
from cxloop.intake.models import Feedback
from cxloop.notices import Notice, NoticeKind, NoticeState
from cxloop.sla import ClockState, Promise
from tests.factories import DAY, HOUR, a_case, a_feedback, a_supervisor
from tests.faults.conftest import Actors, begin, leases_lapse
from tests.smtp import MailServer

pytestmark = pytest.mark.slow
Spawn = Callable[..., Popen[str]]


def until(true: Callable[[], bool], process: Popen[str], *, seconds: float = 60) -> None:
    """Watch a process from outside until it has come so far, or ended by itself."""
    end = time.monotonic() + seconds
    while not true() and process.poll() is None:
        assert time.monotonic() < end, "it never came so far"
        time.sleep(0.01)


def finish(spawn: Spawn, **settings: str) -> str:
    """A new worker does all that is left."""
    process = spawn("work", "--until-idle", **settings)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    return said


def count(kind: str) -> int:
    stop_reading()
    found = sa.select(sa.func.count()).select_from(events.Event).where(events.Event.kind == kind)
    return db.session.scalar(found) or 0


# ------------------------------------------------------------------------------------------------------- sending


def test_a_worker_killed_while_sending_loses_no_notice_and_repeats_few(
    app: Flask, spawn: Spawn, smtp: MailServer
) -> None:
    """The mail server itself kills the worker: while a message arrives, or when it was taken and not yet confirmed."""
    with app.app_context(), transaction():
        for number in range(100):
            a_case(email=f"c{number}@example.test", at=now())
    take, dice = smtp.handle_DATA, random.Random(7)
    mercy = 0
    worker: Popen[str] | None = None

    async def deadly(server: Any, session: Any, envelope: Any) -> str:
        nonlocal mercy
        mercy -= 1
        if mercy == 0 and worker and dice.random() < 0.3:
            os.kill(worker.pid, signal.SIGKILL)  # before it was taken
            return "451 Nobody listens"
        answer = await take(server, session, envelope)
        if mercy == 0 and worker:
            os.kill(worker.pid, signal.SIGKILL)  # it was taken, and the worker will never know
        return answer

    smtp.handle_DATA = deadly  # type: ignore[method-assign]
    kills = 5
    for _ in range(kills):
        mercy = dice.randint(2, 18)
        worker = spawn("work", SMTP_URL=smtp.url)
        assert worker.wait(timeout=60) == -signal.SIGKILL
        with app.app_context():
            leases_lapse()
    worker = None
    finish(spawn, SMTP_URL=smtp.url)

    arrived = Counter(mail.message_id for mail in smtp.received)
    with app.app_context():
        owed = {f"<{notice.mail_id}@example.test>": notice for notice in db.session.scalars(sa.select(Notice))}
        assert arrived.keys() == owed.keys(), "every notice arrived, and nothing else"
        assert len(owed) == 100
        assert {notice.state for notice in owed.values()} == {NoticeState.SENT}
        repeated = {message_id: times - 1 for message_id, times in arrived.items() if times > 1}
        assert sum(repeated.values()) <= kills
        assert all(owed[message_id].lapses >= times for message_id, times in repeated.items())
        assert repeated, "the hardest moment was not met"
        assert count("notice_sent") == 100
        assert events.verify().broken is None
    for message_id in repeated:
        texts = {(mail.subject, mail.text, *mail.to) for mail in smtp.received if mail.message_id == message_id}
        assert len(texts) == 1, "a repeat says the same"


def test_a_worker_told_to_end_leaves_the_rest_of_a_long_queue_to_others(
    app: Flask, spawn: Spawn, smtp: MailServer
) -> None:
    with app.app_context(), transaction():
        case = a_case(at=now())
        for number in range(299):
            notices.owe(NoticeKind.REPLY, case, key=str(number), by="test", at=now())
    take = smtp.handle_DATA
    workers: list[Popen[str]] = []

    async def asking_to_end(server: Any, session: Any, envelope: Any) -> str:
        answer = await take(server, session, envelope)
        if len(smtp.received) == 20:
            workers[0].send_signal(signal.SIGTERM)
        return answer

    smtp.handle_DATA = asking_to_end  # type: ignore[method-assign]
    workers.append(spawn("work", SMTP_URL=smtp.url))
    assert workers[0].wait(timeout=60) == 0
    with app.app_context():
        assert notices.in_flight(at=now()) is None
        assert 20 <= count("notice_sent") == len(smtp.received) < 300
    finish(spawn, SMTP_URL=smtp.url)
    assert len(smtp.received) == len({mail.message_id for mail in smtp.received}) == 300


# ------------------------------------------------------------------------------------------------------- tagging


def test_a_worker_killed_while_tagging_skips_no_text_and_opens_no_case_twice(
    app: Flask, actor: Actors, spawn: Spawn
) -> None:
    ledger = {f"It came late, number {number}.": f"c{number % 20}@example.test" for number in range(80)}
    with app.app_context(), transaction():
        for text, email in ledger.items():
            a_feedback(text, email=email, at=now())
    dice = random.Random(11)
    for _ in range(3):
        worker = actor("tagging")
        begin(worker)
        assert worker.stdout is not None
        for _ in range(dice.randint(3, 20)):
            worker.stdout.readline()
        worker.kill()
        worker.wait()
        with app.app_context():
            leases_lapse()
    last = actor("tagging")
    begin(last)
    assert last.communicate(timeout=60)[1] == ""

    with app.app_context():
        tagged = db.session.scalars(sa.select(Feedback)).all()
        assert {feedback.text: feedback.customer.email for feedback in tagged if feedback.tagged_at} == ledger
        assert all(feedback.due_at is None for feedback in tagged)
        subjects = sa.select(events.Event.subject).where(events.Event.kind == "feedback_tagged")
        assert max(Counter(db.session.scalars(subjects)).values()) == 1
        assert count("feedback_tagged") == 80
        assert (count("case_opened"), count("feedback_joined")) == (20, 60)
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Notice)) == 20
        assert events.verify().broken is None


# ------------------------------------------------------------------------------------------------------ sweeping


def test_a_worker_killed_while_sweeping_breaks_each_promise_once_and_dates_it_by_its_deadline(
    app: Flask, spawn: Spawn
) -> None:
    began = now() - 2 * DAY
    always: dict[str, object] = {"timezone": "UTC", "always_open": True}
    with app.app_context():
        a_supervisor()
        with transaction():
            targets = {"normal": {"first_response": 3600, "resolution": 36_000}}
            sla.set_policy("Quick", targets, hours_name="Round the clock", hours=always)
        with transaction():
            deadlines = set()
            for number in range(60):
                a_case(at=began + timedelta(seconds=number))
                deadlines |= {began + timedelta(seconds=number) + hours for hours in (HOUR, 10 * HOUR)}
        for part in (1, 40):
            worker = spawn("work")
            until(lambda part=part: count("promise_broken") >= part, worker)  # type: ignore[misc]
            worker.kill()
            worker.wait()
        assert count("promise_broken") < 120, "it was too quick to be killed"
        leases_lapse()
        finish(spawn)

        stop_reading()
        broken = db.session.execute(sa.select(Promise.breached_at, Promise.state)).all()
        assert {breached_at for breached_at, _ in broken} == deadlines
        assert {state for _, state in broken} == {ClockState.breached}
        assert (count("promise_broken"), count("case_escalated")) == (120, 60)
        alerts = sa.select(sa.func.count()).select_from(Notice).where(Notice.kind == NoticeKind.ESCALATION)
        assert db.session.scalar(alerts) == 120
        assert events.verify().broken is None


# ----------------------------------------------------------------------------------------------------- importing


def test_an_import_that_is_killed_goes_on_where_it_was(app: Flask, spawn: Spawn, tmp_path: Path) -> None:
    ledger = {str(number): f"It came late: {number}." for number in range(1400)}
    rows = [f"{id},{text},c{int(id) % 50}@example.test" for id, text in ledger.items()]
    file = tmp_path / "export.csv"
    file.write_text("\n".join(["id,comment,email", *rows, ""]))
    kept = sa.select(Feedback.external_id)

    with app.app_context():

        def some() -> bool:
            stop_reading()
            return db.session.scalar(kept.limit(1)) is not None

        for _ in range(2):  # the second time it is killed among what it knows, or a batch further
            process = spawn("import", file, "--kind", "review")
            until(some, process)
            process.kill()
            process.wait()
        stop_reading()
        before = len(db.session.scalars(kept).all())
        assert before < 1400, "it was too quick to be killed"
        assert before % 500 == 0, "half a batch was kept"

        process = spawn("import", file, "--kind", "review")
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert f"read 1400, new {1400 - before}, duplicate {before}, rejected 0" in said

        stop_reading()
        assert sorted(db.session.scalars(kept)) == sorted(ledger)
        assert (count("feedback_received"), count("source_added")) == (1400, 1)
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Case)) == 0
        assert events.verify().broken is None
