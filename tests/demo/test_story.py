"""The demo's feedback as it stands in the file."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from cxloop.cases import Outcome, is_detractor
from cxloop.demo.story import Row, rows
from cxloop.intake.models import SourceKind
from cxloop.tagging.taxonomy import DEFAULT_CAUSES

ROWS = list(rows())
AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def steps(row: Row, do: str) -> list[dict[str, object]]:
    return [step.said for step in row.steps or () if step.do == do]


def test_there_are_about_two_hundred_items_from_every_kind_of_source_within_thirty_days() -> None:
    assert 190 <= len(ROWS) <= 220
    assert len({row.id for row in ROWS}) == len(ROWS)
    assert {row.kind for row in ROWS} == set(SourceKind) - {SourceKind.OTHER}
    assert all(timedelta(0) < row.age <= timedelta(days=30) for row in ROWS)


def test_the_words_are_all_different() -> None:
    said = Counter(row.text for row in ROWS if row.text)
    replies = Counter(step.said["text"] for row in ROWS for step in row.steps or () if "text" in step.said)
    del replies[""]  # a verdict without a comment
    assert max(said.values()) == 1
    assert max(replies.values()) == 1


def test_nobody_in_it_can_be_reached() -> None:
    domains = {str(row.feedback["email"]).rpartition("@")[2] for row in ROWS if row.feedback["email"]}
    assert domains <= {"example.com", "example.org", "example.net"}


def test_every_item_says_something() -> None:
    for row in ROWS:
        item = row.item(AT)
        assert item.text or item.score is not None, row.id
        assert (item.score is None) == (item.scale is None), row.id


def test_what_a_detractor_says_always_has_a_story() -> None:
    untold = [row.id for row in ROWS if row.steps is None and is_detractor(row.item(AT).score, row.item(AT).scale)]
    assert untold == []


def test_steps_stand_in_order_and_in_the_past() -> None:
    for row in ROWS:
        moments = [step.after for step in row.steps or ()]
        assert moments == sorted(moments), row.id
        assert all(timedelta(0) < moment < row.age for moment in moments), row.id


def test_causes_and_outcomes_are_known_and_outcomes_have_their_reason() -> None:
    causes = {cause.key for cause in DEFAULT_CAUSES}
    for row in ROWS:
        assert all(said["cause"] in causes for said in steps(row, "resolve")), row.id
        assert all(Outcome(str(said["outcome"])) and said["reason"] for said in steps(row, "close")), row.id


def test_nobody_hides_behind_an_inconvenience() -> None:
    written = " ".join(
        str(said["text"]).lower() for row in ROWS for said in steps(row, "reply") + steps(row, "resolve")
    )
    assert "inconvenience" not in written
    assert "dear customer" not in written
