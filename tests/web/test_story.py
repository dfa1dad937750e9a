from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cxloop.cases import Kind, Message
from cxloop.events import Event
from cxloop.notices import Notice, NoticeState
from cxloop.web import story

AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
NOT_FIXED = "the customer says it is not fixed"
NAMES = {"user:7": "Ana Lind", "user:8": "Bo Ek", "customer:3": "Mina"}


def an_event(kind: str, by: str = "worker", **data: Any) -> Event:
    return Event(kind=kind, by=by, at=AT, data=data)


def told(event: Event) -> str:
    [entry] = story.tell([], [event], [], NAMES, AT)
    assert isinstance(entry, story.Done)
    return f"{entry.who} {entry.text}".strip()


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (an_event("case_assigned", "user:7", owner=7), "Ana Lind took the case"),
        (an_event("case_assigned", "user:7", owner=8), "Ana Lind gave the case to Bo Ek"),
        (an_event("case_assigned", owner=8), "cxloop gave the case to Bo Ek"),
        (an_event("case_reopened", "customer:3", why="not_fixed"), f"Mina reopened the case: {NOT_FIXED}"),
        (an_event("case_escalated", "customer:3", to=8, why="not_fixed"), f"cxloop escalated to Bo Ek: {NOT_FIXED}"),
        (an_event("promise_broken", aim="first_response"), "The first response was not given in time"),
        (an_event("case_closed", "user:9", outcome="spam"), "A colleague closed the case: spam"),
        (an_event("notice_failed", notice_kind="resolution"), "cxloop could not deliver the decision"),
        (an_event("case_unassigned", "api:key-3"), "The API (key-3) found nobody to give the case to"),
    ],
)
def test_an_event_is_one_sentence_about_who_did_what(event: Event, sentence: str) -> None:
    assert told(event) == sentence


def test_nobody_to_escalate_to_is_said_and_not_passed_over() -> None:
    assert "nobody, because no supervisor is there" in told(
        an_event("case_escalated", to=None, why="resolution_broken")
    )


def test_an_event_that_its_message_says_already_is_left_to_the_audit_trail() -> None:
    assert story.tell([], [an_event("reply_added", "user:7"), an_event("promise_made")], [], NAMES, AT) == []


def test_what_was_said_comes_before_what_followed_from_it_at_the_same_moment() -> None:
    message = Message(id=1, kind=Kind.REPLY, by="user:7", at=AT, body="Sorry!")
    kept = an_event("promise_kept", "user:7", aim="first_response")
    earlier = Message(id=2, kind=Kind.FEEDBACK, by="customer:3", at=AT - timedelta(hours=1), body="Late!")
    entries = story.tell([message, earlier], [kept], [], NAMES, AT)
    assert [entry.text for entry in entries] == ["Late!", "Sorry!", "kept the promise of a first response"]


@pytest.mark.parametrize(
    ("notice", "words"),
    [
        (Notice(state=NoticeState.SENT, sent_at=AT - timedelta(hours=2)), "sent 2 h ago"),
        (Notice(state=NoticeState.HELD), "held in the outbox"),
        (Notice(state=NoticeState.SUPPRESSED, reason="no address"), "not sent: no address"),
        (Notice(state=NoticeState.FAILED), "could not be delivered"),
        (Notice(state=NoticeState.DUE), "waiting to be sent"),
    ],
)
def test_a_message_says_what_became_of_it(notice: Notice, words: str) -> None:
    notice.message_id = 1
    message = Message(id=1, kind=Kind.RESOLUTION, by="user:7", at=AT, body="Done.")
    [said] = story.tell([message], [], [notice], NAMES, AT)
    assert isinstance(said, story.Said)
    assert said.note == f"the decision · {words}"
    assert said.direction == "out"
