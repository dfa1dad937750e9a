"""Whose word counts how much: many at once by one person, and people who disagree."""

from datetime import UTC, datetime, timedelta

import pytest

from cxloop.tagging.models import CorrectionKind, Field
from cxloop.tagging.tagger import Text
from cxloop.tagging.trust import KnownCause, Said, taught, voices

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EVER = datetime(1, 1, 1, tzinfo=UTC)
CAUSES = [KnownCause(key, "", key, True, None, True, EVER) for key in ("late", "rude", "other")]


def felt(text: str, value: str, by: str = "user:1", *, agrees: bool = False, minutes: int = 0) -> Said:
    at = AT + timedelta(minutes=minutes)
    return Said(Text(text), Field.SENTIMENT, CorrectionKind.CORRECTED, (value,), agrees, by, at)


def caused(text: str, *value: str, by: str = "user:1", kind: CorrectionKind = CorrectionKind.CORRECTED) -> Said:
    return Said(Text(text), Field.CAUSES, kind, value, False, by, AT)


def test_fifty_texts_of_a_person_count_in_full_and_two_hundred_as_a_hundred() -> None:
    assert voices([felt(f"text {n}", "neutral") for n in range(50)]) == {"user:1": 1.0}
    assert 200 * voices([felt(f"text {n}", "neutral") for n in range(200)])["user:1"] == pytest.approx(100)


def test_a_text_pasted_a_thousand_times_is_one_row() -> None:
    [row] = taught([felt("It came  LATE" if n % 2 else "it came late", "neutral") for n in range(1000)], CAUSES)
    assert row.sentiment == ("neutral", 1.0)


def test_the_newest_word_of_a_person_counts() -> None:
    [row] = taught([felt("x", "positive", minutes=2), felt("x", "negative", minutes=1)], CAUSES)
    assert row.sentiment == ("positive", 1.0)


def test_people_who_disagree_weigh_each_other_down_to_nothing_at_a_tie() -> None:
    two_to_one = [felt("x", "negative", "a"), felt("x", "negative", "b"), felt("x", "positive", "c")]
    [row] = taught(two_to_one, CAUSES)
    assert row.sentiment == ("negative", pytest.approx(1 / 3))
    assert taught(two_to_one[1:], CAUSES) == []


def test_agreeing_with_the_tagger_counts_half() -> None:
    [row] = taught([felt("x", "negative", agrees=True)], CAUSES)
    assert row.sentiment == ("negative", 0.5)


def test_a_correction_names_all_that_holds_and_a_confirmation_only_one_of_it() -> None:
    [corrected] = taught([caused("x", "late")], CAUSES)
    assert corrected.votes == {"late": (True, 1.0), "rude": (False, 1.0)}
    [confirmed] = taught([caused("x", "late", kind=CorrectionKind.CONFIRMED)], CAUSES)
    assert confirmed.votes == {"late": (True, 1.0)}


def test_what_could_not_be_chosen_yet_was_not_denied() -> None:
    newer = KnownCause("points", "", "points", True, None, False, AT + timedelta(days=1))
    [row] = taught([caused("x", "late")], [*CAUSES, newer])
    assert "points" not in row.votes


def test_a_merged_cause_votes_for_its_successor() -> None:
    merged = [KnownCause("late", "", "rude", False, None, True, EVER), *CAUSES[1:]]
    [row] = taught([caused("x", "late")], merged)
    assert row.votes == {"rude": (True, 1.0)}
