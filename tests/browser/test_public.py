"""The pages for people without an account, as a browser shows them."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page, expect

from cxloop import accounts
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.intake.models import Feedback
from tests.factories import a_case, a_survey, an_agent, here

pytestmark = pytest.mark.browser

NewContext = Callable[..., BrowserContext]


@pytest.fixture
def links(live_app: Flask) -> dict[str, str]:
    """The links that letters carry, by what they open."""
    made = live_app.extensions["cxloop.links"]
    with live_app.app_context():
        agent = an_agent(name="Ana Lindqvist")
        with transaction():
            found = {"sign-in": made.sign_in(accounts.offer_sign_in_link(here(agent), at=now()))}
        found |= {kind: made.survey(a_survey(kind).key) for kind in ("nps", "csat", "ces")}
        for state in ("new", "open", "waiting", "resolved", "closed"):
            case = a_case(state, owner=agent, urgency="low", at=now())
            found[state] = made.case_page(case.id, case.customer_id)
    url = live_app.config["BASE_URL"]
    return found | {"form": f"{url}/sign-in", "nowhere": f"{url}/nowhere"}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_every_page_is_accessible_and_fits(
    links: dict[str, str], new_context: NewContext, axe: Any, sideways: Any, dark: bool, width: int
) -> None:
    """A11Y-01, SEC-03: nothing is loaded from elsewhere, and the policy stops nothing of ours."""
    page, complaints = new_context(dark=dark, width=width).new_page(), []
    page.on("console", lambda message: complaints.append(message.text) if "Security" in message.text else None)
    page.on("requestfailed", lambda request: complaints.append(request.url))
    for name, link in links.items():
        page.goto(link)
        assert axe(page) == [], name
        assert sideways(page) == 0, name
    assert complaints == []


@pytest.mark.parametrize("javascript", [True, False])
def test_a_survey_is_answered_by_keyboard_alone_at_320_px(
    live_app: Flask, links: dict[str, str], new_context: NewContext, javascript: bool
) -> None:
    """A11Y-01, SURV-04: the browser hides where it comes from, and is believed all the same."""
    page = new_context(width=320, javascript=javascript).new_page()
    page.goto(links["nps"] + "?score=2")
    expect(page.get_by_role("radio", name="2", exact=True)).to_be_checked()
    page.get_by_role("radio", name="2", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.type("Nobody came.")
    page.keyboard.press("Tab")
    page.keyboard.type("Mina")
    page.keyboard.press("Tab")
    page.keyboard.type("mina@example.test")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    with live_app.app_context():
        [said] = [feedback for feedback in db.session.scalars(db.select(Feedback)) if feedback.text == "Nobody came."]
        assert (said.score, said.customer.email) == (3, "mina@example.test")


@pytest.mark.parametrize("javascript", [True, False])
def test_the_customer_has_the_last_word_without_a_login(
    links: dict[str, str], new_context: NewContext, javascript: bool
) -> None:
    page = new_context(width=320, javascript=javascript).new_page()
    page.goto(links["resolved"])
    assert links["resolved"].rpartition("/")[2] not in page.url
    page.get_by_label("Anything you would like to add").fill("It broke again.")
    page.get_by_role("button", name="No, not yet").click()
    expect(page.get_by_role("heading", name="We are working on it")).to_be_visible()
    expect(page.get_by_text("It broke again.")).to_be_visible()
    page.get_by_label("Your message").fill("And quickly, please.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("And quickly, please.")).to_be_visible()


def test_a_one_time_link_leads_to_the_desk_and_out_again(links: dict[str, str], page: Page) -> None:
    page.goto(links["sign-in"])
    page.get_by_role("button", name="Sign in as Ana Lindqvist").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    page.locator("details.menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(links["sign-in"])
    expect(page.get_by_text("was used already")).to_be_visible()
