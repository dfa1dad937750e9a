"""What was understood of a piece of feedback, as the case page shows it: read, unsure, or decided by a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from cxloop import tagging
from cxloop.cases import Case
from cxloop.cases.models import CaseFeedback
from cxloop.db import db
from cxloop.intake.models import Feedback
from cxloop.tagging.models import BY_RULE, Correction, CorrectionKind, Field, Tag
from cxloop.web import story

BEST = 2
"""How many guesses are shown of what the tagger is unsure of."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A label in words, and how sure the tagger is of it in per cent; None where no model said it."""

    key: str
    words: str
    sure: int | None


@dataclass(frozen=True, slots=True)
class Judged:
    """One field: `standing` is read, unsure or decided; what was decided, by whom and when."""

    field: str
    standing: str
    guesses: list[Guess]
    who: str = ""
    at: datetime | None = None

    @property
    def chosen(self) -> list[str]:
        """What the form begins with: nothing where the tagger is unsure, so that nobody is led."""
        return [] if self.standing == "unsure" else [guess.key for guess in self.guesses]


@dataclass(frozen=True, slots=True)
class Understood:
    """One piece of feedback; `readable` is false for a language that the tagger has not learnt."""

    feedback_id: int
    sentiment: Judged
    causes: Judged
    urgency: Judged
    readable: bool
    by_rule: bool
    safety: Sequence[str]
    source: str
    score: str


def of(case: Case, names: Mapping[str, str], causes: Mapping[str, str]) -> list[Understood]:
    """The newest first. `names` says what to call people, `causes` how causes are called."""
    read = (
        sa.select(Feedback, Tag)
        .join(CaseFeedback, CaseFeedback.feedback_id == Feedback.id)
        .join(Tag, Tag.feedback_id == Feedback.id)
        .where(CaseFeedback.case_id == case.id)
        .order_by(Feedback.received_at.desc(), Feedback.id.desc())
    )
    found = [(feedback, tag) for feedback, tag in db.session.execute(read)]
    said = tagging.corrections_of([feedback.id for feedback, _ in found])
    return [_understood(feedback, tag, said.get(feedback.id, []), names, causes) for feedback, tag in found]


def _understood(
    feedback: Feedback, tag: Tag, said: Sequence[Correction], names: Mapping[str, str], causes: Mapping[str, str]
) -> Understood:
    by_rule = tag.model == BY_RULE
    guesses = {
        Field.SENTIMENT: [Guess(tag.sentiment, tag.sentiment, _percent(tag.sentiment_confidence, by_rule))],
        Field.CAUSES: [
            Guess(key, causes.get(key, key.replace("_", " ")), _percent(sure, by_rule)) for key, sure in tag.causes
        ],
        Field.URGENCY: [Guess(tag.urgency, tag.urgency, None)],
    }
    return Understood(
        feedback_id=feedback.id,
        sentiment=_judged(Field.SENTIMENT, tag, guesses, said, names),
        causes=_judged(Field.CAUSES, tag, guesses, said, names),
        urgency=_judged(Field.URGENCY, tag, guesses, said, names),
        readable="language" not in tag.unsure,
        by_rule=by_rule,
        safety=[word.replace("_", " ") for word in tag.safety],
        source=f"{feedback.source.name} ({feedback.source.kind.value})",
        score=f"{feedback.score:g} on a scale of {feedback.scale}" if feedback.score is not None else "",
    )


def _judged(
    field: Field, tag: Tag, guesses: Mapping[Field, list[Guess]], said: Sequence[Correction], names: Mapping[str, str]
) -> Judged:
    """A person's word stands; of a language that it cannot read, the tagger knows nothing for sure."""
    if field in tag.decided:
        last = next((each for each in said if each.field is field and each.kind is CorrectionKind.CORRECTED), None)
        who = story.actor(last.by, names) if last else ""
        return Judged(field, "decided", guesses[field], who, last.at if last else None)
    if field in tag.unsure or (field is not Field.URGENCY and "language" in tag.unsure):
        return Judged(field, "unsure", guesses[field][:BEST])
    return Judged(field, "read", guesses[field])


def _percent(sure: float, by_rule: bool) -> int | None:
    return None if by_rule else round(100 * sure)
