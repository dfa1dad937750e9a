from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from cxloop import events
from cxloop.clock import now
from cxloop.tagging import versions
from cxloop.tagging.models import HeadStatus
from tests.factories import DAY, MONDAY, a_supervisor, an_admin
from tests.web.desk import Desk, read
from tests.web.readings import a_reading, a_version

Given = Callable[..., Any]


@pytest.fixture
def settings(settings: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """This test's installation has a shipped model of that name, whatever stands in models/."""
    shipped = tmp_path / "2026.11"
    shipped.mkdir()
    return settings | {"MODEL": str(shipped)}


def serving(app: Flask) -> int | None:
    with app.app_context():
        return versions.serving()


def test_without_a_version_the_shipped_heads_serve_and_there_is_no_way_back(app: Flask, given: Given) -> None:
    desk = Desk(app, given(an_admin))
    words = desk.page("/models")
    assert "Serves now As shipped" in words
    assert "Nothing was learnt yet" in words
    assert "Roll back" not in words
    assert "Let it serve" not in words


def test_each_version_shows_its_decision_scores_confusion_and_what_it_learnt_from(app: Flask, given: Given) -> None:
    given(a_version, HeadStatus.SERVING, sentiment=0.755)
    words = Desk(app, given(an_admin)).page("/models")
    assert "Version 1 serving" in words
    assert "It is not worse." in words
    assert "Sentiment, on the gold set 70 % 75.5 % 700 better" in words
    assert "Complaints found, on the gold set 90 % 88 % 400 worse" in words
    assert "Surprise (log loss), on the gold set 0.512 0.498 700 better" in words
    assert "Sentiment, on held-back corrections 50 % 50 % 24 the same" in words
    assert "gift cards 5 60 % 1 %" in words
    assert "negative 361 31 8" in words
    assert "People who made them 4" in words


def test_the_curve_and_the_rates_stand_in_tables_too(app: Flask, given: Given) -> None:
    given(a_version, sentiment=0.72, at=MONDAY - 2 * DAY)
    given(a_version, HeadStatus.SERVING, sentiment=0.76, at=MONDAY - DAY)
    page = Desk(app, given(an_admin)).get("/models").text
    assert page.count('<path class="chart__line chart__line--solid"') >= 1
    assert (
        '<td data-label="Version">2</td><td data-label="Sentiment">76 %</td><td data-label="Causes">71 %</td>' in page
    )


def test_the_week_says_how_often_people_disagreed_and_how_often_they_were_asked(app: Flask, given: Given) -> None:
    given(a_reading, at=now(), unsure=("causes",))
    given(a_reading, at=now())
    words = Desk(app, given(an_admin)).page("/models")
    assert "Left to a person 50 %" in words
    assert "Put right by a person 0 %" in words


def test_an_admin_goes_back_and_forward_and_it_is_on_record(app: Flask, given: Given) -> None:
    admin = given(an_admin)
    old, new = given(a_version, HeadStatus.RETIRED), given(a_version, HeadStatus.SERVING, at=MONDAY + DAY)
    desk = Desk(app, admin)
    assert f"Roll back to version {old.id}" in desk.page("/models")
    for to, now_serves in ((old.id, old.id), (new.id, new.id), ("shipped", None)):
        answer = desk.post("/models/serving", to=to)
        assert (answer.status_code, answer.location) == (303, "/models")
        assert serving(app) == now_serves
    with app.app_context():
        assert [(event.kind, event.by) for event in events.of("heads")] == [("heads_rolled_back", admin.actor)] * 3


def test_a_refused_version_cannot_be_made_to_serve(app: Flask, given: Given) -> None:
    refused = given(a_version, HeadStatus.REFUSED)
    desk = Desk(app, given(an_admin))
    assert "Let it serve" not in desk.page("/models")
    assert desk.post("/models/serving", to=refused.id).status_code == 409
    assert desk.post("/models/serving", to=999).status_code == 404
    assert desk.post("/models/serving", to="-1").status_code == 422
    assert serving(app) is None


def test_learning_is_asked_for_once(app: Flask, given: Given) -> None:
    desk = Desk(app, given(an_admin))
    assert desk.post("/models/learning").status_code == 303
    assert "Version 1 being made" in desk.page("/models")
    again = desk.post("/models/learning")
    assert again.status_code == 409
    assert "learning already" in again.text


@pytest.mark.parametrize("path", ["learning", "serving"])
def test_a_supervisor_looks_and_does_not_touch(app: Flask, given: Given, path: str) -> None:
    given(a_version, HeadStatus.SERVING)
    desk = Desk(app, given(a_supervisor))
    words = desk.page("/models")
    assert "Learn now" not in words
    assert "Roll back" not in words
    assert desk.post(f"/models/{path}", to="shipped").status_code == 403
    assert serving(app) == 1


def test_a_version_for_another_shipped_model_is_named_so_and_not_offered(app: Flask, given: Given) -> None:
    given(a_version, HeadStatus.RETIRED, base="1999.01")
    page = Desk(app, given(an_admin)).get("/models")
    assert "for the shipped model 1999.01" in read(page)
    assert "Let it serve" not in read(page)
