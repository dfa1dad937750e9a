"""Several processes at one outbox: everything is sent, once."""

import threading
from collections import Counter
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import drains, events, loop, notices, worker
from cxloop.cases import Case, State
from cxloop.clock import now
from cxloop.db import db, locked, transaction
from cxloop.drains import Kit
from cxloop.intake.models import Feedback, Source
from cxloop.notices import Notice, NoticeKind, NoticeState
from cxloop.sla import Promise
from tests.factories import DAY, a_case, a_feedback, a_source, a_supervisor, an_agent, an_item
from tests.faults.conftest import Actors, begin
from tests.smtp import MailServer
from tests.together import together


def owe(count: int, *, cases: int) -> None:
    """So many notices, spread over so many cases, all due."""
    with transaction():
        opened = [a_case(at=now()) for _ in range(cases)]
        for number in range(count - cases):  # each case owes an acknowledgement already
            notices.owe(NoticeKind.REPLY, opened[number % cases], key=str(number), by="test", at=now())


def check(smtp: MailServer, count: int) -> None:
    assert len(smtp.received) == len({mail.message_id for mail in smtp.received}) == count
    rows = db.session.execute(sa.select(Notice.state, Notice.attempts, Notice.lapses)).all()
    assert Counter(tuple(row) for row in rows) == {(NoticeState.SENT, 1, 0): count}
    sent = sa.select(sa.func.count()).select_from(events.Event).where(events.Event.kind == "notice_sent")
    assert db.session.scalar(sent) == count
    assert events.verify().broken is None


@pytest.mark.postgresql
@pytest.mark.slow
def test_four_processes_send_five_hundred_notices_each_once(app: Flask, actor: Actors, smtp: MailServer) -> None:
    with app.app_context():
        owe(500, cases=25)
    four = [actor("notices", SMTP_URL=smtp.url) for _ in range(4)]
    begin(*four)
    said = [process.communicate(timeout=120) for process in four]
    assert [errors for _, errors in said] == [""] * 4
    shares = [int(out.split()[-1]) for out, _ in said]
    assert sum(shares) == 500
    assert min(shares) > 0
    with app.app_context():
        check(smtp, 500)


@pytest.mark.sqlite
@pytest.mark.slow
def test_two_processes_share_a_file_without_finding_it_locked(app: Flask, actor: Actors, smtp: MailServer) -> None:
    with app.app_context():
        owe(200, cases=10)
    two = [actor("notices", SMTP_URL=smtp.url) for _ in range(2)]
    begin(*two)
    said = [process.communicate(timeout=120) for process in two]
    assert [errors for _, errors in said] == [""] * 2
    shares = [int(out.split()[-1]) for out, _ in said]
    assert sum(shares) == 200
    assert min(shares) > 0
    with app.app_context():
        check(smtp, 200)


def test_two_processes_read_the_same_feedback_once(app: Flask, actor: Actors) -> None:
    with app.app_context(), transaction():
        texts = [f"It came late, number {number}." for number in range(60)]
        for number, text in enumerate(texts):
            a_feedback(text, email=f"c{number % 6}@example.test", at=now())
    two = [actor("tagging") for _ in range(2)]
    begin(*two)
    said = [process.communicate(timeout=120) for process in two]
    assert [errors for _, errors in said] == [""] * 2
    read = [line for out, _ in said for line in out.splitlines() if line.startswith("It came")]
    assert sorted(read) == sorted(texts)
    with app.app_context():
        kinds = Counter(db.session.scalars(sa.select(events.Event.kind)))
        assert (kinds["feedback_tagged"], kinds["case_opened"], kinds["feedback_joined"]) == (60, 6, 54)
        assert events.verify().broken is None


@pytest.mark.slow
def test_everything_at_once_ends_in_a_trail_that_holds(app: Flask, mailing_kit: Kit, smtp: MailServer) -> None:
    """Imports, two of every kind of worker, staff and customers, all about the same few people."""
    with app.app_context():
        a_supervisor()
        for _ in range(3):
            an_agent()
        sources = [a_source(name).id for name in ("Shop", "Bank")]
        opened = [a_case(State.RESOLVED, email=f"c{n}@example.test", at=now() - 30 * DAY).id for n in range(5)]
        opened += [a_case(email=f"c{n}@example.test", cause="wait_time", at=now() - 30 * DAY).id for n in range(5)]
    fed = threading.Event()

    def bring(source_id: int, order: int) -> int:
        for batch in range(4):
            items = [
                an_item(None if n % 3 == 0 else "It came late.", email=f"c{n % 9}@example.test", score=1, scale="0-10")
                for n in range(18)
            ][::order]
            with transaction() as session:
                loop.hear(session.get_one(Source, source_id), items, by=f"test:{batch}", at=now())
        fed.set()
        return 72

    def drain(job: Callable[[Kit], int]) -> int:
        done = 0
        while (count := job(mailing_kit)) or not fed.is_set():
            done += count
        return done

    def serve(fixed: bool) -> int:
        done = 0
        for _ in range(4):
            for case_id in opened:
                with transaction():
                    case = locked(Case, case_id)
                    assert case is not None
                    if case.state == State.RESOLVED:
                        loop.confirm(case, fixed=fixed, by=case.customer.actor, at=now())
                    elif case.state != State.CLOSED:
                        loop.resolve(case, cause="wait_time", text="Money back.", by="user:1", at=now())
                    done += 1
        return done

    workers = [drains.drain_tagging, drains.drain_notices, drains.sweep_promises]
    together(
        app,
        lambda: bring(sources[0], 1),
        lambda: bring(sources[1], -1),
        *(lambda job=job: drain(job) for job in workers * 2),  # type: ignore[misc]
        lambda: serve(True),
        lambda: serve(False),
    )
    worker.work_until_idle(app, mailing_kit)
    with app.app_context():
        assert events.verify().broken is None
        kinds = Counter(db.session.scalars(sa.select(events.Event.kind)))
        assert kinds["feedback_received"] == kinds["feedback_tagged"] == 144 + 10
        assert kinds["promise_broken"] == db.session.scalar(
            sa.select(sa.func.count()).select_from(Promise).where(Promise.breached_at.is_not(None))
        )
        failed = [each.last_error for each in db.session.scalars(sa.select(Feedback)) if each.last_error]
        assert failed == [], "somebody waited for somebody who waited for them"
        states = Counter(db.session.scalars(sa.select(Notice.state)))
        assert states == {NoticeState.SENT: len(smtp.received)}
        assert len({mail.message_id for mail in smtp.received}) == len(smtp.received)
