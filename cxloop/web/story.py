"""The story of a case for its page: what was said, and in one line each what was done, in order. Pure.

Every event stands in the audit trail of the page; the story leaves out those that the message beside them says already.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cxloop.cases import Kind, Message, WaitingOn
from cxloop.events import Event
from cxloop.notices import Notice, NoticeState
from cxloop.sla import Aim
from cxloop.web.words import AIMS, WAITS, ago

Names = Mapping[str, str]
"""What to call an actor, or a cause: {"user:7": "Ana Lind", "customer:12": "Mina Okafor", "wait_time": "Queues"}."""

OURSELVES = "cxloop"

REASONS = {
    "safety_word": "the words name a danger",
    "negative_sentiment": "the customer is unhappy",
    "detractor_score": "the score is a bad one",
    "contact_request": "the customer asks for an answer",
}
WHY = {
    "first_response_broken": "the first response is late",
    "resolution_broken": "the resolution is late",
    "not_fixed": "the customer says it is not fixed",
    "complained_again": "the customer complained again",
}
NOTICES = {
    "acknowledgement": "the acknowledgement",
    "reply": "the reply",
    "request": "the question",
    "resolution": "the decision",
    "reopened": "word that the case is open again",
    "escalation": "the supervisor’s alert",
}


@dataclass(frozen=True, slots=True)
class Said:
    """A message; `direction` is in, out or note, `note` what became of it."""

    who: str
    at: datetime
    words: str
    direction: str
    text: str
    note: str = ""
    is_said: bool = True


@dataclass(frozen=True, slots=True)
class Done:
    """Something that happened, as the end of a sentence that begins with `who`, if anybody did it."""

    who: str
    at: datetime
    words: str
    text: str
    picture: str
    tone: str = ""
    is_said: bool = False


def actor(by: str, names: Names) -> str:
    """What to call whoever did it; what the product did itself carries its name."""
    kind, _, id = by.partition(":")
    fallback = {"user": "A colleague", "customer": "The customer", "api": f"The API ({id})"}
    return names.get(by) or fallback.get(kind, OURSELVES)


def tell(
    messages: Iterable[Message], events: Iterable[Event], notices: Iterable[Notice], names: Names, at: datetime
) -> list[Said | Done]:
    """Oldest first. Of two at the same moment what was said comes before what followed from it."""
    sent = {notice.message_id: notice for notice in notices if notice.message_id}
    said = [_said(message, sent.get(message.id), names, at) for message in messages]
    done = [_done(event, line, names, at) for event in events if (line := _LINES.get(event.kind))]
    return sorted([*said, *done], key=lambda entry: entry.at)


def delivery(notice: Notice, at: datetime) -> str:
    """What became of a notice, in words."""
    match notice.state:
        case NoticeState.SENT:
            return f"sent {ago(notice.sent_at, at)}" if notice.sent_at else "sent"
        case NoticeState.HELD:
            return "held in the outbox"
        case NoticeState.SUPPRESSED:
            return f"not sent: {notice.reason}"
        case NoticeState.FAILED:
            return "could not be delivered"
    return "waiting to be sent"


_ABOUT = {Kind.REQUEST: "asks the customer", Kind.RESOLUTION: "the decision", Kind.VERDICT: "the verdict"}


def _said(message: Message, notice: Notice | None, names: Names, at: datetime) -> Said:
    direction = "in" if message.from_customer else "note" if message.kind is Kind.NOTE else "out"
    note = " · ".join(part for part in (_ABOUT.get(message.kind), delivery(notice, at) if notice else "") if part)
    return Said(actor(message.by, names), message.at, ago(message.at, at), direction, message.body, note)


def _done(event: Event, line: "_Line", names: Names, at: datetime) -> Done:
    text = line.text(event.data, event.by, names)
    who = line.who if line.who is not None else actor(event.by, names)
    return Done(who, event.at, ago(event.at, at), text, line.picture, line.tone)


@dataclass(frozen=True, slots=True)
class _Line:
    text: Callable[[dict[str, Any], str, Names], str]
    picture: str
    tone: str = ""
    who: str | None = None  # in place of whoever set it off; empty for a sentence of its own


def _assigned(data: dict[str, Any], by: str, names: Names) -> str:
    owner = f"user:{data['owner']}"
    return "took the case" if owner == by else f"gave the case to {actor(owner, names)}"


def _escalated(data: dict[str, Any], _by: str, names: Names) -> str:
    to = actor(f"user:{data['to']}", names) if data.get("to") else "nobody, because no supervisor is there"
    return f"escalated to {to}: {WHY.get(data.get('why', ''), data.get('why', ''))}"


def _reopened(data: dict[str, Any], _by: str, _names: Names) -> str:
    return f"reopened the case: {WHY.get(data.get('why', ''), data.get('why', ''))}"


def _waits(data: dict[str, Any], _by: str, _names: Names) -> str:
    return f"set the case to wait {WAITS[WaitingOn(data['on'])]}" if data.get("on") else "set the case to wait"


def _aim(data: dict[str, Any]) -> str:
    return AIMS[Aim(data["aim"])]


def _corrected(data: dict[str, Any], _by: str, names: Names) -> str:
    value, before = data["value"], data["before"]
    words = " and ".join(names.get(key, key.replace("_", " ")) for key in value)
    what = {"causes": "cause"}.get(data["field"], data["field"])
    return f"confirmed the {what}: {words}" if value == before else f"corrected the {what} to {words}"


def _notice(words: str) -> Callable[[dict[str, Any], str, Names], str]:
    return lambda data, _by, _names: words.format(NOTICES.get(data.get("notice_kind", ""), "a notice"))


_LINES = {
    "case_opened": _Line(lambda d, _b, _n: f"opened the case: {REASONS.get(d['reason'], d['reason'])}", "flag"),
    "feedback_joined": _Line(lambda _d, _b, _n: "added what the customer said to this case", "plus"),
    "case_assigned": _Line(_assigned, "user-plus"),
    "case_unassigned": _Line(lambda _d, _b, _n: "found nobody to give the case to", "user-plus", "breached"),
    "case_waits": _Line(_waits, "hourglass"),
    "case_resumed": _Line(lambda _d, _b, _n: "set the case going again", "refresh"),
    "case_resolved": _Line(lambda _d, _b, _n: "resolved the case and asked for the customer’s verdict", "check"),
    "case_closed": _Line(lambda d, _b, _n: f"closed the case: {d['outcome']}", "lock", "good"),
    "case_reopened": _Line(_reopened, "refresh", "breached"),
    "case_escalated": _Line(_escalated, "arrow-up", "breached", OURSELVES),
    "promise_broken": _Line(lambda d, _b, _n: f"The {_aim(d)} was not given in time", "alert-triangle", "breached", ""),
    "promise_kept": _Line(lambda d, _b, _n: f"kept the promise of a {_aim(d)}", "circle-check", "good"),
    "promise_kept_late": _Line(lambda d, _b, _n: f"gave the {_aim(d)} late", "circle-x"),
    "feedback_corrected": _Line(_corrected, "edit"),
    "notice_failed": _Line(_notice("could not deliver {}"), "alert-triangle", "breached"),
    "notice_repeated": _Line(_notice("may have sent {} twice, as one and the same message"), "mail"),
    "notice_requeued": _Line(_notice("asked for {} to be sent again"), "send"),
}
