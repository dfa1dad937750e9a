"""The worker: its jobs one by one, what it does until nothing is due, and how it ends."""

import json
import logging
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from subprocess import Popen

import pytest
import sqlalchemy as sa
from apscheduler.events import EVENT_JOB_MAX_INSTANCES
from flask import Flask

from cxloop import drains, events, intake, jobs, loop, notices, paths, sla, tagging, worker
from cxloop.cases import Case, Outcome, State
from cxloop.clock import now
from cxloop.db import db, stop_reading, transaction
from cxloop.drains import Kit
from cxloop.errors import CxloopError
from cxloop.intake.models import Feedback
from cxloop.jobs import JobRun
from cxloop.notices import Notice, NoticeState
from cxloop.tagging.models import BY_RULE
from cxloop.tagging.tagger import Suggestion, Text
from tests.factories import DAY, HOUR, MINUTE, a_case, a_feedback, an_agent
from tests.fakes import FakeTagger
from tests.smtp import MailServer
from tests.together import together


def count(rows: type) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(rows)) or 0


def run_of(name: str) -> JobRun | None:
    stop_reading()
    return db.session.get(JobRun, name)


def job(name: str) -> worker.Job:
    return next(each for each in worker.JOBS if each.name == name)


# ------------------------------------------------------------------------------------------------------- tagging


def test_words_are_read_and_bare_scores_are_understood_without_the_tagger(
    in_app: Flask, kit: Kit, tagger: FakeTagger
) -> None:
    late, score = a_feedback("It came late."), a_feedback(None, score=1, scale="0-10")
    assert drains.drain_tagging(kit) == 2
    assert tagger.read == ["It came late."]
    assert [(tagging.of(each).model, each.due_at) for each in (late, score)] == [  # type: ignore[union-attr]
        ("fake-1", None),
        (BY_RULE, None),
    ]
    assert count(Case) == 2
    assert drains.drain_tagging(kit) == 0


def test_the_tagger_reads_the_question_too(in_app: Flask, kit: Kit) -> None:
    read: list[Text] = []

    class Listening(FakeTagger):
        def suggest(self, texts: list[Text]) -> list[Suggestion]:  # type: ignore[override]
            read.extend(texts)
            return super().suggest(texts)

    kit.load_tagger = Listening
    a_feedback("Nothing.", question="What did we do well?")
    drains.drain_tagging(kit)
    assert read == [Text("Nothing.", "What did we do well?")]


def test_a_text_that_the_tagger_stumbles_over_holds_up_nobody(in_app: Flask, kit: Kit) -> None:
    bad = a_feedback("This is unreadable.", score=1, scale="1-5")
    good = a_feedback("It came late.")
    assert drains.drain_tagging(kit) == 2
    assert tagging.of(good).model == "fake-1"  # type: ignore[union-attr]
    assert tagging.of(bad).model == BY_RULE  # type: ignore[union-attr]
    assert bad.tagged_at is None
    assert "nobody can read" in (bad.last_error or "")
    assert bad.due_at is not None
    assert now() < bad.due_at < now() + MINUTE
    assert count(Case) == 2


@pytest.mark.parametrize("trouble", ["missing", "corrupt"])
def test_without_a_model_a_bad_score_gets_its_case_and_its_clock_at_once(
    make_app: Callable[..., Flask], tmp_path: object, trouble: str
) -> None:
    """ML-01, with the real loading of the real thing."""
    folder = tmp_path / "model"  # type: ignore[operator]
    if trouble == "corrupt":
        folder.mkdir()
        (folder / "manifest.json").write_text("{")
    app = make_app(MODEL=str(folder))
    kit = Kit.of(app)
    with app.app_context():
        an_agent()
        feedback = a_feedback("What a disgrace.", score=1, scale="1-5", at=now())
        assert drains.drain_tagging(kit) == 1
        [case] = db.session.scalars(sa.select(Case))
        assert {promise.started_at for promise in sla.of(case)} == {feedback.received_at}
        assert case.owner is not None
        assert (feedback.tagged_at, kit.model) == (None, None)
        assert feedback.last_error

        kit.load_tagger = FakeTagger  # it is mended
        with transaction():
            feedback.due_at = now()
        assert drains.drain_tagging(kit) == 1
        assert tagging.of(feedback).model == kit.model == "fake-1"  # type: ignore[union-attr]
        assert (count(Case), feedback.due_at) == (1, None)


def test_feedback_that_cannot_be_understood_steps_aside_and_shows(in_app: Flask, kit: Kit) -> None:
    poisoned, sound = a_feedback("Well."), a_feedback("Late.")
    with transaction():
        poisoned.scale, poisoned.score = "so-so", 1
    assert drains.drain_tagging(kit) == 2
    assert "ValueError" in (poisoned.last_error or "")
    assert poisoned.due_at is not None
    assert poisoned.due_at > now()
    assert poisoned.leased_until is None
    assert sound.tagged_at is not None


def test_a_slow_tagger_gives_the_rest_of_the_batch_back(
    in_app: Flask, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        a_feedback("Late.")
    monkeypatch.setattr(intake, "LEASE", intake.LEASE * 0)  # half of it is over after the first text
    assert drains.drain_tagging(kit) == 1
    assert [each.attempts for each in db.session.scalars(sa.select(Feedback).order_by(Feedback.id))] == [1, 0, 0]
    monkeypatch.undo()
    assert drains.drain_tagging(kit) == 2


def test_a_worker_that_shall_end_begins_nothing_more(in_app: Flask, mailing_kit: Kit, smtp: MailServer) -> None:
    a_feedback("Late.")
    a_case(at=now())
    mailing_kit.stopping.set()
    assert (drains.drain_tagging(mailing_kit), drains.drain_notices(mailing_kit)) == (0, 0)
    assert smtp.received == []
    leased = [rows.leased_until.is_not(None) for rows in (Feedback, Notice)]
    assert [db.session.scalar(sa.select(sa.func.count()).where(condition)) for condition in leased] == [0, 0]


# ------------------------------------------------------------------------------------------------------- silence


def resolved(days_ago: int, **item: object) -> Case:
    return a_case(State.RESOLVED, at=now() - timedelta(days=days_ago), **item)  # type: ignore[arg-type]


def test_the_silent_are_closed_as_unconfirmed_once_they_were_told(
    in_app: Flask, mailing_kit: Kit, smtp: MailServer
) -> None:
    old, new = resolved(8), resolved(6)
    assert drains.end_silence(mailing_kit) == 0
    drains.drain_notices(mailing_kit)
    assert drains.end_silence(mailing_kit) == 1
    assert drains.end_silence(mailing_kit) == 0
    assert (old.state, old.outcome, new.state) == (State.CLOSED, Outcome.UNCONFIRMED, State.RESOLVED)


def test_a_case_that_cannot_be_closed_holds_up_no_other(in_app: Flask, kit: Kit) -> None:
    poisoned, sound = resolved(9, email=None).id, resolved(8, email=None).id
    with transaction() as session:
        session.execute(sa.text(f"UPDATE \"case\" SET waiting_on = 'nobody' WHERE id = {poisoned}"))
    assert drains.end_silence(kit) == 1
    assert db.session.scalar(sa.select(Case.state).where(Case.id == sound)) == State.CLOSED


# ------------------------------------------------------------------------------------------------------ until idle


def test_until_idle_does_all_that_is_due_and_counts_it(app: Flask, mailing_kit: Kit, smtp: MailServer) -> None:
    with app.app_context():
        an_agent()
        for number in range(40):  # more than a batch
            a_feedback("It came late.", email=f"c{number}@example.test", at=now())
        a_feedback("Lovely.", at=now())
        a_case(at=now() - 30 * DAY)
    counts = worker.work_until_idle(app, mailing_kit)
    assert counts == {"tagging": 41, "promises": 2, "notices": 41, "silence": 0}
    assert len(smtp.received) == 41
    assert worker.work_until_idle(app, mailing_kit) == dict.fromkeys(counts, 0)


def test_until_idle_ends_without_a_mail_server_and_without_a_tagger(app: Flask, kit: Kit) -> None:
    kit.load_tagger = None
    with app.app_context():
        a_case(at=now())
        a_feedback("Late.", score=1, scale="1-5", at=now())
    assert worker.work_until_idle(app, kit) == {"tagging": 1, "promises": 0, "notices": 2, "silence": 0}
    with app.app_context():
        assert set(db.session.scalars(sa.select(Notice.state))) == {NoticeState.HELD}
        assert count(Feedback) == 2


def test_until_idle_waits_for_what_a_dead_worker_had(
    app: Flask, mailing_kit: Kit, smtp: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        a_case(at=now())
        with transaction():
            monkeypatch.setattr(notices, "LEASE", timedelta(seconds=0.2))
            notices.claim(at=now(), limit=10)
        monkeypatch.undo()
    assert worker.work_until_idle(app, mailing_kit)["notices"] == 1
    assert len(smtp.received) == 1


# ------------------------------------------------------------------------------------------------- for the system page


def test_a_run_of_a_job_is_noted_when_it_did_something_or_failed(app: Flask, kit: Kit) -> None:
    noted: dict[str, object] = {}
    with app.app_context():
        a_feedback("Late.")
    worker._run(app, kit, job("tagging"), noted)  # type: ignore[arg-type]
    with app.app_context():
        run = run_of("tagging")
        assert run is not None
        assert (run.done, run.worked_at, run.error) == (1, run.ran_at, None)
    worker._run(app, kit, job("tagging"), noted)  # type: ignore[arg-type]
    with app.app_context():
        assert run_of("tagging").done == 1  # type: ignore[union-attr]  # nothing was done a moment later: not noted


def test_a_job_that_fails_says_so_and_keeps_when_it_last_worked(app: Flask, kit: Kit) -> None:
    def fail(_kit: Kit) -> int:
        raise CxloopError("The disk is full.")

    works, fails = worker.Job("tagging", lambda _: 0, 1), worker.Job("tagging", fail, 1)
    worker._run(app, kit, works, {})
    worker._run(app, kit, fails, {})
    with app.app_context():
        run = run_of("tagging")
        assert run is not None
        assert run.error == "CxloopError: The disk is full."
        assert run.failed_at == run.ran_at


def test_a_full_batch_is_followed_by_the_next_at_once_unless_the_worker_shall_end(app: Flask, kit: Kit) -> None:
    left = [worker.BATCH, worker.BATCH, 3, 0]
    run = worker.Job("tagging", lambda _: left.pop(0), 1)
    worker._run(app, kit, run, {})
    assert left == [0]
    left[:] = [worker.BATCH, worker.BATCH]
    kit.stopping.set()
    worker._run(app, kit, run, {})
    assert left == [worker.BATCH]


def test_several_workers_note_the_same_job_at_once(app: Flask) -> None:
    def note() -> None:
        with transaction():
            jobs.ran("tagging", done=1, at=now())
        with transaction():
            jobs.beat(threading.current_thread().name, model=None, at=now())

    together(app, note, note, note, note)
    with app.app_context():
        assert [run.name for run in jobs.runs()] == ["tagging"]
        assert len(jobs.workers()) == 4


def test_a_worker_beats_and_one_that_fell_silent_long_ago_is_forgotten(in_app: Flask, kit: Kit) -> None:
    with transaction():
        jobs.beat("old", model=None, at=now() - 25 * HOUR)
        jobs.beat("quiet", model=None, at=now() - HOUR)
    kit.tagger()
    worker.beat(kit)
    assert [(each.name, each.model) for each in jobs.workers()] == [("test", "fake-1"), ("quiet", None)]
    last = jobs.last_beat()
    assert last is not None
    assert now() - last < MINUTE
    first = jobs.workers()[0].started_at
    worker.beat(kit)
    stop_reading()
    assert jobs.workers()[0].started_at == first


def test_who_works_until_idle_can_be_seen_to_be_alive_all_the_while(
    app: Flask, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats: list[object] = []
    again = threading.Event()

    def count_beats(kit: Kit) -> int:
        beats.append(kit)
        if len(beats) == 3:
            again.set()
        return beat(kit)

    class Slow(FakeTagger):
        def suggest(self, texts: list[Text]) -> list[Suggestion]:  # type: ignore[override]
            assert jobs.last_beat() is not None
            assert again.wait(timeout=30)
            return super().suggest(texts)

    beat = worker.beat
    monkeypatch.setattr(worker, "beat", count_beats)
    monkeypatch.setattr(worker, "BEATS_EVERY", 0.01)
    kit.load_tagger = Slow
    with app.app_context():
        a_feedback("Late.")
    assert worker.work_until_idle(app, kit)["tagging"] == 1
    assert len(beats) >= 3


def test_what_was_recorded_until_idle_is_sealed(app: Flask, kit: Kit) -> None:
    with app.app_context():
        a_feedback("Late.")
    worker.work_until_idle(app, kit)
    with app.app_context():
        newest = db.session.scalar(sa.select(sa.func.max(events.Event.id)).where(events.Event.kind != "sealed"))
        assert events.of(events.LEDGER)[-1].data["through"] == newest
        with transaction() as session:
            session.execute(sa.delete(events.Event).where(events.Event.id == newest))
        assert "missing" in (events.verify().broken or "")


def test_a_worker_that_has_loaded_no_model_yet_names_the_one_it_is_going_to(
    make_app: Callable[..., Flask], tmp_path: Path
) -> None:
    manifest = json.loads((paths.model_folder() / "manifest.json").read_text(encoding="utf-8"))
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"version": "mine-7"}))
    app = make_app(MODEL=str(tmp_path))
    with app.app_context():
        worker.beat(Kit.of(app))
        assert [each.model for each in jobs.workers()] == ["mine-7"]


def test_a_tick_that_is_skipped_because_the_one_before_it_is_at_work_is_no_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, logger="apscheduler")  # and back to what it was, afterwards
    skipped, at_work = threading.Event(), threading.Event()
    scheduler = worker.clock()
    scheduler.add_listener(lambda _event: skipped.set(), EVENT_JOB_MAX_INSTANCES)
    scheduler.add_job(at_work.wait, "interval", seconds=0.05, args=(30,), id="slow")
    scheduler.start()
    assert skipped.wait(timeout=30)
    at_work.set()
    scheduler.shutdown(wait=True)
    assert caplog.records == []


def test_every_job_has_a_name_of_its_own_and_those_until_idle_are_among_them() -> None:
    names = [each.name for each in worker.JOBS]
    assert len(names) == len(set(names))
    assert set(worker.UNTIL_IDLE) <= set(names)


# --------------------------------------------------------------------------------------------------- the real thing


@pytest.mark.slow
@pytest.mark.parametrize("ends", [signal.SIGTERM, signal.SIGINT])
def test_a_real_worker_does_what_is_due_and_ends_cleanly_when_told(
    app: Flask, spawn: Callable[..., Popen[str]], smtp: MailServer, ends: signal.Signals
) -> None:
    arrived = threading.Event()
    take = smtp.handle_DATA

    async def noticed(server: object, session: object, envelope: object) -> str:
        answer = await take(server, session, envelope)  # type: ignore[arg-type]
        arrived.set()
        return answer

    smtp.handle_DATA = noticed  # type: ignore[assignment, method-assign]
    with app.app_context():
        a_case(at=now() - 30 * DAY)
        [case] = db.session.scalars(sa.select(Case))
        with transaction():
            loop.answer(case, "Here we are.", by="user:1", at=now())
    process = spawn("work", SMTP_URL=smtp.url)
    assert arrived.wait(timeout=60)
    process.send_signal(ends)
    said, _ = process.communicate(timeout=10)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    with app.app_context():
        assert jobs.last_beat() is not None
        assert intake.in_flight(at=now()) is None
        assert notices.in_flight(at=now()) is None
        newest = db.session.scalar(sa.select(sa.func.max(events.Event.id)).where(events.Event.kind != "sealed"))
        assert events.of(events.LEDGER)[-1].data["through"] >= newest
        assert events.verify().broken is None
