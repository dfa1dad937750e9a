"""The desk in a real Chromium: everything by keyboard, in both colours, on a small screen, and without JavaScript."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page, expect

from cxloop import accounts, jobs, notices
from cxloop.accounts.models import User
from cxloop.cases import Case
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.web.access import COOKIE
from tests.factories import HOUR, MINUTE, a_case, a_supervisor, an_agent

pytestmark = pytest.mark.browser

PAGES = (
    "/account",
    "/queue?mine=0",
    "/queue?state=closed",
    "/cases/1",
    "/cases/2",
    "/board",
    "/outbox",
    "/outbox/1",
    "/system",
)


@pytest.fixture
def lead(live_app: Flask) -> User:
    """A supervisor, with a desk full of cases in every state."""
    with live_app.app_context():
        user = a_supervisor(name="Sam Lead")
        an_agent(name="Ana Lind")
        urgencies = ("critical", "high", "normal", "low")
        for number, state in enumerate(("new", "waiting", "open", "resolved", "closed", "new", "new")):
            a_case(
                state,
                text=f"Case {number}: my parcel is lost.\n\n<b>And I am angry.</b>",
                customer_name=f"Person {number}" if number else "A-very-long-name-without-a-space-" * 4,
                urgency=urgencies[number % 4],
                owner=user if number != 1 else None,
                email=None if number == 3 else f"person{number}@example.test",
                at=now() - number * HOUR - 10 * MINUTE,
            )
        with transaction():
            db.session.get_one(Case, 7).owner_id = None
            notices.hold(at=now(), limit=3)
            jobs.beat("desk:1", model="1", at=now())
            jobs.ran("notices", error="ConnectionRefusedError: nobody there", at=now())
        db.session.refresh(user)
        return user


@pytest.fixture
def desk(live_app: Flask, lead: User, new_context: Callable[..., BrowserContext]) -> Iterator[Callable[..., Page]]:
    """`desk(dark=True)`: a page on which the supervisor is signed in. An error in its console fails the test."""

    def open_(**kind: Any) -> Page:
        with live_app.app_context(), transaction():
            secret = accounts.open_session(db.session.get_one(User, lead.id), at=now())
        context = new_context(**kind)
        context.add_cookies([{"name": COOKIE, "value": secret, "url": live_app.config["BASE_URL"]}])
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    complaints: list[str] = []
    yield open_
    assert complaints == []


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.innerText"))


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


def test_rows_are_walked_opened_and_taken_by_keyboard(desk: Callable[..., Page]) -> None:
    page = desk()
    page.goto("/queue?mine=0")
    names = page.locator(".row-item__link").all_inner_texts()
    page.keyboard.press("j")
    assert focused(page) == names[0]
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert focused(page) == names[1]
    page.keyboard.press("Enter")
    page.wait_for_url("**/cases/*")
    page.goto("/queue?mine=0")
    page.locator("[data-row]", has=page.locator("[data-key=t]")).first.locator(".row-item__link").focus()
    page.keyboard.press("t")
    expect(page.locator(".flash--success")).to_contain_text("is yours now")


def test_a_reply_is_written_and_sent_by_keyboard(desk: Callable[..., Page]) -> None:
    page = desk()
    page.goto("/cases/1")
    page.keyboard.press("n")
    assert focused(page) == "note"
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("r")
    assert focused(page) == "reply"
    page.keyboard.type("just a jolly reply")  # letters that would do something elsewhere
    page.keyboard.press("Control+Enter")
    expect(page.locator(".flash--success")).to_contain_text("on its way")
    expect(page.locator(".said--out")).to_contain_text("just a jolly reply")


def test_letters_can_be_switched_off_and_stay_off(desk: Callable[..., Page]) -> None:
    page = desk()
    page.goto("/queue?mine=0")
    page.keyboard.press("?")
    expect(page.locator("dialog")).to_be_visible()
    page.locator("[data-shortcuts-switch]").click()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()
    page.reload()
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.tagName") == "BODY"


def test_g_and_a_letter_go_to_another_page(desk: Callable[..., Page]) -> None:
    page = desk()
    page.goto("/queue")
    for letter, place in (("b", "board"), ("o", "outbox"), ("q", "queue")):
        page.keyboard.press("g")
        page.keyboard.press(letter)
        page.wait_for_url(f"**/{place}")


def test_the_menu_closes_with_escape_and_gives_focus_back(desk: Callable[..., Page]) -> None:
    page = desk()
    page.goto("/queue")
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Dark").focus()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Dark")).to_be_hidden()
    assert "Sam Lead" in focused(page)


def test_a_chosen_colour_stays_without_javascript_too(desk: Callable[..., Page]) -> None:
    page = desk(javascript=False)
    page.goto("/queue")
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Dark").click()
    page.wait_for_url("**/queue")
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    page.goto("/outbox")
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"


def test_without_javascript_one_filters_reads_replies_and_resolves(desk: Callable[..., Page]) -> None:
    page = desk(javascript=False, width=390)
    page.goto("/queue")
    page.get_by_label("Whose").select_option("0")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/queue?mine=0&**")
    page.get_by_role("link", name="Person 6").click()
    page.get_by_label("Reply to Person 6").fill("We look for it.")
    page.get_by_role("button", name="Send the reply").click()
    expect(page.locator(".said--out")).to_contain_text("We look for it.")
    page.locator("summary", has_text="Resolve").click()
    page.get_by_label("What caused it").select_option("lost_damaged")
    page.get_by_label("The decision, as the customer will read it").fill("We found it.")
    page.get_by_role("button", name="Resolve and ask the customer").click()
    expect(page.locator(".flash--success")).to_contain_text("Resolved")


def test_a_filter_exchanges_only_the_list_and_the_address_follows(desk: Callable[..., Page]) -> None:
    page = desk()
    page.goto("/queue?mine=0")
    page.evaluate("window.same = true")
    page.get_by_label("State").select_option("waiting")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".row-item")).to_have_count(1)
    assert "state=waiting" in page.url
    assert page.evaluate("window.same")
    expect(page.locator("#announcer")).to_have_text("1 in the list")
    page.go_back()
    expect(page.locator(".row-item")).to_have_count(5)


def test_new_work_appears_by_itself_and_is_said(live_app: Flask, desk: Callable[..., Page]) -> None:
    page = desk()
    page.clock.install()
    page.goto("/queue?mine=0")
    page.locator(".row-item__link").nth(1).focus()
    before = focused(page)
    with live_app.app_context():
        a_case(text="A new one.", customer_name="Newcomer", urgency="critical", at=now())
    page.clock.run_for(61_000)
    expect(page.get_by_role("link", name="Newcomer")).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("One more case in the list")
    assert focused(page) == before


def test_a_clock_counts_down_in_words_and_says_when_it_breaks(live_app: Flask, desk: Callable[..., Page]) -> None:
    with live_app.app_context():
        case = a_case(customer_name="Waiting", at=now())
        due, row = case.queue_at, f"#case-{case.id}"
    seen = {}
    for before in (2 * MINUTE, MINUTE / 3):
        page = desk()
        page.clock.install(time=due - before)
        page.goto("/queue?mine=0")
        page.clock.run_for(31_000)
        seen[before] = page.locator(f"{row} .clock__words").inner_text(), page.locator("#announcer").inner_text()
        expect(page.locator(f"{row} .clock--{'soon' if before > MINUTE else 'breached'}")).to_be_visible()
    assert seen[2 * MINUTE][0] == "1 min left"
    assert seen[MINUTE / 3][0] == "breached less than a minute ago"
    assert "breached" in seen[MINUTE / 3][1]


def boxes(page: Page, selector: str) -> list[dict[str, float]]:
    """Where on the page each of these is that one sees."""
    script = "all => all.map(e => e.getBoundingClientRect().toJSON()).filter(box => box.width)"
    found: list[dict[str, float]] = page.locator(selector).evaluate_all(script)
    assert found, selector
    return found


def test_no_key_in_the_help_lies_over_its_meaning(desk: Callable[..., Page]) -> None:
    page = desk()
    page.goto("/queue")
    page.keyboard.press("?")
    for pair in page.locator(".keys > div").all():
        keys = pair.locator("kbd").evaluate_all(
            "all => all.map(e => [e, e.getBoundingClientRect()])"
            ".map(([e, box]) => [box.left, box.right, e.scrollWidth - e.clientWidth])"
        )
        meaning = pair.locator("dd").evaluate("e => e.getBoundingClientRect().left")
        ends = [left for left, _, _ in keys[1:]] + [meaning]
        assert all(right <= end for (_, right, _), end in zip(keys, ends, strict=True)), pair.inner_text()
        assert all(over <= 0 for _, _, over in keys), pair.inner_text()


def test_a_row_without_buttons_fills_its_width(desk: Callable[..., Page]) -> None:
    page = desk()
    page.goto("/queue")
    [row, *_], [side, *_] = boxes(page, ".row-item"), boxes(page, ".row-item__side")
    assert row["right"] - (side["left"] + 176) < 30, "the last column, 11rem wide, ends where the row does"


def test_what_stands_in_the_head_of_a_case_is_on_one_line(desk: Callable[..., Page]) -> None:
    page = desk()
    page.goto("/cases/1")
    marks = boxes(page, ".standing__state .fact, .standing .owner")
    middles = [box["top"] + box["height"] / 2 for box in marks]
    assert max(middles) - min(middles) <= 0.5
