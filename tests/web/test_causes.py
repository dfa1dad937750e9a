from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from cxloop import events
from cxloop.db import db
from cxloop.tagging import catalogue
from cxloop.tagging.models import Cause
from tests.factories import an_admin
from tests.web.desk import Desk, read

Given = Callable[..., Any]
FIVE = "\n".join(f"My gift card was refused, try {number}." for number in range(5))


@pytest.fixture
def desk(app: Flask, given: Given) -> Desk:
    return Desk(app, given(an_admin, name="Ada Chief"))


def cause(app: Flask, key: str) -> Cause:
    with app.app_context():
        return db.session.scalars(db.select(Cause).where(Cause.key == key)).one()


def test_the_list_shows_the_shipped_causes_before_anything_was_changed(desk: Desk) -> None:
    words = desk.page("/settings/causes")
    assert "17 causes" in words
    assert "Late or delayed delivery_delay" in words
    assert "No longer offered" not in words


def test_a_cause_is_added_with_its_examples_and_its_key_follows_from_its_name(app: Flask, desk: Desk) -> None:
    answer = desk.post("/settings/causes", name="Gift cards & vouchers", definition="A gift card fails.", examples=FIVE)
    assert (answer.status_code, answer.location) == (303, "/settings/causes/gift_cards_vouchers")
    assert cause(app, "gift_cards_vouchers").name == "Gift cards & vouchers"
    with app.app_context():
        assert len(catalogue.examples("gift_cards_vouchers")) == 5
    assert "gift_cards_vouchers A gift card fails. 5 your own" in desk.page("/settings/causes")


def test_a_key_of_one_s_own_is_taken_as_it_is(app: Flask, desk: Desk) -> None:
    desk.post("/settings/causes", name="Geschenkkarten", definition="A gift card fails.", key="gift_cards")
    assert cause(app, "gift_cards").name == "Geschenkkarten"
    assert "5 more examples to begin" in desk.page("/settings/causes")


@pytest.mark.parametrize(
    ("given_fields", "at_field"),
    [
        ({"name": "", "definition": "A sentence.", "key": "x1"}, "name"),
        ({"name": "Late or delayed", "definition": "A sentence.", "key": "x1"}, "name"),
        ({"name": "Gift cards", "definition": " "}, "definition"),
        ({"name": "Gift cards", "definition": "A sentence.", "key": "Gift Cards!"}, "key"),
        ({"name": "Gift cards", "definition": "A sentence.", "key": "wait_time"}, "key"),
        ({"name": "☃☃☃", "definition": "A sentence."}, "key"),
        ({"name": "Gift cards", "definition": "x" * 501}, "definition"),
    ],
)
def test_bad_input_is_refused_at_its_field_and_what_was_written_stays(
    app: Flask, desk: Desk, given_fields: dict[str, str], at_field: str
) -> None:
    answer = desk.post("/settings/causes", examples="Kept words.", **given_fields)
    assert answer.status_code == 422
    assert f'id="{at_field}-error"' in answer.text
    assert answer.text.count('aria-invalid="true"') == 1
    assert "Kept words." in answer.text
    with app.app_context():
        assert [each.key for each in catalogue.every() if not each.shipped] == ["other"]


def test_a_cause_is_renamed_and_its_key_stays(app: Flask, desk: Desk) -> None:
    desk.post("/settings/causes/wait_time/name", name="Queues", definition="People wait.")
    assert (cause(app, "wait_time").name, cause(app, "wait_time").definition) == ("Queues", "People wait.")
    assert "Queues" in desk.get("/queue").text


def test_examples_are_added_one_a_line_and_once(app: Flask, desk: Desk) -> None:
    for _ in range(2):
        assert desk.post("/settings/causes/wait_time/examples", text=f"{FIVE}\n\n  \n{FIVE}").status_code == 303
    with app.app_context():
        assert len(catalogue.examples("wait_time")) == 5
    assert "try 4." in desk.page("/settings/causes/wait_time")
    assert 'id="text-error"' in desk.post("/settings/causes/wait_time/examples", text=" \n ").text


def test_a_cause_is_merged_and_brought_back(app: Flask, desk: Desk) -> None:
    desk.post("/settings/causes/wait_time/merger", into="support_handling")
    assert cause(app, "wait_time").merged_into == "support_handling"
    assert "counts as Customer support" in desk.page("/settings/causes")
    desk.post("/settings/causes/wait_time/restoration")
    assert cause(app, "wait_time").active


@pytest.mark.parametrize("into", ["", "no_such", "wait_time", "other"])
def test_a_cause_is_not_merged_into_nothing_itself_or_other(desk: Desk, into: str) -> None:
    answer = desk.post("/settings/causes/wait_time/merger", into=into)
    assert answer.status_code == 422
    assert 'id="into-error"' in answer.text


def test_a_cause_is_split_and_its_parts_take_its_place(app: Flask, desk: Desk) -> None:
    parts = {
        "name-1": "On hold",
        "definition-1": "Waiting on the phone.",
        "name-3": "Queues",
        "definition-3": "In a shop.",
    }
    assert desk.post("/settings/causes/wait_time/division", **parts).status_code == 303
    assert not cause(app, "wait_time").active
    assert {cause(app, key).split_from for key in ("on_hold", "queues")} == {"wait_time"}
    words = desk.page("/settings/causes/wait_time")
    assert "It was split into On hold Queues" in words


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ({}, "A cause is split into two at least."),
        ({"name-1": "On hold", "definition-1": "On the phone."}, "A cause is split into two at least."),
        ({"name-1": "On hold", "name-2": "Queues", "definition-2": "In a shop."}, 'id="definition-1-error"'),
        ({"definition-1": "On the phone.", "name-2": "Queues", "definition-2": "In a shop."}, 'id="name-1-error"'),
    ],
)
def test_a_split_that_lacks_something_says_so_and_changes_nothing(
    app: Flask, desk: Desk, parts: dict[str, str], error: str
) -> None:
    answer = desk.post("/settings/causes/wait_time/division", **parts)
    assert answer.status_code == 422
    assert error in answer.text
    with app.app_context():
        assert len(catalogue.causes()) == 17


def test_a_cause_is_retired_and_no_longer_offered(app: Flask, desk: Desk) -> None:
    desk.post("/settings/causes/wait_time/retirement")
    assert "No longer offered" in desk.page("/settings/causes")
    assert 'value="wait_time"' not in desk.get("/queue").text
    assert desk.post("/settings/causes/wait_time/retirement").status_code == 409
    assert desk.post("/settings/causes/wait_time/merger", into="support_handling").status_code == 409


def test_other_stays_as_it_is(desk: Desk) -> None:
    page = desk.page("/settings/causes/other")
    assert "it can be renamed and nothing else" in page
    assert "Merge" not in page
    answer = desk.post("/settings/causes/other/retirement")
    assert answer.status_code == 422
    assert "always stays" in read(answer)


def test_a_cause_that_nobody_knows_is_not_there(desk: Desk) -> None:
    assert desk.get("/settings/causes/no_such").status_code == 404
    for verb in ("examples", "retirement", "restoration"):
        assert desk.post(f"/settings/causes/no_such/{verb}", text="x").status_code == 404


def test_every_change_is_on_record_under_one_s_name(app: Flask, given: Given) -> None:
    admin = given(an_admin)
    Desk(app, admin).post("/settings/causes/wait_time/retirement")
    with app.app_context():
        assert {event.by for event in events.of("taxonomy")} == {admin.actor}
