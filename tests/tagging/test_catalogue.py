"""The company's causes change, and what was tagged before keeps its meaning."""

import pytest
from flask import Flask

from cxloop import events, loop, tagging
from cxloop.db import db, transaction
from cxloop.errors import Conflict, Invalid, NotFound
from cxloop.tagging import catalogue
from cxloop.tagging.models import Cause, Tag
from cxloop.tagging.tagger import CauseGuess
from cxloop.tagging.taxonomy import DEFAULT_CAUSES
from tests.factories import HOUR, MONDAY, a_case, a_feedback, a_suggestion

DONE = {"by": "user:1", "at": MONDAY}


def keys() -> list[str]:
    return [cause.key for cause in tagging.causes()]


def read_as(*causes: str) -> Tag:
    with transaction():
        feedback = a_feedback()
        loop.understand(feedback, a_suggestion("negative", *causes), by="worker", at=MONDAY)
        tag = tagging.of(feedback)
        assert tag is not None
        return tag


def test_a_new_installation_has_the_default_causes_and_writes_none_of_them(in_app: Flask) -> None:
    assert keys() == [cause.key for cause in DEFAULT_CAUSES]
    assert tagging.cause_names()["wait_time"] == "Waiting and queues"
    assert db.session.query(Cause).count() == 0


def test_an_added_cause_can_be_chosen_and_stands_before_other(in_app: Flask) -> None:
    with transaction():
        catalogue.add("loyalty_points", name="Loyalty points", definition="Points are missing.", **DONE)
    assert keys()[-2:] == ["loyalty_points", "other"]
    case = a_case()
    with transaction():
        loop.resolve(case, cause="loyalty_points", text="Your points are back.", by="user:1", at=MONDAY + HOUR)
    assert case.known_cause == "loyalty_points"


@pytest.mark.parametrize(
    ("key", "name", "definition", "field"),
    [
        ("Loyalty", "Loyalty", "Points.", "key"),
        ("x" * 49, "Loyalty", "Points.", "key"),
        ("wait_time", "Loyalty", "Points.", "key"),
        ("loyalty", " ", "Points.", "name"),
        ("loyalty", "waiting AND queues", "Points.", "name"),
        ("loyalty", "Loyalty", "", "definition"),
    ],
)
def test_a_cause_that_is_no_good_is_refused_and_says_where(
    in_app: Flask, key: str, name: str, definition: str, field: str
) -> None:
    with pytest.raises(Invalid) as refused, transaction():
        catalogue.add(key, name=name, definition=definition, **DONE)
    assert list(refused.value.fields) == [field]
    assert keys() == [cause.key for cause in DEFAULT_CAUSES]


def test_another_name_shows_on_what_was_tagged_before(in_app: Flask) -> None:
    tag = read_as("wait_time")
    with transaction():
        catalogue.rename("wait_time", name="Queues", **DONE)
    assert tag.cause == "wait_time"
    assert tagging.cause_names()[tag.cause] == "Queues"


def test_a_merged_cause_is_shown_counted_and_said_as_its_successor(in_app: Flask) -> None:
    old = read_as("wait_time")
    with transaction():
        catalogue.merge("wait_time", into="delivery_delay", **DONE)
        catalogue.merge("delivery_delay", into="cancellation", **DONE)
    assert "wait_time" not in keys()
    assert tagging.resolve(old.cause) == "cancellation"
    assert tagging.cause_names()[old.cause] == "Cancelled by the provider"
    assert set(tagging.counted_as("cancellation")) == {"wait_time", "delivery_delay", "cancellation"}
    assert read_as("wait_time", "cancellation", "billing_refund").causes == [
        ["cancellation", 0.9],
        ["billing_refund", 0.9],
    ]


def test_a_retired_cause_keeps_its_name_and_is_said_of_nothing_new(in_app: Flask) -> None:
    old = read_as("price_value")
    with transaction():
        catalogue.retire("price_value", **DONE)
    assert tagging.cause_names()[old.cause] == "Price and value"
    assert read_as("price_value", "wait_time").cause == "wait_time"
    assert read_as("price_value").cause == "other"
    with pytest.raises(Invalid), transaction():
        loop.resolve(a_case(), cause="price_value", text="Sorry.", by="user:1", at=MONDAY + HOUR)


def test_a_restored_cause_stands_for_itself_again(in_app: Flask) -> None:
    with transaction():
        catalogue.merge("wait_time", into="delivery_delay", **DONE)
        catalogue.restore("wait_time", **DONE)
    assert "wait_time" in keys()
    assert tagging.resolve("wait_time") == "wait_time"
    with pytest.raises(Conflict), transaction():
        catalogue.restore("wait_time", **DONE)


def test_a_split_cause_makes_room_for_its_parts_and_a_person_decides_meanwhile(in_app: Flask) -> None:
    old = read_as("billing_refund")
    with transaction():
        catalogue.split(
            "billing_refund",
            into=[("charged_twice", "Charged twice", "A double charge."), ("no_refund", "No refund", "Not paid back.")],
            **DONE,
        )
    assert {"charged_twice", "no_refund"} <= set(keys())
    assert "billing_refund" not in keys()
    assert tagging.cause_names()[old.cause] == "Billing and refunds"
    new = read_as("billing_refund")
    assert (new.cause, new.unsure) == ("other", ["causes"])


@pytest.mark.parametrize("key", ["other", "no_such_cause"])
def test_other_stays_and_what_is_not_there_cannot_go(in_app: Flask, key: str) -> None:
    with pytest.raises((Invalid, NotFound)), transaction():
        catalogue.retire(key, **DONE)


def test_a_cause_cannot_be_merged_into_itself_or_into_other(in_app: Flask) -> None:
    for into in ("wait_time", "other"):
        with pytest.raises(Invalid), transaction():
            catalogue.merge("wait_time", into=into, **DONE)


def test_examples_are_kept_once_and_every_change_is_on_the_trail(in_app: Flask) -> None:
    with transaction():
        catalogue.add("loyalty", name="Loyalty", definition="Points are missing.", **DONE)
        assert catalogue.add_examples("loyalty", ["Where are my points?", " Where are my points? ", ""], **DONE) == 1
    assert [example.text for example in catalogue.examples("loyalty")] == ["Where are my points?"]
    kinds = [event.kind for event in events.of("taxonomy")]
    assert kinds == ["taxonomy_founded", "cause_added", "cause_examples_added"]
    assert "points" not in str([event.data for event in events.of("taxonomy")])
    assert events.verify().broken is None


def test_a_translated_suggestion_takes_the_best_of_two_that_became_one(in_app: Flask) -> None:
    with transaction():
        catalogue.merge("wait_time", into="delivery_delay", **DONE)
    said = tagging.translated(a_suggestion("negative", "wait_time", "delivery_delay"))
    assert said.causes == (CauseGuess("delivery_delay", 0.9),)
