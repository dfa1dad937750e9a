import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask

from cxloop import loop
from cxloop.accounts.models import Role
from cxloop.clock import now
from cxloop.db import transaction
from tests.factories import HOUR, MINUTE, a_case, a_feedback, a_suggestion, a_user, an_admin, an_agent, here
from tests.web.desk import Desk

Given = Callable[..., Any]


def people(page: str) -> list[str]:
    """Who stands in the list, from the top."""
    return re.findall(r'<a class="row-item__link"[^>]*>([^<]*)<', page)


def test_the_soonest_promise_comes_first(app: Flask, given: Given) -> None:
    agent = given(an_agent)
    for name, hours, urgency in (("Later", 0, "low"), ("Soonest", 30, "critical"), ("Between", 1, "high")):
        given(a_case, customer_name=name, urgency=urgency, owner=agent, at=now() - hours * HOUR)
    assert people(Desk(app, agent).get("/queue").text) == ["Soonest", "Between", "Later"]


def test_a_row_says_who_in_their_own_words_and_what_was_promised_by_when(app: Flask, given: Given) -> None:
    agent = given(an_agent, name="Ana Lind")
    given(a_case, text="My card is lost.", cause="lost_damaged", urgency="critical", customer_name="Mina", at=now())
    page = Desk(app, agent).page("/queue")
    assert "Mina , CX-00001" in page
    assert "My card is lost." in page
    assert re.search(r"\d+ (m|h|d)\b.* left first response · by \d\d:\d\d UTC", page)
    assert "critical negative Lost or damaged new Ana Lind" in page


def test_what_a_customer_wrote_is_never_markup(app: Flask, given: Given) -> None:
    agent = given(an_agent)
    given(a_case, text="<script>alert(1)</script>", customer_name="<b>Bobby</b>", at=now())
    page = Desk(app, agent).get("/queue").text
    assert "<script>alert" not in page
    assert "<b>Bobby" not in page


def test_my_queue_holds_my_cases_and_everybody_s_on_demand(app: Flask, given: Given) -> None:
    ana, bo = given(an_agent), given(an_agent)
    given(a_case, customer_name="Of Ana", owner=ana)
    given(a_case, customer_name="Of Bo", owner=bo)
    desk = Desk(app, ana)
    assert people(desk.get("/queue").text) == ["Of Ana"]
    assert set(people(desk.get("/queue?mine=0").text)) == {"Of Ana", "Of Bo"}


def test_filters_in_the_address_narrow_the_list_and_stay_chosen(app: Flask, given: Given) -> None:
    agent = given(an_agent)
    given(a_case, "waiting", customer_name="Waits", cause="wait_time", owner=agent)
    given(a_case, "open", customer_name="Open", cause="billing_refund", urgency="high", owner=agent)
    given(a_case, "closed", customer_name="Closed", owner=agent)
    desk = Desk(app, agent)
    assert set(people(desk.get("/queue").text)) == {"Waits", "Open"}
    assert people(desk.get("/queue?state=waiting").text) == ["Waits"]
    assert people(desk.get("/queue?state=closed").text) == ["Closed"]
    assert people(desk.get("/queue?cause=billing_refund&urgency=high").text) == ["Open"]
    assert '<option value="waiting" selected>' in desk.get("/queue?state=waiting").text


def test_a_filter_that_means_nothing_filters_nothing(app: Flask, given: Given) -> None:
    agent = given(an_agent)
    given(a_case, customer_name="Mina", owner=agent)
    desk = Desk(app, agent)
    for query in (
        "state=nonsense",
        "cause='--",
        "urgency=dire",
        "after=yesterday~x",
        "after=2026-01-01T00:00~1",
        f"after=2026-01-01T00:00%2B00:00~{10**20}",
    ):
        assert people(desk.get(f"/queue?{query}").text) == ["Mina"], query


def test_pages_follow_each_other_without_a_gap_or_a_repeat(app: Flask, given: Given) -> None:
    agent = given(an_agent)
    for number in range(27):
        given(a_case, customer_name=f"Person {number}", owner=agent, at=now() - number // 2 * MINUTE)
    desk = Desk(app, agent)
    first = desk.get("/queue").text
    link = re.search(r'href="([^"]+)" rel="next"', first)
    assert link
    second = desk.get(link[1].replace("&amp;", "&")).text
    assert len(people(first)) == 25
    assert sorted(people(first) + people(second)) == sorted(f"Person {number}" for number in range(27))
    assert 'rel="next"' not in second
    assert 'rel="start"' in second


def test_another_team_s_cases_are_not_there_but_for_an_admin(app: Flask, given: Given) -> None:
    agent, admin = given(an_agent), given(an_admin)
    given(a_case, customer_name="Elsewhere", team="Stores")
    assert people(Desk(app, agent).get("/queue?mine=0").text) == []
    assert people(Desk(app, admin).get("/queue?mine=0").text) == ["Elsewhere"]


def test_the_next_case_is_the_one_on_top_under_the_same_filters(app: Flask, given: Given) -> None:
    agent = given(an_agent)
    given(a_case, urgency="low", owner=agent, at=now())
    high = given(a_case, urgency="high", owner=agent, at=now() - timedelta(minutes=1))
    low_alone = Desk(app, agent).get("/queue/next?urgency=low")
    assert Desk(app, agent).get("/queue/next").location == f"/cases/{high.id}"
    assert low_alone.location == f"/cases/{high.id - 1}"


def test_an_empty_queue_says_so_and_where_there_is_more(app: Flask, given: Given) -> None:
    desk = Desk(app, given(an_agent))
    assert "Nobody is waiting for you" in desk.page("/queue")
    assert "No case is like that" in desk.page("/queue?state=waiting")
    assert desk.get("/queue/next").location == "/queue"
    assert "Nobody is waiting for you at the moment." in desk.page("/queue")


def test_a_guess_the_tagger_doubts_is_shown_as_a_guess(app: Flask, given: Given) -> None:
    agent = given(an_agent)
    feedback = given(a_feedback, "It was dirty.")
    doubtful = a_suggestion("negative", "cleanliness_environment", unsure=("causes",))
    with app.app_context(), transaction():
        loop.understand(here(feedback), doubtful, by="worker", at=now())
    assert "Premises and cleanliness, unsure" in Desk(app, agent).page("/queue")


def test_what_was_read_in_a_language_it_cannot_read_is_no_fact(app: Flask, given: Given) -> None:
    agent = given(an_agent)
    foreign = a_suggestion("positive", "cleanliness_environment", unsure=("language",))
    with app.app_context(), transaction():
        loop.understand(a_feedback("Hola, la mesa llegó rota.", score=1, scale="1-5"), foreign, by="worker", at=now())
    page = Desk(app, agent).page("/queue?mine=0")
    assert "in a language the tagger cannot read" in page
    assert "positive" not in page
    assert "Premises and cleanliness new" not in page


def test_the_help_offers_nobody_a_page_that_is_not_theirs(app: Flask, given: Given) -> None:
    offered = {
        role: [place for place in ("Go to the board", "Go to the models", "Go to the settings") if place in text]
        for role in Role
        for text in [Desk(app, given(a_user, role)).get("/queue").text]
    }
    assert [len(offered[role]) for role in (Role.AGENT, Role.SUPERVISOR, Role.ADMIN)] == [0, 2, 3]


def test_one_s_own_rows_keep_no_room_for_buttons_that_they_do_not_have(app: Flask, given: Given) -> None:
    ana, bo = given(an_agent), given(an_agent)
    given(a_case, owner=ana)
    assert "row-item__actions" not in Desk(app, ana).get("/queue").text
    assert "row-item__actions" in Desk(app, bo).get("/queue?mine=0").text
