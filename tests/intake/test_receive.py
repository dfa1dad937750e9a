"""Feedback arrives once, whoever brings it how often, and whoever else does at the same time."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import events, intake
from cxloop.customers.models import Customer
from cxloop.db import db, transaction
from cxloop.errors import Conflict, Invalid
from cxloop.intake.models import Feedback, Source, SourceKind
from cxloop.intake.parse import Item
from tests.factories import DAY, HOUR, MONDAY, a_feedback, a_source, an_item
from tests.together import together


def receive(source_id: int, items: list[Item], tell: bool | None = None) -> list[Feedback]:
    with transaction() as session:
        return intake.receive(session.get_one(Source, source_id), items, tell=tell, by="test", at=MONDAY)


def count(rows: type) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(rows)) or 0


def test_a_source_is_made_once_and_keeps_its_kind(in_app: Flask) -> None:
    source = a_source("Shop reviews")
    assert a_source(" Shop reviews ").id == source.id
    with pytest.raises(Conflict, match="is of kind review, not email"):
        a_source("Shop reviews", SourceKind.EMAIL)
    with pytest.raises(Invalid, match="needs a name"):
        a_source("  ")
    assert [event.kind for event in events.of(f"source:{source.id}")] == ["source_added"]


def test_two_who_name_a_new_source_at_once_get_the_same(app: Flask) -> None:
    def named() -> int:
        with transaction():
            return intake.source("Shop reviews", SourceKind.REVIEW, by="test", at=MONDAY).id

    ids = together(app, named, named, named)
    assert len(set(ids)) == 1
    with app.app_context():
        assert [event.kind for event in events.of(f"source:{ids[0]}")] == ["source_added"]


def test_what_the_source_sent_before_is_passed_over(in_app: Flask) -> None:
    source = a_source()
    items = [an_item(external_id=str(number)) for number in range(3)]
    assert [feedback.external_id for feedback in receive(source.id, items)] == ["0", "1", "2"]
    assert receive(source.id, items) == []
    assert receive(a_source("Another").id, items) != []


def test_of_two_with_the_same_id_the_first_is_kept(in_app: Flask) -> None:
    source = a_source()
    [kept] = receive(source.id, [an_item("First.", external_id="1"), an_item("Second.", external_id="1")])
    assert kept.text == "First."


def test_everything_that_is_kept_waits_to_be_understood_and_words_for_the_tagger(in_app: Flask) -> None:
    words, score = a_feedback("Late."), a_feedback(None, score=3, scale="0-10")
    assert (words.due_at, words.tagged_at) == (MONDAY, None)
    assert (score.due_at, score.tagged_at) == (MONDAY, MONDAY)
    assert [event.kind for event in events.of(f"feedback:{words.id}")] == ["feedback_received"]


@pytest.mark.parametrize(
    ("said", "tell", "told"),
    [
        (None, None, True),
        (MONDAY - timedelta(hours=72), None, True),
        (MONDAY - timedelta(hours=72, seconds=1), None, False),
        (MONDAY - 400 * DAY, True, True),
        (None, False, False),
    ],
)
def test_only_what_was_said_lately_is_told_unless_asked(
    in_app: Flask, said: object, tell: bool | None, told: bool
) -> None:
    feedback = a_feedback(occurred_at=said, tell=tell)
    assert feedback.tell is told
    assert (feedback.occurred_at, feedback.received_at) == (said or MONDAY, MONDAY)


def test_the_same_person_in_one_batch_is_one_customer(in_app: Flask) -> None:
    source = a_source()
    kept = receive(source.id, [an_item(email="cleo@example.test"), an_item(email="CLEO@example.test")])
    assert len({feedback.customer_id for feedback in kept}) == 1
    strangers = receive(source.id, [an_item(email=None), an_item(email=None)])
    assert len({feedback.customer_id for feedback in strangers}) == 2


def test_the_same_file_brought_by_two_at_once_is_kept_once(app: Flask) -> None:
    items = [an_item(external_id=str(number), email=f"c{number % 7}@example.test") for number in range(40)]
    with app.app_context():
        source_id = a_source().id
    kept = together(app, *[lambda: len(receive(source_id, items))] * 3)
    assert sorted(kept) == [0, 0, 40]
    with app.app_context():
        assert (count(Feedback), count(Customer)) == (40, 7)
        assert events.verify().broken is None


def test_the_same_people_in_two_files_the_other_way_round_do_not_block_each_other(app: Flask) -> None:
    people = [f"c{number}@example.test" for number in range(30)]
    with app.app_context():
        sources = [a_source(name).id for name in ("Shop", "Bank", "Hotel")]
    orders = [people, people[::-1], people[15:] + people[:15]]
    together(
        app,
        *(
            lambda source=source, order=order: receive(source, [an_item(email=email) for email in order])
            for source, order in zip(sources, orders, strict=True)
        ),
    )
    with app.app_context():
        assert (count(Feedback), count(Customer)) == (90, 30)


# ------------------------------------------------------------------------------------------------------- leases


def test_what_is_claimed_is_nobody_elses_until_the_lease_lapses(in_app: Flask) -> None:
    feedback = a_feedback()
    with transaction():
        assert [each.id for each in intake.claim(at=MONDAY, limit=10)] == [feedback.id]
    with transaction():
        assert intake.claim(at=MONDAY + intake.LEASE / 2, limit=10) == []
    assert intake.in_flight(at=MONDAY) == MONDAY + intake.LEASE
    with transaction():
        [again] = intake.claim(at=MONDAY + intake.LEASE, limit=10)
    assert (again.attempts, again.lapses) == (2, 1)
    with transaction():
        intake.give_back([feedback.id], claimed_at=MONDAY + intake.LEASE)
    assert (feedback.attempts, feedback.leased_until) == (1, None)
    assert intake.in_flight(at=MONDAY) is None


def test_what_could_not_be_understood_steps_aside_and_says_why(in_app: Flask) -> None:
    poisoned, sound = a_feedback(), a_feedback()
    with transaction():
        intake.claim(at=MONDAY, limit=1)
    with transaction():
        intake.set_aside(poisoned.id, "ValueError: no", at=MONDAY)
    with transaction():
        assert [each.id for each in intake.claim(at=MONDAY, limit=10)] == [sound.id]
    assert poisoned.last_error == "ValueError: no"
    with transaction():
        assert [each.id for each in intake.claim(at=MONDAY + HOUR, limit=10)] == [sound.id, poisoned.id]


def test_what_somebody_else_understood_meanwhile_does_not_step_aside(in_app: Flask) -> None:
    feedback = a_feedback()
    with transaction():
        intake.tagged(feedback, at=MONDAY)
    with transaction():
        intake.set_aside(feedback.id, "too late", at=MONDAY)
    assert (feedback.due_at, feedback.last_error) == (None, None)
