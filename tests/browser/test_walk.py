"""The whole walk through real parts: `cxloop up`, Chromium, the shipped tagger, a mail server."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from subprocess import Popen, TimeoutExpired

import pytest
from click.testing import Result
from playwright.sync_api import Browser, Page, expect

from tests.cli.test_up import STARTS_WITHIN, Running, ready, until
from tests.smtp import Delivery, MailServer

PATIENCE = 30_000
"""Milliseconds: machines that run tests are busy."""

pytestmark = [pytest.mark.slow, pytest.mark.model]


@pytest.fixture
def running(spawn: Callable[..., "Popen[str]"], smtp: MailServer) -> Iterator[Running]:
    started = Running(spawn("up", "--port", "0", SMTP_URL=smtp.url))
    yield started
    with suppress(TimeoutExpired):
        started.end()


@pytest.fixture
def person(browser: Browser) -> Iterator[Callable[[], Page]]:
    """`person()`: somebody with a browser of their own."""
    contexts = []

    def come() -> Page:
        contexts.append(browser.new_context())
        contexts[-1].set_default_timeout(PATIENCE)
        return contexts[-1].new_page()

    yield come
    for context in contexts:
        context.close()


def test_a_customer_is_heard_answered_told_and_has_the_last_word(
    running: Running, cxloop: Callable[..., Result], person: Callable[[], Page], smtp: MailServer
) -> None:
    address = ready(running)
    survey = only_link(cxloop("survey", "add", "After your order", "--kind", "csat", BASE_URL=address))
    way_in = only_link(cxloop("user", "add", "ana@example.test", "--name", "Ana Lindqvist", "--role", "agent"))

    customer = person()
    customer.goto(survey)
    customer.get_by_role("radio", name="1", exact=True).check()
    customer.get_by_label("What is the main reason?").fill("My parcel came eight days late and nobody told me.")
    customer.get_by_label("Your name").fill("Mina Okoye")
    customer.get_by_label("Your e-mail address").fill("mina@example.test")
    customer.get_by_role("button", name="Send").click()
    expect(customer.get_by_role("heading", name="Thank you")).to_be_visible(timeout=PATIENCE)
    assert "eight days late" in arrived(smtp, 1).message.get_content()

    agent = person()
    agent.goto(way_in)
    agent.get_by_role("button", name="Sign in as Ana Lindqvist").click()
    agent.goto(f"{address}/queue")
    agent.get_by_role("link", name="Mina Okoye").click()
    agent.get_by_label("Reply to Mina Okoye").fill("It stood in the wrong depot; I have it brought to you today.")
    agent.get_by_role("button", name="Send the reply").click()
    assert "wrong depot" in arrived(smtp, 2).message.get_content()
    agent.locator("summary", has_text="Resolve").click()
    agent.get_by_label("What caused it").select_option("delivery_delay")
    agent.get_by_label("The decision, as the customer will read it").fill(
        "It was handed to you at 14:00, fees refunded."
    )
    agent.get_by_role("button", name="Resolve and ask the customer").click()

    resolution = arrived(smtp, 3)
    customer.goto(re.findall(r"http\S+/your-case/\S+", resolution.message.get_content())[0])
    customer.get_by_role("button", name="Yes, it’s fixed").or_(
        customer.get_by_role("button", name="Yes, it's fixed")
    ).click()
    expect(customer.get_by_role("button", name="No, not yet")).to_have_count(0, timeout=PATIENCE)
    agent.reload()
    expect(agent.get_by_text("closed · confirmed")).to_be_visible(timeout=PATIENCE)
    assert [delivery.to for delivery in smtp.received] == [["mina@example.test"]] * 3
    assert len({delivery.message_id for delivery in smtp.received}) == 3


def only_link(done: Result) -> str:
    assert done.exit_code == 0, done.output
    return re.findall(r"http\S+", done.stdout)[0]


def arrived(smtp: MailServer, count: int) -> Delivery:
    """The latest message, once that many have come."""
    until(
        lambda: len(smtp.received) >= count,
        within=STARTS_WITHIN,
        otherwise=lambda: f"{[str(delivery.message['Subject']) for delivery in smtp.received]} came",
    )
    return smtp.received[count - 1]
