"""Several processes at one outbox: everything is sent, once."""

from collections import Counter

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import events, notices
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.notices import Notice, NoticeKind, NoticeState
from tests.factories import a_case, a_feedback
from tests.faults.conftest import Actors, begin
from tests.smtp import MailServer


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
