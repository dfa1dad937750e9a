"""THE LOOP: hear → understand → escalate → answer → resolve → confirm. This file is the product.

Each function is one step, held in one transaction by the edge that calls it. `by` says who did it, `at` when.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from cxloop import cases, intake, notices, routing, sla, tagging
from cxloop.cases import Case, Kind, Message, Outcome, Signals, State, WaitingOn, queries
from cxloop.db import backoff, locked
from cxloop.errors import Conflict, Invalid
from cxloop.intake.models import Feedback, Source
from cxloop.intake.parse import Item
from cxloop.notices import NoticeKind
from cxloop.sla import Aim, Promise
from cxloop.tagging.models import Correction, Tag
from cxloop.tagging.safety import asks_for_contact
from cxloop.tagging.tagger import Suggestion

SILENCE_ENDS = timedelta(days=7)
"""A customer who has not said within this time whether it is fixed leaves the case unconfirmed."""


def hear(source: Source, items: Iterable[Item], *, tell: bool | None = None, by: str, at: datetime) -> intake.Heard:
    """Feedback comes in, each piece once, and waits to be understood."""
    items = list(items)
    new = intake.receive(source, items, tell=tell, by=by, at=at)
    return intake.Heard(new, len(items) - len(new))


def understand(feedback: Feedback, suggestion: Suggestion | None, *, by: str, at: datetime) -> Case | None:
    """It is read: keep the tag, and open a case, or join the one it belongs to, if it needs an answer.

    Without a suggestion, as for a score without words, the score and the safety words decide. Of two workers that read
    it at once the second changes nothing.
    """
    if not intake.waits(feedback):
        return cases.of_feedback(feedback)
    suggestion = suggestion or tagging.by_rule(
        feedback.text, negative=cases.is_detractor(feedback.score, feedback.scale)
    )
    tag = tagging.tag(feedback, suggestion, by=by, at=at)
    intake.tagged(feedback, at=at)
    known = cases.of_feedback(feedback)
    if known:  # read before, by rule, while there was no model
        urgency = known.urgency
        cases.read_again(known, tag)
        _hurry(known, urgency, by=by, at=at)
        return known
    reason = cases.deserves_case(
        Signals(
            sentiment=suggestion.sentiment,
            score=feedback.score,
            scale=feedback.scale,
            safety=suggestion.safety,
            wants_contact=asks_for_contact(feedback.text or ""),
        )
    )
    if reason is None:
        return None
    case = cases.same_case(feedback, tag, at=at)
    if case:
        _join(case, feedback, tag, by=by, at=at)
        return case
    case = cases.open_case(feedback, tag, reason=reason, by=by, at=at)
    routing.assign(case, by=by, at=at)
    promised = sla.promise(case, start=case.opened_at, by=by, at=at)
    notices.owe(NoticeKind.ACKNOWLEDGEMENT, case, key="1", by=by, at=at, promised=sla.soonest(promised))
    return case


def understand_by_rule(feedback: Feedback, error: str, *, by: str, at: datetime) -> Case | None:
    """The tagger failed: nobody waits for it. The rules decide now, and it is read again when the tagger is back."""
    if not intake.waits(feedback):
        return cases.of_feedback(feedback)
    case = None if tagging.of(feedback) else understand(feedback, None, by=by, at=at)  # the rules say it once
    intake.not_tagged(feedback, error, again=at + backoff(feedback.attempts))
    return case


def escalate(promise_id: int, *, by: str, at: datetime) -> Promise | None:
    """A promise broke by silence: say so once, climb a rung, tell the supervisor. None if it was settled meanwhile."""
    broken = sla.breach(promise_id, by=by, at=at)
    if broken is None:
        return None
    case = broken.case
    routing.escalate(case, why=f"{broken.aim.value}_broken", by=by, at=at)
    notices.owe_staff(
        NoticeKind.ESCALATION,
        case,
        case.escalated_to,
        key=f"{case.cycle}:{broken.aim.value}",
        by=by,
        at=at,
        aim=broken.aim.value,
        promised=str(broken.breached_at),
    )
    return broken


def answer(case: Case, text: str, *, ticket: str = "", by: str, at: datetime) -> Message:
    """A person answers the customer. The same `ticket` with the same words acts once."""
    if before := case.said(text, Kind.REPLY, ticket=ticket):
        return before
    message = _tell(case, text, Kind.REPLY, ticket=ticket, by=by, at=at)
    notices.owe(NoticeKind.REPLY, case, key=str(message.id), message=message, by=by, at=at)
    return message


def ask(case: Case, text: str, *, ticket: str = "", by: str, at: datetime) -> Message:
    """A person asks the customer something, and the clocks stand still until the answer. `ticket` as for `answer`."""
    if before := case.said(text, Kind.REQUEST, ticket=ticket):
        return before
    message = _tell(case, text, Kind.REQUEST, ticket=ticket, by=by, at=at)
    case.wait(WaitingOn.CUSTOMER, by=by, at=at)
    sla.pause(case, by=by, at=at)
    notices.owe(NoticeKind.REQUEST, case, key=str(message.id), message=message, by=by, at=at)
    return message


def wait(
    case: Case, *, on: WaitingOn = WaitingOn.THIRD_PARTY, text: str = "", ticket: str = "", by: str, at: datetime
) -> None:
    """A person waits for somebody else: the resolution stands still, but the customer is still owed the first answer.

    `text` is kept as a note. Raises Invalid for the customer, who has to be asked.
    """
    if on is WaitingOn.CUSTOMER:
        raise Invalid("Ask the customer something, and the case waits for the answer.", on="is the customer")
    case.must_be_live()
    _face_breaches(case, at=at)
    if text.strip():
        note(case, text, ticket=ticket, by=by, at=at)
    if case.waiting_on != on:
        _go_on(case, by=by, at=at)
        case.wait(on, by=by, at=at)
        sla.pause(case, (Aim.RESOLUTION,), by=by, at=at)


def note(case: Case, text: str, *, ticket: str = "", by: str, at: datetime) -> Message:
    """A note for colleagues: it answers nobody and keeps no promise. `ticket` as for `answer`."""
    return case.said(text, Kind.NOTE, ticket=ticket) or case.say(text, Kind.NOTE, ticket=ticket, by=by, at=at)


def hear_back(case: Case, text: str, *, ticket: str = "", by: str, at: datetime) -> Message:
    """The customer adds something: a case that waited for it goes on. A settled one asks for the verdict instead."""
    before = case.said(text, Kind.CUSTOMER, ticket=ticket)
    if before:
        return before
    if case.state == State.CLOSED:
        raise Conflict("This case is closed. Tell us that it is not fixed, and we open it again.")
    if case.state == State.RESOLVED:
        raise Conflict("Tell us whether it is fixed, and say it there: if it is not, we open your case again.")
    _face_breaches(case, at=at)
    message = case.say(text, Kind.CUSTOMER, ticket=ticket, by=by, at=at)
    if case.waiting_on == WaitingOn.CUSTOMER:
        _go_on(case, by=by, at=at)
    return message


def resume(case: Case, *, by: str, at: datetime) -> None:
    """The case need not wait any longer: somebody works on it again."""
    if case.state != State.WAITING:
        raise Conflict(f"{case.reference} is not waiting.")
    _go_on(case, by=by, at=at)


def resolve(case: Case, *, cause: str, text: str, ticket: str = "", by: str, at: datetime) -> Message:
    """A person settles the matter: cause confirmed, decision told, the customer asked. `ticket` as for `answer`."""
    if before := case.said(text, Kind.RESOLUTION, ticket=ticket):
        return before
    case.must_be_live()
    if cause not in {known.key for known in tagging.causes()}:
        raise Invalid("Confirm what caused it before you resolve the case.", cause="is missing")
    message = _tell(case, text, Kind.RESOLUTION, ticket=ticket, by=by, at=at)
    _teach(case, cause, by=by, at=at)
    case.resolve(cause, by=by, at=at)
    sla.keep(case, Aim.RESOLUTION, by=by, at=at)
    notices.owe(NoticeKind.RESOLUTION, case, key=str(message.id), message=message, by=by, at=at)
    return message


def correct(
    case: Case, feedback: Feedback, *, field: str, value: str | Iterable[str], by: str, at: datetime
) -> Correction:
    """A person reads the feedback otherwise than the tagger, or the same: the case follows, and the tagger learns."""
    attached = cases.of_feedback(feedback)
    if attached is None or attached.id != case.id:
        raise Invalid(f"{case.reference} does not rest on this feedback.", feedback="belongs elsewhere")
    said = tagging.correct(feedback, tagging.of(feedback), case_id=case.id, field=field, value=value, by=by, at=at)
    urgency = case.urgency
    case.correct(said.field, said.value[0])
    data = {"feedback": feedback.id, "field": said.field.value, "before": said.before, "value": said.value}
    case.record("feedback_corrected", by=by, at=at, **data)
    if case.state not in (State.RESOLVED, State.CLOSED):
        _face_breaches(case, at=at)
        _hurry(case, urgency, by=by, at=at)
    return said


def confirm(case: Case, *, fixed: bool, text: str = "", by: str, at: datetime) -> Case:
    """The customer has the last word: yes closes the case, no opens it again, escalates and starts a new cycle."""
    if case.state != State.RESOLVED and (fixed or case.state != State.CLOSED):
        raise Conflict("There is nothing to confirm at the moment.")
    if text.strip():
        case.say(text, Kind.VERDICT, by=by, at=at)
    if fixed:
        case.close(Outcome.CONFIRMED, by=by, at=at)
    else:
        _begin_again(case, "not_fixed", by=by, at=at)
    return case


def close(case: Case, outcome: Outcome, *, reason: str, by: str, at: datetime) -> None:
    """A person ends a case that cannot be resolved with the customer, and says why."""
    if outcome is Outcome.CONFIRMED:
        raise Invalid("Only the customer can confirm that it is fixed.", outcome="is the customer's to give")
    if outcome is Outcome.UNCONFIRMED:
        raise Invalid("Only the customer's silence leaves a case unconfirmed.", outcome="is not ours to give")
    _face_breaches(case, at=at)
    case.close(outcome, reason=reason, by=by, at=at)
    if reason.strip():
        case.say(f"Closed as {outcome.value}: {reason.strip()}", Kind.NOTE, by=by, at=at)
    sla.waive(case, by=by, at=at)


def silence(case_id: int, *, by: str, at: datetime) -> Case | None:
    """The customer did not say whether it is fixed: closed as unconfirmed, never as success."""
    case = locked(Case, case_id)
    if case is None or case.state != State.RESOLVED or case.resolved_at is None or case.resolved_at > at - SILENCE_ENDS:
        return None
    case.close(Outcome.UNCONFIRMED, by=by, at=at)
    return case


def _join(case: Case, feedback: Feedback, tag: Tag, *, by: str, at: datetime) -> None:
    """The same customer about the same thing: a case that was settled begins again, one that waited goes on."""
    _face_breaches(case, at=at)
    urgency = case.urgency
    cases.join(case, feedback, tag, by=by, at=at)
    if case.state == State.RESOLVED:
        _begin_again(case, "complained_again", by=by, at=at)
        return
    if case.waiting_on == WaitingOn.CUSTOMER:
        _go_on(case, by=by, at=at)
    _hurry(case, urgency, by=by, at=at)


def _hurry(case: Case, urgency: str, *, by: str, at: datetime) -> None:
    """A case that is more urgent than it was is promised sooner."""
    if case.urgency != urgency:
        sla.rebind(case, by=by, at=at)


def _teach(case: Case, cause: str, *, by: str, at: datetime) -> None:
    """What was found to be the cause is something to learn from, where the case began with words."""
    first = next((feedback for feedback in queries.feedback(case) if feedback.text), None)
    tag = tagging.of(first) if first else None
    if first and tag:
        tagging.confirm_cause(first, tag, cause, case_id=case.id, by=by, at=at)


def _begin_again(case: Case, why: str, *, by: str, at: datetime) -> None:
    """A new cycle with new promises, for the same owner if still here, with a supervisor looking on."""
    sla.waive(case, by=by, at=at)
    case.reopen(why, by=by, at=at)
    if case.owner is None or not case.owner.active:
        routing.assign(case, by=by, at=at)
    routing.escalate(case, why=why, by=by, at=at)
    promised = sla.promise(case, start=at, by=by, at=at)
    notices.owe(NoticeKind.REOPENED, case, key=str(case.cycle), by=by, at=at, promised=sla.soonest(promised))
    notices.owe_staff(NoticeKind.ESCALATION, case, case.escalated_to, key=f"{case.cycle}:{why}", by=by, at=at, aim=why)


def _tell(case: Case, text: str, kind: Kind, *, ticket: str, by: str, at: datetime) -> Message:
    """A person says something that reaches the customer: whatever it is, it keeps the first response."""
    case.must_be_live()
    _face_breaches(case, at=at)
    message = case.say(text, kind, ticket=ticket, by=by, at=at)
    _go_on(case, by=by, at=at)
    sla.keep(case, Aim.FIRST_RESPONSE, by=by, at=at)
    return message


def _face_breaches(case: Case, *, at: datetime) -> None:
    """What broke before `at` is broken, also if something happens to the case before a sweep comes by."""
    for promise_id in sla.overdue(case, at=at):
        escalate(promise_id, by="worker", at=at)


def _go_on(case: Case, *, by: str, at: datetime) -> None:
    waited = case.state == State.WAITING
    case.work(by=by, at=at)
    if waited:
        sla.resume(case, by=by, at=at)
