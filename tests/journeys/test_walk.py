"""One complaint from the first word to the last: what the product does, event by event, with real mail."""

import re
from datetime import datetime, timedelta

import sqlalchemy as sa
from flask import Flask

from cxloop import accounts, cases, drains, events, intake, loop, sla
from cxloop.accounts.models import Role
from cxloop.cases import Case, Outcome, State
from cxloop.clock import now
from cxloop.db import db, locked, transaction
from cxloop.intake.models import Feedback, SourceKind
from cxloop.intake.parse import Item
from cxloop.notices import NoticeKind
from tests.smtp import Delivery, MailServer

HOUR = 3600
TARGETS = {level: {"first_response": HOUR, "resolution": 100 * HOUR} for level in ("low", "normal", "high", "critical")}
ROUND_THE_CLOCK: dict[str, object] = {"timezone": "UTC", "always_open": True}

FIRST_CYCLE = [
    ("case_opened", "worker"),
    ("case_assigned", "worker"),
    ("promise_made", "worker"),
    ("promise_made", "worker"),
    ("notice_owed", "worker"),  # acknowledgement
    ("notice_sent", "worker"),
    ("promise_broken", "worker"),
    ("case_escalated", "worker"),
    ("notice_owed", "worker"),  # escalation
    ("reply_added", "agent"),
    ("case_opened_up", "agent"),
    ("promise_kept_late", "agent"),
    ("notice_owed", "agent"),  # reply
    ("resolution_added", "agent"),
    ("case_resolved", "agent"),
    ("promise_kept", "agent"),
    ("notice_owed", "agent"),  # resolution
    ("notice_sent", "worker"),
    ("notice_sent", "worker"),
    ("notice_sent", "worker"),
]
SECOND_CYCLE = [
    ("verdict_added", "customer"),
    ("case_reopened", "customer"),
    ("case_escalated", "customer"),
    ("promise_made", "customer"),
    ("promise_made", "customer"),
    ("notice_owed", "customer"),  # reopened
    ("notice_owed", "customer"),  # escalation
    ("resolution_added", "agent"),
    ("promise_kept", "agent"),
    ("case_resolved", "agent"),
    ("promise_kept", "agent"),
    ("notice_owed", "agent"),  # resolution
    ("notice_sent", "worker"),
    ("notice_sent", "worker"),
    ("notice_sent", "worker"),
    ("case_closed", "customer"),
]


def test_a_complaint_is_heard_answered_late_resolved_refused_resolved_again_and_confirmed(
    in_app: Flask, mailing_kit: drains.Kit, smtp: MailServer
) -> None:
    began = now() - timedelta(hours=2)
    agent, supervisor = staff(began)

    with transaction():  # 1: it is heard
        source = intake.source("Web form", SourceKind.OTHER, by="cli", at=began)
        said = Item("T-1", "My parcel is late.", email="Cleo@Example.test", customer_name="Cleo")
        [feedback] = loop.hear(source, [said], by="api:key-1", at=began).new

    assert drains.drain_tagging(mailing_kit) == 1  # 2: it is understood, owned and promised an answer
    case = db.session.scalars(sa.select(Case)).one()
    assert (case.owner_id, case.state, case.cause) == (agent.id, State.NEW, "delivery_delay")
    assert drains.drain_notices(mailing_kit) == 1

    assert drains.sweep_promises(mailing_kit) == 1  # 3: nobody answered in time
    assert drains.sweep_promises(mailing_kit) == 0
    [broken] = [promise for promise in sla.of(case) if promise.breached_at]
    assert broken.breached_at == began + timedelta(hours=1)

    with transaction():  # 4
        loop.answer(locked_case(case), "I am looking for it.", by=agent.actor, at=now())
    with transaction():  # 5
        loop.resolve(locked_case(case), cause="delivery_delay", text="It is on its way.", by=agent.actor, at=now())
    assert drains.drain_notices(mailing_kit) == 3  # 6

    decision = smtp.received[-1]
    with transaction():  # 7: the customer follows the link and says no
        found = by_link(mailing_kit, decision)
        loop.confirm(found, fixed=False, text="It is not here.", by=found.customer.actor, at=now())
    assert told(case, agent, supervisor) == FIRST_CYCLE + SECOND_CYCLE[:7]
    assert (case.state, case.cycle, case.owner_id) == (State.OPEN, 2, agent.id)

    with transaction():
        loop.resolve(locked_case(case), cause="lost_damaged", text="Here is a new one.", by=agent.actor, at=now())
    assert drains.drain_notices(mailing_kit) == 3
    with transaction():
        found = by_link(mailing_kit, smtp.received[-1])
        loop.confirm(found, fixed=True, by=found.customer.actor, at=now())

    assert told(case, agent, supervisor) == FIRST_CYCLE + SECOND_CYCLE
    assert (case.state, case.outcome, case.confirmed_cause) == (State.CLOSED, Outcome.CONFIRMED, "lost_damaged")
    assert [event.kind for event in events.of(f"feedback:{feedback.id}")] == ["feedback_received", "feedback_tagged"]
    assert db.session.get_one(Feedback, feedback.id).due_at is None
    assert events.verify().broken is None

    to_cleo = [mail for mail in smtp.received if mail.to == ["cleo@example.test"]]
    assert [kind_of(mail) for mail in to_cleo] == [
        NoticeKind.ACKNOWLEDGEMENT,
        NoticeKind.REPLY,
        NoticeKind.RESOLUTION,
        NoticeKind.REOPENED,
        NoticeKind.RESOLUTION,
    ]
    assert all(case.reference in mail.subject for mail in to_cleo)
    assert "My parcel is late." in to_cleo[0].text
    assert "I am looking for it." in to_cleo[1].text
    assert "It is on its way." in to_cleo[2].text
    assert "Here is a new one." in to_cleo[4].text
    assert [mail.to for mail in smtp.received if mail not in to_cleo] == [[supervisor.email]] * 2
    assert len({mail.message_id for mail in smtp.received}) == len(smtp.received) == 7


def staff(at: datetime) -> tuple[accounts.User, accounts.User]:
    with transaction():
        sla.set_policy("Quick", TARGETS, hours_name="Round the clock", hours=ROUND_THE_CLOCK)
        agent = accounts.add_user(email="a@staff.test", name="Amira Haddad", role=Role.AGENT, by="cli", at=at)
        return agent, accounts.add_user(email="s@staff.test", name="Sofia M", role=Role.SUPERVISOR, by="cli", at=at)


def locked_case(case: Case) -> Case:
    found = locked(Case, case.id)
    assert found is not None
    return found


def by_link(kit: drains.Kit, mail: Delivery) -> Case:
    """The case that the letter's link opens, as the customer's page finds it."""
    match = re.search(r"/your-case/(\S+)", mail.text)
    assert match, "the letter has no link"
    case_id, customer_id = kit.links.open("case", match[1])
    case = locked(Case, case_id)
    assert case is not None
    assert case.customer_id == customer_id
    return case


def kind_of(mail: Delivery) -> NoticeKind:
    subjects = {
        "We have read": NoticeKind.ACKNOWLEDGEMENT,
        "Re: ": NoticeKind.REPLY,
        "What we did": NoticeKind.RESOLUTION,
        "We are on it again": NoticeKind.REOPENED,
    }
    return next(kind for begins, kind in subjects.items() if mail.subject.startswith(begins))


def told(case: Case, agent: accounts.User, supervisor: accounts.User) -> list[tuple[str, str]]:
    """The case's story: what happened, and who did it."""
    names = {agent.actor: "agent", supervisor.actor: "supervisor", case.customer.actor: "customer"}
    db.session.refresh(case)
    return [(event.kind, names.get(event.by, event.by)) for event in events.of(cases.find(case.id, user=agent).subject)]
