"""`cxloop survey …`."""

import json
from collections.abc import Callable

import pytest
from click.testing import Result
from flask import Flask

from cxloop import surveys
from cxloop.links import Links
from cxloop.surveys.models import SurveyKind

Cxloop = Callable[..., Result]


def opened(app: Flask, link: str) -> str:
    """The key that the link's signature stands for."""
    links: Links = app.extensions["cxloop.links"]
    key: str = links.open("survey", link.strip().rpartition("/survey/")[2])
    return key


def test_an_added_survey_opens_by_its_link(cxloop: Cxloop, app: Flask) -> None:
    done = cxloop("survey", "add", "Your visit", "--kind", "csat", "--team", "Stores", BASE_URL="https://care.test")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("https://care.test/survey/")
    with app.app_context():
        survey = surveys.of_key(opened(app, done.stdout))
        assert (survey.name, survey.kind) == ("Your visit", SurveyKind.CSAT)
        assert survey.question == surveys.QUESTIONS[SurveyKind.CSAT].text


def test_a_question_of_ones_own_is_asked(cxloop: Cxloop, app: Flask) -> None:
    link = cxloop("survey", "add", "Visit", "--kind", "nps", "--question", "Would you send a friend?").stdout
    with app.app_context():
        assert surveys.of_key(opened(app, link)).question == "Would you send a friend?"


def test_the_list_shows_links_that_open(cxloop: Cxloop, app: Flask) -> None:
    made = cxloop("survey", "add", "Visit", "--kind", "ces").stdout
    [row] = json.loads(cxloop("survey", "list", "--json").stdout)
    assert (row["name"], row["kind"], row["active"]) == ("Visit", "ces", True)
    assert opened(app, row["link"]) == opened(app, made)
    assert "Visit" in cxloop("survey", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["Visit", "--kind", "stars"], 2),
        (["Visit"], 2),
        (["V" * 71, "--kind", "nps"], 2),
        (["Visit\x00", "--kind", "nps"], 2),
        (["Visit", "--kind", "nps"], 1),
    ],
)
def test_what_cannot_serve_is_refused_in_words(cxloop: Cxloop, arguments: list[str], code: int) -> None:
    cxloop("survey", "add", "Visit", "--kind", "nps")
    done = cxloop("survey", "add", *arguments)
    assert done.exit_code == code, done.output
    assert done.stdout == ""
    assert len(json.loads(cxloop("survey", "list", "--json").stdout)) == 1


def test_the_longest_name_that_is_taken_can_be_kept(cxloop: Cxloop) -> None:
    assert cxloop("survey", "add", "V" * 70, "--kind", "nps").exit_code == 0
