"""What people say of a reading: kept, applied at once, and brought together as a lesson for the next heads."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from cxloop.db import db
from cxloop.errors import Conflict, Invalid
from cxloop.intake.models import Feedback
from cxloop.tagging import catalogue
from cxloop.tagging.models import Cause, CauseExample, Correction, CorrectionKind, Field, Tag
from cxloop.tagging.tagger import Text
from cxloop.tagging.taxonomy import OTHER, SENTIMENTS
from cxloop.tagging.trust import KnownCause, Said
from cxloop.tagging.urgency import LEVELS

CAUSES_AT_MOST = 4
LESSON_AT_MOST = 5_000
"""So many of the newest corrections are learnt from."""


def keep(
    feedback: Feedback,
    tag: Tag | None,
    *,
    case_id: int | None,
    field: str,
    value: str | Iterable[str],
    by: str,
    at: datetime,
) -> Correction:
    """A person decides a field of the reading, and the tag says so from now on. Raises Invalid for no such word."""
    if tag is None:
        raise Conflict("This feedback has not been read yet: there is nothing to correct.")
    what, words = _checked(field, value)
    before = _said(tag, what)
    row = _row(feedback, case_id, what, CorrectionKind.CORRECTED, words, before, by=by, at=at)
    row.agrees = set(words) == set(before)
    if what is Field.SENTIMENT:
        tag.sentiment, tag.sentiment_confidence = words[0], 1.0
    elif what is Field.URGENCY:
        tag.urgency = words[0]
    else:
        tag.causes = [[word, 1.0] for word in words]
    tag.decided = sorted({*tag.decided, what.value})
    tag.unsure = [each for each in tag.unsure if each != what.value]
    db.session.flush()
    return row


def confirm_cause(feedback: Feedback, tag: Tag, cause: str, *, case_id: int, by: str, at: datetime) -> Correction:
    """The cause that was named when the case was resolved: it holds, others may as well."""
    before = _said(tag, Field.CAUSES)
    row = _row(feedback, case_id, Field.CAUSES, CorrectionKind.CONFIRMED, [cause], before, by=by, at=at)
    row.agrees = catalogue.resolve(cause) in {catalogue.resolve(word) for word in before}
    db.session.flush()
    return row


def corrections_of(feedback_ids: Sequence[int]) -> dict[int, list[Correction]]:
    """What people said of each, the newest first."""
    found: dict[int, list[Correction]] = {id: [] for id in feedback_ids}
    query = sa.select(Correction).where(Correction.feedback_id.in_(feedback_ids)).order_by(Correction.id.desc())
    for row in db.session.scalars(query):
        found[row.feedback_id].append(row)
    return found


def lesson() -> tuple[list[Said], list[KnownCause]]:
    """All that can be learnt from: the newest corrections whose feedback is still here, and the examples of causes.

    Read from the rows each time, so what was erased is not learnt from again.
    """
    newest = (
        sa.select(Correction, Feedback.text, Feedback.question)
        .join(Feedback, Feedback.id == Correction.feedback_id)
        .where(Correction.field != Field.URGENCY, Feedback.text.is_not(None))
        .order_by(Correction.at.desc(), Correction.id.desc())
        .limit(LESSON_AT_MOST)
    )
    said = [
        Said(Text(text or "", question), row.field, row.kind, tuple(row.value), row.agrees, row.by, row.at)
        for row, text, question in db.session.execute(newest)
        if row.kind is CorrectionKind.CORRECTED or row.value != [OTHER]
    ]
    shown = sa.select(CauseExample, Cause.key).join(Cause, Cause.id == CauseExample.cause_id).order_by(CauseExample.id)
    for example, key in db.session.execute(shown):
        said.append(
            Said(Text(example.text), Field.CAUSES, CorrectionKind.CONFIRMED, (key,), True, f"example:{key}", example.at)
        )
    return said, known_causes()


def known_causes() -> list[KnownCause]:
    """The taxonomy as a lesson needs it. The defaults have been known since ever."""
    rows = catalogue.every()
    return [
        KnownCause(
            key=row.key,
            definition=row.definition,
            today=catalogue.resolve(row.key, rows),
            active=row.active,
            split_from=row.split_from,
            shipped=row.shipped,
            since=datetime.min.replace(tzinfo=UTC) if row.shipped or row.key == OTHER else row.created_at,
        )
        for row in rows
    ]


def _checked(field: str, value: str | Iterable[str]) -> tuple[Field, list[str]]:
    try:
        what = Field(field)
    except ValueError as error:
        raise Invalid("Only the sentiment, the causes and the urgency can be corrected.", field="is none") from error
    words = list(dict.fromkeys([value] if isinstance(value, str) else value))
    allowed = {
        Field.SENTIMENT: lambda: set(SENTIMENTS),
        Field.URGENCY: lambda: set(LEVELS),
        Field.CAUSES: lambda: {cause.key for cause in catalogue.causes()},
    }[what]()
    most = CAUSES_AT_MOST if what is Field.CAUSES else 1
    if not words or not set(words) <= allowed:
        raise Invalid(f"Choose the {what.value} from the list.", value="is not in the list")
    if len(words) > most or (OTHER in words and len(words) > 1):
        raise Invalid(f"Choose {most} at most, and “other” alone.", value="are too many")
    return what, words


def _said(tag: Tag, field: Field) -> list[str]:
    if field is Field.CAUSES:
        return [str(cause) for cause, _ in tag.causes] or [OTHER]
    return [tag.sentiment if field is Field.SENTIMENT else tag.urgency]


def _row(
    feedback: Feedback,
    case_id: int | None,
    field: Field,
    kind: CorrectionKind,
    value: list[str],
    before: list[str],
    *,
    by: str,
    at: datetime,
) -> Correction:
    row = Correction(
        feedback_id=feedback.id,
        case_id=case_id,
        field=field,
        kind=kind,
        value=value,
        before=before,
        agrees=False,
        by=by,
        at=at,
    )
    db.session.add(row)
    return row
