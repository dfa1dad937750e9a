"""Corrections, models and causes in a real Chromium: by keyboard, in both colours, small, and without JavaScript."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page, expect

from cxloop import accounts, loop
from cxloop.accounts.models import User
from cxloop.cases import Case, queries
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.tagging.catalogue import add, add_examples, merge
from cxloop.tagging.models import HeadStatus
from cxloop.web.access import COOKIE
from tests.factories import HOUR, an_admin
from tests.web.readings import a_reading, a_version

pytestmark = pytest.mark.browser

PAGES = (
    "/cases/1", "/cases/2", "/models", "/settings/causes", "/settings/causes/gift_cards",
    "/settings/causes/stock_capacity", "/settings/causes/other",
)  # fmt: skip


@pytest.fixture
def settings(settings: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """This test's installation has a shipped model of that name, whatever stands in models/."""
    shipped = tmp_path / "2026.11"
    shipped.mkdir()
    return settings | {"MODEL": str(shipped)}


@pytest.fixture
def admin(live_app: Flask) -> User:
    """An admin, a case that was put right, one that is unsure, a cause of the company's own, and three versions."""
    with live_app.app_context():
        user, at = an_admin(name="Ada Chief"), now() - 2 * HOUR
        a_reading(customer_name="Mina", at=at)
        a_reading("Es kam zu spät.", customer_name="Jonas", unsure=("sentiment", "causes", "language"), at=at)
        with transaction():
            case = db.session.get_one(Case, 1)
            [feedback] = queries.feedback(case)
            loop.correct(case, feedback, field="urgency", value="high", by=user.actor, at=at)
        with transaction():
            add("gift_cards", name="Gift cards", definition="A gift card fails.", by=user.actor, at=at)
            add_examples("gift_cards", ["My gift card was refused."], by=user.actor, at=at)
            merge("stock_capacity", into="booking_ordering", by=user.actor, at=at)
        for number, status in enumerate((HeadStatus.RETIRED, HeadStatus.REFUSED, HeadStatus.SERVING)):
            a_version(status, sentiment=0.7 + number / 50, by=user.actor, at=at - timedelta(days=3 - number))
        db.session.refresh(user)
        return user


@pytest.fixture
def desk(live_app: Flask, admin: User, new_context: Callable[..., BrowserContext]) -> Iterator[Callable[..., Page]]:
    """`desk(dark=True)`: a page on which the admin is signed in. An error in its console fails the test."""

    def open_(**kind: Any) -> Page:
        with live_app.app_context(), transaction():
            secret = accounts.open_session(db.session.get_one(User, admin.id), at=now())
        context = new_context(**kind)
        context.add_cookies([{"name": COOKIE, "value": secret, "url": live_app.config["BASE_URL"]}])
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    complaints: list[str] = []
    yield open_
    assert complaints == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_axe_finds_nothing_and_no_page_is_wider_than_its_window(
    desk: Callable[..., Page], axe: Callable[[Page], list[str]], sideways: Callable[[Page], int], dark: bool, width: int
) -> None:
    page = desk(dark=dark, width=width)
    for path in PAGES:
        page.goto(path)
        for drawer in page.locator("details").all():
            drawer.evaluate("drawer => drawer.open = true")
        assert (path, axe(page), sideways(page)) == (path, [], 0)


@pytest.mark.parametrize(
    ("letter", "step", "said"),
    [
        ("e", "ArrowRight", "the sentiment is neutral"),
        ("u", "ArrowRight", "the urgency is low"),
        ("c", "Space", "the cause is Late or delayed"),
    ],
)
def test_a_letter_an_arrow_and_enter_put_a_reading_right(
    desk: Callable[..., Page], letter: str, step: str, said: str
) -> None:
    page = desk()
    page.goto("/cases/2")
    page.keyboard.press(letter)
    page.keyboard.press(step)
    page.keyboard.press("Enter")
    expect(page.locator(".flash--success")).to_contain_text(said)
    expect(page.locator("#understood")).to_contain_text("decided by Ada Chief")


def test_the_letters_are_explained_and_can_be_switched_off(desk: Callable[..., Page]) -> None:
    page = desk()
    page.goto("/cases/1")
    page.keyboard.press("?")
    expect(page.locator("dialog")).to_contain_text("Put the sentiment right")
    page.locator("[data-shortcuts-switch]").click()
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    assert page.evaluate("document.activeElement.name") != "value"


def test_without_javascript_one_corrects_learns_rolls_back_and_adds_a_cause(desk: Callable[..., Page]) -> None:
    page = desk(javascript=False, width=390)
    page.goto("/cases/1")
    page.locator("summary", has_text="Put it right").click()
    page.get_by_role("radio", name="neutral").check(force=True)
    page.get_by_role("button", name="Keep the sentiment").click()
    expect(page.locator(".flash--success")).to_contain_text("the sentiment is neutral")
    page.get_by_role("link", name="Models").click()
    page.get_by_role("button", name="Roll back to version 1").click()
    expect(page.locator(".flash--success")).to_contain_text("Version 1 serves")
    page.get_by_role("button", name="Learn now").click()
    expect(page.locator(".flash--success")).to_contain_text("within a minute")
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Name").fill("Loyalty points")
    page.get_by_label("What it covers").fill("Points are missing or cannot be used.")
    page.get_by_role("button", name="Add the cause").click()
    expect(page.get_by_role("heading", name="Loyalty points")).to_be_visible()


def test_g_and_a_letter_go_to_the_models_and_the_settings(desk: Callable[..., Page]) -> None:
    page = desk()
    page.goto("/queue")
    for letter, place in (("m", "models"), ("s", "settings/causes")):
        page.keyboard.press("g")
        page.keyboard.press(letter)
        page.wait_for_url(f"**/{place}")
