"""What the pages about learning start from: versions of the heads, and readings of which the tagger is unsure."""

from datetime import datetime
from typing import Any

from cxloop import loop
from cxloop.cases import Case
from cxloop.db import db
from cxloop.tagging.heads import Heads
from cxloop.tagging.models import HeadStatus, HeadVersion
from tests.factories import MONDAY, a_feedback, a_suggestion, saved


def a_version(
    status: HeadStatus = HeadStatus.RETIRED,
    *,
    sentiment: float = 0.75,
    base: str = "2026.11",
    by: str = "worker",
    at: datetime = MONDAY,
) -> HeadVersion:
    """As learning leaves it, `sentiment` being its score on the gold set; 0.7 before."""
    row = HeadVersion(
        base=base,
        made_at=at,
        served_at=None if status is HeadStatus.REFUSED else at,
        by=by,
        status=status,
        decision="It is refused: it misses complaints." if status is HeadStatus.REFUSED else "It is not worse.",
        causes=["delivery_delay", "gift_cards"],
        scores={
            "gold": {
                "sentiment": {"before": 0.7, "after": sentiment, "n": 700},
                "negative_recall": {"before": 0.9, "after": 0.88, "n": 400},
                "causes": {"before": 0.61, "after": sentiment - 0.05, "n": 700},
                "log_loss": {"before": 0.512, "after": 0.498, "n": 700},
            },
            "held_back": {"sentiment": {"before": 0.5, "after": 0.5, "n": 24}},
            "new_causes": {"gift_cards": {"examples": 5, "found": 0.6, "false_alarms": 0.01}},
        },
        confusion={
            "labels": ["negative", "neutral", "positive"],
            "before": [[351, 40, 9], [30, 91, 29], [4, 16, 130]],
            "after": [[361, 31, 8], [28, 97, 25], [3, 14, 133]],
        },
        counts={"corrections": 60, "texts": 55, "people": 4, "corpus": 6100, "gold": 700, "held_back": 24},
        weights=Heads().to_bytes(),
    )
    with saved():
        db.session.add(row)
        db.session.flush()
    return row


def a_reading(
    text: str = "My parcel is lost and nobody answers.",
    *causes: str,
    sentiment: str = "negative",
    unsure: tuple[str, ...] = (),
    at: datetime = MONDAY,
    **item: Any,
) -> Case:
    """A case of one piece of feedback, read like that; a bad score makes it a case whatever the reading."""
    with saved():
        feedback = a_feedback(text, at=at, score=1.0, scale="csat", **item)
        read = a_suggestion(sentiment, *causes or ("lost_damaged", "support_handling"), unsure=unsure)
        case = loop.understand(feedback, read, by="worker", at=at)
        assert case is not None
        return case
