"""What a letter says, and that nobody's words can make it say, or reach, anything else."""

from datetime import timedelta
from email.utils import getaddresses
from itertools import pairwise

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import loop, notices
from cxloop.cases import State
from cxloop.db import db, transaction
from cxloop.links import Links
from cxloop.notices import Notice, NoticeKind
from cxloop.notices.compose import compose, envelope
from cxloop.notices.render import Letter
from tests.factories import HOUR, MONDAY, a_case, a_supervisor, an_agent

LINKS = Links("a secret of forty characters for the tests", "https://care.example.test/")
EVIL = "x\r\nBcc: evil@example.test\r\n\r\nbody"


def last(kind: NoticeKind) -> Notice:
    found = sa.select(Notice).where(Notice.kind == kind).order_by(Notice.id.desc())
    return db.session.scalars(found).first()  # type: ignore[return-value]


def test_the_acknowledgement_repeats_the_words_and_says_who_and_when(in_app: Flask) -> None:
    an_agent(name="Amira Haddad")
    case = a_case(text="It came late.\nAnd broken.", customer_name="Cleo", email="cleo@example.test")
    letter = compose(last(NoticeKind.ACKNOWLEDGEMENT), LINKS)
    assert case.reference in letter.subject
    told = ("Hello Cleo", "> It came late.\n> And broken.", "Amira is looking after it", "Monday 2 March, 17:00 UTC")
    assert [words for words in told if words not in letter.body] == []
    assert "Haddad" not in letter.body
    assert "https://care.example.test/your-case/" in letter.body


def test_nobody_is_greeted_by_a_name_that_we_do_not_know(in_app: Flask) -> None:
    a_case(email="cleo@example.test")
    body = compose(last(NoticeKind.ACKNOWLEDGEMENT), LINKS).body
    assert body.startswith("Hello,\n")
    assert "None" not in body


def test_the_decision_asks_for_the_last_word(in_app: Flask) -> None:
    a_case(State.RESOLVED)
    letter = compose(last(NoticeKind.RESOLUTION), LINKS)
    assert "You have your money back." in letter.body
    assert "Is it fixed?" in letter.body


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_every_kind_of_letter_can_be_written(in_app: Flask, kind: NoticeKind) -> None:
    an_agent()
    a_supervisor()
    case = a_case(State.WAITING if kind is NoticeKind.REQUEST else State.OPEN)
    if kind in (NoticeKind.RESOLUTION, NoticeKind.REOPENED, NoticeKind.ESCALATION):
        with transaction():
            loop.resolve(case, cause="wait_time", text="Done.", by="user:1", at=MONDAY + HOUR)
    if kind in (NoticeKind.REOPENED, NoticeKind.ESCALATION):
        with transaction():
            loop.confirm(case, fixed=False, by=case.customer.actor, at=MONDAY + HOUR)
    letter = compose(last(kind), LINKS)
    assert case.reference in letter.subject
    assert "\n" not in letter.subject
    assert "{" not in letter.body
    assert "None" not in letter.body


def test_an_overdue_promise_is_told_to_the_supervisor_with_the_case(in_app: Flask) -> None:
    a_supervisor(name="Sofia Marchetti")
    case = a_case()
    [promise_id] = loop.sla.due(at=MONDAY + 9 * HOUR, limit=1)
    with transaction():
        loop.escalate(promise_id, by="worker", at=MONDAY + 9 * HOUR)
    letter = compose(last(NoticeKind.ESCALATION), LINKS)
    assert "first response is overdue" in letter.subject
    for words in ("Sofia,", "Monday 2 March, 17:00 UTC", case.headline, f"https://care.example.test/cases/{case.id}"):
        assert words in letter.body


def test_long_words_are_quoted_in_part(in_app: Flask) -> None:
    a_case(text="late " * 2000)
    assert len(compose(last(NoticeKind.ACKNOWLEDGEMENT), LINKS).body) < 1500


def test_a_letter_once_written_says_the_same_when_it_is_sent_again(in_app: Flask) -> None:
    an_agent(name="Amira Haddad")
    case = a_case()
    notice = last(NoticeKind.ACKNOWLEDGEMENT)
    first = compose(notice, LINKS)
    with transaction():
        notices.write(notice, subject=first.subject, body=first.body)
    with transaction():
        case.assign(an_agent(name="Jonas Keller"), why="given", by="test", at=MONDAY)
    assert compose(notice, LINKS) == first


def test_a_letter_says_once_where_to_answer_and_breaks_no_line_within_a_paragraph(in_app: Flask) -> None:
    an_agent(name="Amira Haddad")
    a_supervisor()
    case = a_case(State.WAITING, text="It came late.")
    with transaction():
        loop.answer(case, "Thank you.", by="user:1", at=MONDAY + HOUR)
        loop.resolve(case, cause="wait_time", text="Done.", by="user:1", at=MONDAY + HOUR)
        loop.confirm(case, fixed=False, by=case.customer.actor, at=MONDAY + HOUR)
    for kind in set(NoticeKind) - {NoticeKind.ESCALATION}:
        body = compose(last(kind), LINKS).body
        assert body.count("Please answer on that page: a reply by e-mail is not read.\n") == 1, kind
        assert body.index(LINKS.base_url) < body.index("Please answer on that page")
        for first, second in pairwise(body.splitlines()):
            inside = first and second and first[-1] not in ".,:!?" and not first.startswith((">", "http"))
            assert not inside, (kind, first, second)


# ----------------------------------------------------------------------------------------------- headers (INJ-05)


def a_talk() -> list[Notice]:
    """The notices of a case that was acknowledged, asked, answered, resolved and given back."""
    an_agent(name="Amira Haddad")
    a_supervisor()
    case = a_case(State.WAITING)
    with transaction():
        loop.answer(case, "Thank you.", by="user:1", at=MONDAY + HOUR)
        loop.resolve(case, cause="wait_time", text="Done.", by="user:1", at=MONDAY + HOUR)
        loop.confirm(case, fixed=False, by=case.customer.actor, at=MONDAY + HOUR)
        loop.resolve(case, cause="wait_time", text="Done better.", by="user:1", at=MONDAY + HOUR)
        loop.confirm(case, fixed=False, by=case.customer.actor, at=MONDAY + HOUR)
    return list(db.session.scalars(sa.select(Notice).order_by(Notice.id)))


def test_only_what_no_person_wrote_is_marked_as_sent_by_itself(in_app: Flask) -> None:
    marked = {
        notice.kind: envelope(notice, Letter("s", "b"), sender="care@example.test", at=MONDAY)["Auto-Submitted"]
        for notice in a_talk()
    }
    by_itself = {NoticeKind.ACKNOWLEDGEMENT, NoticeKind.REOPENED, NoticeKind.ESCALATION}
    assert marked == {kind: "auto-generated" if kind in by_itself else None for kind in NoticeKind}


def test_all_letters_of_a_case_are_one_thread_for_each_side(in_app: Flask) -> None:
    a_case()  # somebody else's, which began before
    talk = [notice for notice in a_talk() if notice.case_id == 2]
    for ours in (
        [notice for notice in talk if notice.customer_id],
        [notice for notice in talk if notice.user_id],
    ):
        for _ in range(2):
            mails = [envelope(notice, Letter("s", "b"), sender="care@example.test", at=MONDAY) for notice in ours]
            root = mails[0]["Message-ID"]
            assert mails[0]["References"] is None
            assert len(mails) > 1
            assert {(mail["In-Reply-To"], mail["References"]) for mail in mails[1:]} == {(root, root)}


@pytest.mark.parametrize(
    ("sender", "shown"),
    [
        ("care@example.test", 'Stores & "Shops"'),
        ("Larkmoor Care <care@example.test>", "Larkmoor Care"),
    ],
)
def test_the_team_signs_as_the_sender_unless_the_address_has_a_name(in_app: Flask, sender: str, shown: str) -> None:
    a_case(team='Stores & "Shops"')
    mail = envelope(last(NoticeKind.ACKNOWLEDGEMENT), Letter("s", "b"), sender=sender, at=MONDAY)
    [from_] = mail["From"].addresses
    assert (from_.display_name, from_.addr_spec) == (shown, "care@example.test")


def test_a_name_with_line_breaks_adds_no_header_and_no_recipient(in_app: Flask) -> None:
    a_case(customer_name=EVIL, email="cleo@example.test")
    notice = last(NoticeKind.ACKNOWLEDGEMENT)
    mail = envelope(notice, compose(notice, LINKS), sender="care@example.test", at=MONDAY)
    assert mail["Bcc"] is None
    assert [address for _, address in getaddresses(mail.get_all("To", []))] == ["cleo@example.test"]
    head = mail.as_bytes().split(b"\n\n")[0].decode()
    assert "evil" not in head


@pytest.mark.parametrize("words", [EVIL, "x\u2028Bcc: evil@example.test", "x\x85Bcc: evil@example.test", "x\x0bBcc: y"])
def test_a_message_and_a_template_word_stay_in_the_body(in_app: Flask, words: str) -> None:
    a_case(text=words + " {{ link }} {% for %}", email="cleo@example.test")
    notice = last(NoticeKind.ACKNOWLEDGEMENT)
    letter = compose(notice, LINKS)
    mail = envelope(notice, letter, sender="care@example.test", at=MONDAY)
    assert mail["Bcc"] is None
    assert "{{ link }} {% for %}" in letter.body
    assert list(mail.keys()) == [
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted",
        "Content-Type", "Content-Transfer-Encoding", "MIME-Version",
    ]  # fmt: skip


@pytest.mark.parametrize("subject", ["a\r\nBcc: evil@example.test", "a\nb", "a\u2028b\r"])
def test_a_subject_with_line_breaks_is_refused(in_app: Flask, subject: str) -> None:
    a_case()
    notice = last(NoticeKind.ACKNOWLEDGEMENT)
    with pytest.raises(ValueError, match=r"linefeed|newline|carriage"):
        envelope(notice, Letter(subject, "…"), sender="care@example.test", at=MONDAY)


@pytest.mark.parametrize(
    "address",
    [
        "a@example.test\r\nBcc: evil@example.test",
        "a@example.test, evil@example.test",
        "A <a@example.test>",
        "a@b\u2028c",
    ],
)
def test_an_address_that_hides_another_is_no_address(in_app: Flask, address: str) -> None:
    case = a_case(email=address)
    assert case.customer.email is None


def test_the_message_id_is_the_same_however_often_it_leaves(in_app: Flask) -> None:
    a_case()
    a_case()
    first, second = db.session.scalars(sa.select(Notice).order_by(Notice.id))

    def message_id(notice: Notice, at: timedelta) -> str:
        mail = envelope(notice, compose(notice, LINKS), sender="Care <care@example.test>", at=MONDAY + at)
        return str(mail["Message-ID"])

    assert message_id(first, timedelta(0)) == message_id(first, HOUR)
    assert message_id(first, timedelta(0)) != message_id(second, timedelta(0))
    assert message_id(first, timedelta(0)).endswith("@example.test>")
