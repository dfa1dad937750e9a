import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import notices
from cxloop.clock import now
from cxloop.db import db, transaction
from cxloop.notices import Notice, NoticeKind, NoticeState
from tests.factories import a_case, an_agent
from tests.web.desk import Desk, read

Given = Callable[..., Any]


def held(app: Flask) -> None:
    with app.app_context(), transaction():
        notices.hold(at=now(), limit=100)


def one(app: Flask, kind: NoticeKind) -> Notice:
    with app.app_context():
        return db.session.scalars(sa.select(Notice).where(Notice.kind == kind)).one()


def test_without_a_mail_server_the_outbox_says_so_and_shows_what_would_be_sent(app: Flask, given: Given) -> None:
    given(a_case, "open", text="My parcel is lost.", customer_name="Mina", at=now())
    held(app)
    desk = Desk(app, given(an_agent))
    page = desk.page("/outbox")
    assert "No mail server is set" in page
    assert "held in the outbox" in page
    letter = desk.page(f"/outbox/{one(app, NoticeKind.ACKNOWLEDGEMENT).id}")
    assert "My parcel is lost." in letter
    assert "Mina" in letter
    assert "Send it now" not in letter


def test_the_customer_s_link_in_a_letter_can_be_followed_and_nothing_the_customer_wrote_can(
    app: Flask, given: Given
) -> None:
    given(a_case, text="See http://evil.test/ <script>x</script>", at=now())
    held(app)
    id = one(app, NoticeKind.ACKNOWLEDGEMENT).id
    page = Desk(app, given(an_agent)).get(f"/outbox/{id}").text
    assert re.search(r'<a href="http://127\.0\.0\.1:8000/your-case/[^"]+">', page)
    assert 'href="http://evil.test' not in page
    assert "<script>x" not in page


def test_the_customer_s_link_is_shown_only_while_this_page_is_the_only_way_to_send_it(
    make_app: Callable[..., Flask], app: Flask, given: Given
) -> None:
    agent = given(an_agent)
    case = given(a_case, at=now())
    notice = one(app, NoticeKind.ACKNOWLEDGEMENT)
    links = app.extensions["cxloop.links"]
    token = links.case_page(case.id, case.customer_id).rpartition("/")[2].partition(".")[0]
    mailing = make_app(SMTP_URL="smtp://127.0.0.1:2525?from=care@example.test")

    def page(of: Flask) -> str:
        return Desk(of, agent).get(f"/outbox/{notice.id}").text

    assert token not in page(app), "it is not held yet"
    held(app)
    assert token in page(app)
    assert "private window" in page(app)
    assert token not in page(mailing)
    with app.app_context(), transaction():
        found = db.session.get_one(Notice, notice.id)
        body = f"Hello\n{links.case_page(case.id, case.customer_id)}\n"
        notices.sent(found, subject="We have read it", body=body, by="worker", at=now())
    for of in (app, mailing):
        assert token not in page(of)
        assert "/your-case/•••" in page(of)


def test_the_list_can_be_narrowed_to_a_state_and_paged(app: Flask, given: Given) -> None:
    given(a_case, email=None, at=now())
    for _ in range(51):
        given(a_case, at=now())
    held(app)
    desk = Desk(app, given(an_agent))
    suppressed = desk.page("/outbox?state=suppressed")
    assert suppressed.count("Acknowledgement") == 1
    assert "not sent: no address" in suppressed
    first = desk.get("/outbox?state=held").text
    link = re.search(r'href="([^"]+)" rel="next"', first)
    assert link
    second = desk.get(link[1].replace("&amp;", "&")).text
    rows = [re.findall(r'id="notice-(\d+)"', page) for page in (first, second)]
    assert [len(each) for each in rows] == [50, 1]
    assert not set(rows[0]) & set(rows[1])


def test_another_team_s_messages_are_not_found(app: Flask, given: Given) -> None:
    given(a_case, team="Stores", at=now())
    id = one(app, NoticeKind.ACKNOWLEDGEMENT).id
    desk = Desk(app, given(an_agent))
    assert "No messages" in desk.page("/outbox")
    assert desk.get(f"/outbox/{id}").status_code == 404
    assert desk.post(f"/outbox/{id}/sending").status_code == 404


def test_a_held_message_is_sent_on_request_once(make_app: Callable[..., Flask], app: Flask, given: Given) -> None:
    agent = given(an_agent)
    given(a_case, owner=agent, at=now())
    held(app)
    id = one(app, NoticeKind.ACKNOWLEDGEMENT).id
    desk = Desk(make_app(SMTP_URL="smtp://127.0.0.1:2525?from=care@example.test"), agent)
    assert "Send it now" in desk.page(f"/outbox/{id}")
    assert desk.post(f"/outbox/{id}/sending").location == f"/outbox/{id}"
    assert one(app, NoticeKind.ACKNOWLEDGEMENT).state == NoticeState.DUE
    again = desk.post(f"/outbox/{id}/sending")
    assert again.status_code == 409
    assert "Send it now" not in read(desk.get(f"/outbox/{id}"))


@pytest.mark.parametrize("query", ["state=nonsense", "after=x", "after=-1", "after=99999999999999999999"])
def test_an_address_that_means_nothing_shows_the_list(app: Flask, given: Given, query: str) -> None:
    assert Desk(app, given(an_agent)).get(f"/outbox?{query}").status_code == 200
