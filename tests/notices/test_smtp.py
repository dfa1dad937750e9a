"""Sending through a real mail server that refuses, hangs up, keeps silent or is not there (MAIL-09)."""

import asyncio
import socket
from email.message import EmailMessage
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import drains, events, notices, worker
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.errors import CxloopError
from cxloop.notices import Notice, NoticeState, smtp
from cxloop.notices.smtp import Refused, SmtpChannel, SmtpSettings, Unavailable
from tests.factories import DAY, MINUTE, a_case, a_supervisor, an_agent
from tests.smtp import MailServer


def outbox() -> list[Notice]:
    return list(db.session.scalars(sa.select(Notice).order_by(Notice.id)))


def due_again() -> None:
    """Time passes."""
    with transaction():
        db.session.execute(sa.update(Notice).where(Notice.due_at.is_not(None)).values(due_at=now() - MINUTE))


def nobody_listens() -> str:
    """The address of a port on which there is no server."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"smtp://127.0.0.1:{taken.getsockname()[1]}?from=care@example.test"


# ------------------------------------------------------------------------------------------------ the settings


def test_the_settings_are_read_from_one_address() -> None:
    read = SmtpSettings.from_url("smtp://me%40x:p%2Fw@mail.example.test:2525?from=Care%20<care@example.test>&tls=none")
    assert (read.host, read.port, read.user, read.password, read.sender, read.tls) == (
        "mail.example.test",
        2525,
        "me@x",
        "p/w",
        "Care <care@example.test>",
        "none",
    )


@pytest.mark.parametrize(
    ("url", "tls", "port"),
    [
        ("smtp://mail.example.test", "none", 25),
        ("smtp://me:pw@mail.example.test", "starttls", 587),
        ("smtps://me:pw@mail.example.test", "tls", 465),
        ("smtp://mail.example.test?tls=starttls", "starttls", 587),
    ],
)
def test_a_password_never_travels_in_the_clear_unless_told(url: str, tls: str, port: int) -> None:
    assert (SmtpSettings.from_url(url).tls, SmtpSettings.from_url(url).port) == (tls, port)


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example.test",
        "smtp://",
        "mail.example.test:25",
        "smtp://mail.example.test?tls=maybe",
        "smtp://mail.example.test:99999",
        "smtp://mail.example.test:mail",
        "smtp://mail.example.test?from=care%0d%0aBcc:evil@example.test",
        "smtp://mail.example.test?from=nobody",
    ],
)
def test_an_address_that_cannot_serve_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(CxloopError, match="CXLOOP_SMTP_URL must look like"):
        SmtpSettings.from_url(url)


# ------------------------------------------------------------------------------------------------- the server


def test_a_batch_leaves_over_one_connection(in_app: Flask, mailing_kit: drains.Kit, smtp: MailServer) -> None:
    sessions = []

    async def handle_EHLO(server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]) -> list[str]:
        sessions.append(session)
        session.host_name = hostname
        return responses

    smtp.handle_EHLO = handle_EHLO  # type: ignore[attr-defined]
    for _ in range(3):
        a_case(at=now())
    smtp.answer_next("250 OK", "550 No such mailbox")
    assert drains.drain_notices(mailing_kit) == 3
    assert [notice.state for notice in outbox()] == [NoticeState.SENT, NoticeState.FAILED, NoticeState.SENT]
    assert len(sessions) == 1


@pytest.mark.parametrize("answer", ["421 Shutting down", "450 Mailbox busy", "451 Greylisted", "452 Full"])
def test_not_now_is_tried_again_later_with_the_same_message_id(
    in_app: Flask, mailing_kit: drains.Kit, smtp: MailServer, answer: str
) -> None:
    case = a_case(at=now())
    smtp.answer_next(answer)
    assert drains.drain_notices(mailing_kit) == 1
    [notice] = outbox()
    assert (notice.state, notice.leased_until, smtp.received) == (NoticeState.DUE, None, [])
    assert answer in (notice.last_error or "")
    assert notice.due_at is not None
    assert notice.due_at > now()
    assert drains.drain_notices(mailing_kit) == 0

    due_again()
    drains.drain_notices(mailing_kit)
    [notice], [mail] = outbox(), smtp.received
    assert (notice.state, notice.last_error) == (NoticeState.SENT, None)
    assert mail.message_id == f"<{notice.mail_id}@example.test>"
    last = events.of(case.subject)[-1]
    assert (last.kind, last.data["attempts"], last.data["lapses"]) == ("notice_sent", 2, 0)


@pytest.mark.parametrize("answer", ["550 No such mailbox", "552 Too big", "554 Spam"])
def test_never_is_not_tried_again_and_shows(
    in_app: Flask, mailing_kit: drains.Kit, smtp: MailServer, answer: str
) -> None:
    case = a_case(at=now())
    smtp.answer_next(answer)
    drains.drain_notices(mailing_kit)
    [notice] = outbox()
    assert (notice.state, notice.due_at, notice.last_error) == (NoticeState.FAILED, None, answer)
    assert events.of(case.subject)[-1].kind == "notice_failed"
    assert drains.drain_notices(mailing_kit) == 0


def test_a_recipient_that_is_refused_holds_up_nobody_else(
    in_app: Flask, mailing_kit: drains.Kit, smtp: MailServer
) -> None:
    async def handle_RCPT(server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if address.startswith("gone"):
            return "550 No such user"
        if address.startswith("busy"):
            return "450 Busy"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    smtp.handle_RCPT = handle_RCPT  # type: ignore[attr-defined]
    for name in ("gone", "busy", "cleo"):
        a_case(email=f"{name}@example.test", at=now())
    drains.drain_notices(mailing_kit)
    assert [notice.state for notice in outbox()] == [NoticeState.FAILED, NoticeState.DUE, NoticeState.SENT]
    assert [mail.to for mail in smtp.received] == [["cleo@example.test"]]


def test_a_server_that_hangs_up_without_a_word_may_have_taken_it(
    in_app: Flask, mailing_kit: drains.Kit, smtp: MailServer
) -> None:
    case = a_case(at=now(), owner=an_agent(name="Amira Haddad"))
    smtp.hang_up_next()
    drains.drain_notices(mailing_kit)
    assert outbox()[0].state == NoticeState.DUE
    due_again()
    with transaction():  # which would make it a different letter, were it written only now
        case.assign(an_agent(name="Jonas Keller"), why="given", by="test", at=now())
    drains.drain_notices(mailing_kit)
    assert outbox()[0].state == NoticeState.SENT
    first, second = smtp.received
    assert first.message_id == second.message_id
    assert (first.subject, first.text) == (second.subject, second.text)


def test_a_server_that_keeps_silent_is_given_up_and_asked_again_later(
    in_app: Flask, mailing_kit: drains.Kit, smtp: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def handle_DATA(server: Any, session: Any, envelope: Any) -> str:
        await asyncio.Event().wait()
        return "250 too late"

    monkeypatch.setattr("cxloop.notices.smtp.TIMEOUT", 0.3)
    smtp.handle_DATA = handle_DATA  # type: ignore[method-assign]
    a_case(at=now())
    drains.drain_notices(mailing_kit)
    [notice] = outbox()
    assert notice.state == NoticeState.DUE
    assert "TimeoutError" in (notice.last_error or "") or "timed out" in (notice.last_error or "")


def test_a_server_that_is_not_there_is_asked_once_a_batch(in_app: Flask, kit: drains.Kit) -> None:
    for _ in range(3):
        a_case(at=now())
    kit.smtp = SmtpSettings.from_url(nobody_listens())
    assert drains.drain_notices(kit) == 3
    assert {(notice.state, notice.attempts) for notice in outbox()} == {(NoticeState.DUE, 1)}
    assert all("No way into the mail server" in (notice.last_error or "") for notice in outbox())


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_server_that_cannot_speak_in_secret_gets_nothing(
    in_app: Flask, kit: drains.Kit, smtp: MailServer, scheme: str
) -> None:
    a_case(at=now())
    kit.smtp = SmtpSettings.from_url(f"{scheme}://me:pw@{smtp.host}:{smtp.port}?from=care@example.test")
    drains.drain_notices(kit)
    assert (outbox()[0].state, smtp.received) == (NoticeState.DUE, [])


def test_a_password_that_is_refused_is_our_fault_and_not_the_messages(
    in_app: Flask, kit: drains.Kit, smtp: MailServer
) -> None:
    a_case(at=now())
    kit.smtp = SmtpSettings.from_url(f"smtp://me:pw@{smtp.host}:{smtp.port}?from=care@example.test&tls=none")
    drains.drain_notices(kit)
    assert outbox()[0].state == NoticeState.DUE
    assert "No way into" in (outbox()[0].last_error or "")


def test_a_channel_says_which_of_the_two_it_was(smtp: MailServer) -> None:
    def mail() -> EmailMessage:
        letter = EmailMessage()
        letter["From"], letter["To"] = "care@example.test", "cleo@example.test"
        letter.set_content("Hello")
        return letter

    smtp.answer_next("550 Never", "450 Later", "250 OK")
    with SmtpChannel(SmtpSettings.from_url(smtp.url)) as channel:
        with pytest.raises(Refused, match="550 Never"):
            channel.send(mail())
        with pytest.raises(Unavailable, match="450 Later"):
            channel.send(mail())
        channel.send(mail())
    assert len(smtp.received) == 1


# -------------------------------------------------------------------------------------------------- the outbox


def test_a_letter_that_cannot_be_written_steps_aside_and_shows(
    in_app: Flask, mailing_kit: drains.Kit, smtp: MailServer
) -> None:
    a_supervisor()
    poisoned, sound = a_case(at=now() - MINUTE), a_case(at=now())
    with transaction():
        first = outbox()[0]
        assert first.case_id == poisoned.id
        first.data = {"promised": "the day after tomorrow"}
    assert drains.drain_notices(mailing_kit) == 2
    first, second = outbox()
    assert (first.state, second.state, second.case_id) == (NoticeState.FAILED, NoticeState.SENT, sound.id)
    assert "isoformat" in (first.last_error or "")


def test_a_slow_server_gives_the_rest_of_the_batch_back_in_time(
    in_app: Flask, mailing_kit: drains.Kit, smtp: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "LEASE", notices.LEASE * 0)  # half of it is over after the first message
    for _ in range(3):
        a_case(at=now())
    assert drains.drain_notices(mailing_kit) == 1
    assert [notice.state for notice in outbox()] == [NoticeState.SENT, NoticeState.DUE, NoticeState.DUE]
    assert [(notice.attempts, notice.lapses) for notice in outbox()[1:]] == [(0, 0)] * 2
    monkeypatch.undo()
    assert drains.drain_notices(mailing_kit) == 2
    assert len(smtp.received) == len({mail.message_id for mail in smtp.received}) == 3


def test_held_notices_leave_when_a_mail_server_appears_and_old_ones_stay(
    app: Flask, kit: drains.Kit, smtp: MailServer
) -> None:
    with app.app_context():
        a_case(email="old@example.test", at=now() - 5 * DAY)
        a_case(email="new@example.test", at=now())
        assert drains.drain_notices(kit) == 2
    kit.smtp = SmtpSettings.from_url(smtp.url)
    worker.work_until_idle(app, kit)
    assert [mail.to for mail in smtp.received] == [["new@example.test"]]
    with app.app_context():
        states = {notice.address: notice.state for notice in outbox() if notice.address}
    assert states == {"old@example.test": NoticeState.HELD, "new@example.test": NoticeState.SENT}


def test_an_address_that_the_server_cannot_take_is_refused_for_good(
    in_app: Flask, mailing_kit: drains.Kit, smtp: MailServer
) -> None:
    a_case(email="jürgen@example.test", at=now())
    drains.drain_notices(mailing_kit)
    assert (outbox()[0].state, smtp.received) == (NoticeState.FAILED, [])


def test_the_timeout_of_one_answer_is_shorter_than_the_lease() -> None:
    assert notices.LEASE.total_seconds() > 2 * smtp.TIMEOUT
