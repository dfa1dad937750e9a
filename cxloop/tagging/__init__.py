"""Understanding: sentiment, root causes and urgency of feedback."""

from datetime import datetime

from cxloop import events
from cxloop.db import db
from cxloop.intake.models import Feedback
from cxloop.tagging.catalogue import cause_names, causes, counted_as, resolve, translated
from cxloop.tagging.corrections import confirm_cause, corrections_of
from cxloop.tagging.corrections import keep as correct
from cxloop.tagging.models import BY_RULE, Field, Tag
from cxloop.tagging.safety import safety_words
from cxloop.tagging.tagger import CauseGuess, Suggestion, Text
from cxloop.tagging.urgency import urgency

__all__ = [
    "by_rule",
    "cause_names",
    "causes",
    "confirm_cause",
    "correct",
    "corrections_of",
    "counted_as",
    "of",
    "resolve",
    "tag",
    "text_of",
    "translated",
]


def text_of(feedback: Feedback) -> Text:
    """What the tagger reads of a piece of feedback."""
    return Text(feedback.text or "", feedback.question)


def by_rule(text: str | None, *, negative: bool) -> Suggestion:
    """What can be said without a model, from the score and the safety words: a person decides the rest."""
    safety = safety_words(text or "")
    sentiment = "negative" if negative or safety else "neutral"
    causes = (CauseGuess("other", 0.0),)
    return Suggestion(
        sentiment=sentiment,
        sentiment_confidence=0.0,
        causes=causes,
        urgency=urgency(sentiment, causes, safety, text or ""),
        unsure=("sentiment", "causes") if text else (),
        safety=safety,
        model=BY_RULE,
    )


def of(feedback: Feedback) -> Tag | None:
    """What was understood of it, if anything was yet."""
    return db.session.get(Tag, feedback.id)


def tag(feedback: Feedback, suggestion: Suggestion, *, by: str, at: datetime) -> Tag:
    """Keep what was understood, in today's causes; a later reading replaces an earlier one, but nobody's decision."""
    suggestion = translated(suggestion)
    found = of(feedback) or Tag(feedback_id=feedback.id, decided=[])
    found.model, found.embedding = suggestion.model, suggestion.embedding
    if Field.SENTIMENT not in found.decided:
        found.sentiment, found.sentiment_confidence = suggestion.sentiment, suggestion.sentiment_confidence
    if Field.CAUSES not in found.decided:
        found.causes = [[guess.cause, guess.confidence] for guess in suggestion.causes]
    if Field.URGENCY not in found.decided:
        found.urgency = suggestion.urgency
    found.doubted = bool(suggestion.unsure)
    found.unsure = [field for field in suggestion.unsure if field not in found.decided]
    found.safety, found.at = list(suggestion.safety), at
    db.session.add(found)
    events.record(
        f"feedback:{feedback.id}",
        "feedback_tagged",
        by=by,
        at=at,
        sentiment=found.sentiment,
        cause=found.cause,
        urgency=found.urgency,
        model=found.model,
    )
    return found
