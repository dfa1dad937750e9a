import gzip
import resource
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import accounts
from cxloop.cases import Case
from cxloop.clock import now
from cxloop.customers.models import Customer
from cxloop.db import db, transaction
from cxloop.intake.models import Feedback, Source, SourceKind
from tests.api.caller import PATH, Caller, an_item, problem
from tests.factories import a_source, a_token, an_admin, an_agent, here

Given = Callable[..., Any]


@pytest.fixture
def caller(app: Flask, given: Given) -> Caller:
    return Caller(app, given(a_token)[1])


def heard(app: Flask) -> list[Feedback]:
    with app.app_context():
        found = sa.select(Feedback).options(sa.orm.joinedload(Feedback.customer), sa.orm.joinedload(Feedback.source))
        return list(db.session.scalars(found.order_by(Feedback.id)))


def faults(answer: Any) -> dict[str, str]:
    """What is wrong, by place."""
    assert answer.status_code == 422, answer.text
    return {fault["pointer"]: fault["detail"] for fault in problem(answer)["errors"]}


def test_one_piece_of_feedback_is_kept_with_all_that_was_said_about_it(app: Flask, caller: Caller) -> None:
    said = an_item(
        external_id="r-1", question="How was it?", score=2, scale="1-5", occurred_at="2026-03-02T10:00:00+01:00",
        customer={"name": "Mina Okafor", "email": "Mina@Example.test", "ref": "@mina"},
    )  # fmt: skip
    answer = caller.send(said)
    assert answer.status_code == 201
    [feedback] = heard(app)
    assert answer.get_json() == {"items": [{"id": feedback.id, "external_id": "r-1", "duplicate": False}]}
    assert (feedback.text, feedback.score, feedback.scale) == ("The parcel came late.", 2, "1-5")
    assert feedback.question == "How was it?"
    assert feedback.occurred_at.isoformat() == "2026-03-02T09:00:00+00:00"
    assert (feedback.customer.name, feedback.customer.email) == ("Mina Okafor", "mina@example.test")
    assert (feedback.source.name, feedback.source.kind) == ("Shop", SourceKind.REVIEW)
    assert feedback.due_at


def test_a_batch_is_answered_in_its_order_and_says_what_was_known(app: Flask, caller: Caller) -> None:
    caller.send(an_item(external_id="known"))
    other = {"source": {"name": "Market", "kind": "social"}}
    answer = caller.send(
        {
            "items": [
                an_item(external_id="new"),
                an_item(external_id="known"),
                an_item(external_id="new"),
                an_item(external_id="new", **other),
                an_item(),
            ]
        }
    )
    items = answer.get_json()["items"]
    assert [item["duplicate"] for item in items] == [False, True, True, False, False]
    assert items[0]["id"] == items[2]["id"] != items[3]["id"]
    assert [item["external_id"] for item in items[:4]] == ["new", "known", "new", "new"]
    assert items[4]["external_id"].startswith("api:")
    assert len(heard(app)) == 4


def test_without_an_id_each_is_new(app: Flask, caller: Caller) -> None:
    for _ in range(2):
        assert caller.send(an_item()).get_json()["items"][0]["duplicate"] is False
    assert len(heard(app)) == 2


def test_a_bare_score_is_feedback_too(app: Flask, caller: Caller) -> None:
    assert caller.send(an_item(text=None, score=9, scale="0-10")).status_code == 201
    assert heard(app)[0].score == 9


@pytest.mark.parametrize(
    ("fields", "place", "said"),
    [
        ({"role": "admin"}, "#/role", "Extra inputs are not permitted"),
        ({"team_id": 1}, "#/team_id", "Extra inputs are not permitted"),
        ({"id": 7}, "#/id", "Extra inputs are not permitted"),
        ({"received_at": "2020-01-01T00:00:00Z"}, "#/received_at", "Extra inputs are not permitted"),
        ({"customer": {"id": 7}}, "#/customer/id", "Extra inputs are not permitted"),
        ({"customer": {"verified": True}}, "#/customer/verified", "Extra inputs are not permitted"),
        ({"source": {"name": "S", "kind": "review", "team": "X"}}, "#/source/team", "Extra inputs are not permitted"),
        ({"source": {"name": "S", "kind": "fax"}}, "#/source/kind", "Input should be"),
        ({"source": {"name": " ", "kind": "review"}}, "#/source/name", "at least 1 character"),
        ({"source": {"name": "a\nb", "kind": "review"}}, "#/source/name", "one line"),
        ({"source": None}, "#/source", "Input should be"),
        ({"text": "x" * 20_001}, "#/text", "at most 20000"),
        ({"text": "a\u0000b"}, "#/text", "NUL"),
        ({"text": 5}, "#/text", "valid string"),
        ({"text": None}, "#", "needs a text or a score"),
        ({"text": "   "}, "#", "needs a text or a score"),
        ({"score": 11, "scale": "0-10"}, "#", "needs a scale that it is on"),
        ({"score": -1, "scale": "0-10"}, "#", "needs a scale that it is on"),
        ({"score": 5}, "#", "needs a scale that it is on"),
        ({"score": "5", "scale": "0-10"}, "#/score", "valid number"),
        ({"score": True, "scale": "0-10"}, "#/score", "valid number"),
        ({"score": 5, "scale": "ten"}, "#/scale", "match pattern"),
        ({"score": 5, "scale": "5-5"}, "#/scale", "worst-best"),
        ({"score": 5, "scale": "05-5"}, "#/scale", "two different ends"),
        ({"occurred_at": "2026-03-02T10:00:00"}, "#/occurred_at", "timezone"),
        ({"occurred_at": "2999-01-01T00:00:00Z"}, "#/occurred_at", "is in the future"),
        ({"occurred_at": "9999-12-31T23:59:59-23:59"}, "#/occurred_at", "is in the future"),
        ({"occurred_at": "0001-01-01T00:00:00+23:59"}, "#/occurred_at", "is before 1970"),
        ({"occurred_at": 1700000000}, "#/occurred_at", "valid datetime"),
        ({"customer": {"email": "not one"}}, "#/customer/email", "is not an e-mail address"),
        ({"customer": {"email": "a@b.test\r\nBcc: c@d.test"}}, "#/customer/email", "is not an e-mail address"),
        ({"customer": {"name": "a\u2028b"}}, "#/customer/name", "one line"),
        ({"external_id": ""}, "#/external_id", "at least 1"),
        ({"external_id": "x" * 201}, "#/external_id", "at most 200"),
    ],
)
def test_what_does_not_fit_is_named_at_its_place_and_nothing_is_stored(
    app: Flask, caller: Caller, fields: dict[str, Any], place: str, said: str
) -> None:
    """IDOR-07, SURV-02, SURV-03, INJ-05."""
    assert said in faults(caller.send(an_item(**fields)))[place]
    assert heard(app) == []


def test_the_place_of_a_fault_in_a_batch_names_the_item(app: Flask, caller: Caller) -> None:
    found = faults(caller.send({"items": [an_item(), an_item(score=99, scale="1-5"), an_item(**{"a/b~c": 1})]}))
    assert set(found) == {"#/items/1", "#/items/2/a~1b~0c"}
    assert heard(app) == []


@pytest.mark.parametrize("size", [0, 501])
def test_a_batch_has_one_to_five_hundred_items(app: Flask, caller: Caller, size: int) -> None:
    assert list(faults(caller.send({"items": [an_item()] * size}))) == ["#/items"]
    assert heard(app) == []


def test_five_hundred_at_once_are_taken(app: Flask, caller: Caller) -> None:
    answer = caller.send({"items": [an_item(text="Late.", external_id=str(n)) for n in range(500)]})
    assert answer.status_code == 201
    assert len({item["id"] for item in answer.get_json()["items"]}) == 500


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"nonsense", b"\xff\xfe", b"[" * 100_000, b'{"text":' * 100_000, b'{"text": "\\ud800"}',
        b'{"score": ' + b"1" * 100_000 + b"}", b'{"a": 1' + b" " * 1_000_000,
    ],
)  # fmt: skip
def test_what_is_not_json_is_a_bad_request_and_costs_little(app: Flask, caller: Caller, body: bytes) -> None:
    """INJ-12, API-01."""
    began = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = caller.send(body)
    assert answer.status_code == 400
    problem(answer)
    assert time.monotonic() - began < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024
    assert heard(app) == []


def test_the_last_of_two_equal_keys_counts_for_all_checks(app: Flask, caller: Caller) -> None:
    """INJ-12."""
    body = b'{"source": {"name": "S", "kind": "review"}, "text": "", "text": "Late."}'
    assert caller.send(body).status_code == 201
    assert heard(app)[0].text == "Late."


@pytest.mark.parametrize("body", [b"null", b"5", b'"text"', b"[]", b'[{"text": "a"}]'])
def test_json_of_another_shape_is_told_so(caller: Caller, body: bytes) -> None:
    assert "#" in faults(caller.send(body))


def test_a_body_beyond_two_megabytes_is_refused(caller: Caller) -> None:
    """INJ-12."""
    began = time.monotonic()
    problem(answer := caller.send(b'{"text": "' + b"x" * 50_000_000 + b'"}'))
    assert answer.status_code == 413
    assert time.monotonic() - began < 2


def test_only_plain_json_is_read(app: Flask, caller: Caller) -> None:
    """INJ-12: a compressed body could be a bomb."""
    bomb = caller.send(gzip.compress(b" " * 1_000_000), Content_Encoding="gzip")
    assert bomb.status_code == 415
    for mimetype in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json"):
        answer = caller.client.post(PATH, data=b"{}", content_type=mimetype, headers=caller.headers)
        assert answer.status_code == 415, mimetype
        problem(answer)
    assert heard(app) == []


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_not_allowed(caller: Caller, method: str) -> None:
    """API-07."""
    answer = caller.client.open(PATH, method=method, headers=caller.headers | {"X-HTTP-Method-Override": "POST"})
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    problem(answer)


@pytest.mark.parametrize("path", ["/api/v1/", "/api/v1/users", "/api/v2/feedback", "/api/", "/api/v1/feedback/1"])
def test_what_is_not_there_is_a_problem_too(caller: Caller, path: str) -> None:
    """IDOR-08: and there is no collection of users."""
    answer = caller.client.get(path, headers=caller.headers)
    assert answer.status_code == 404
    assert "/api/v1/openapi.json" in problem(answer)["detail"]


@pytest.mark.parametrize("origin", ["https://evil.test", "null", "http://localhost.evil.test", "http://localhost"])
def test_no_other_site_is_allowed_to_read_an_answer(caller: Caller, origin: str) -> None:
    """API-05."""
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    for answer in (caller.client.options(PATH, headers=asked), caller.send(an_item(), Origin=origin)):
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]


def test_an_answer_sets_no_cookie_and_is_kept_by_nobody(caller: Caller) -> None:
    answer = caller.send(an_item())
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_source_of_another_kind_is_a_conflict(app: Flask, caller: Caller, given: Given) -> None:
    given(a_source, "Shop", SourceKind.EMAIL)
    answer = caller.send(an_item())
    assert answer.status_code == 409
    assert problem(answer)["detail"] == "The source 'Shop' is of kind email, not review."


def test_the_token_of_somebody_reaches_only_the_sources_of_their_team(app: Flask, given: Given) -> None:
    """IDOR-02."""
    agent, admin = given(an_agent), given(an_admin)
    given(a_source, "Billing mail", SourceKind.EMAIL, team="Billing")
    with app.app_context(), transaction():
        texts = [
            accounts.add_token("t", scopes=["feedback:write"], user=here(user), by="test", at=now())[1]
            for user in (agent, admin)
        ]
    foreign = an_item(source={"name": "Billing mail", "kind": "email"})
    refused = Caller(app, texts[0]).send({"items": [an_item(), foreign]})
    assert refused.status_code == 404
    assert heard(app) == []
    assert Caller(app, texts[1]).send(foreign).status_code == 201
    assert Caller(app, texts[0]).send(an_item()).status_code == 201
    with app.app_context():
        made = db.session.scalars(sa.select(Source).where(Source.name == "Shop")).one()
        assert made.team_id == agent.team_id


def test_a_customer_without_an_address_is_never_taken_for_another(app: Flask, caller: Caller) -> None:
    for _ in range(2):
        caller.send(an_item(customer={"name": "Mina"}))
    caller.send(an_item(customer={"ref": "@mina"}))
    caller.send(an_item(customer={"ref": "@mina"}))
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Customer)) == 3


def test_what_was_said_long_ago_is_dated_by_then(app: Flask, caller: Caller) -> None:
    said = now() - timedelta(days=30)
    caller.send(an_item(occurred_at=said.isoformat()))
    [feedback] = heard(app)
    assert feedback.occurred_at == said
    assert feedback.received_at > said
    assert not feedback.tell
    with app.app_context():
        assert db.session.scalars(sa.select(Case)).all() == []
