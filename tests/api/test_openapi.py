from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from tests.api.caller import PATH, Caller, an_item
from tests.factories import a_token


def test_the_document_describes_every_route_of_the_api_and_forbids_unknown_fields(
    app: Flask, client: FlaskClient
) -> None:
    document = client.get("/api/v1/openapi.json").get_json()
    routes = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/")}
    assert routes == set(document["paths"]) | {"/api/v1/openapi.json"}
    schemas = document["components"]["schemas"]
    for name in ("FeedbackIn", "FeedbackBatch", "SourceIn", "CustomerIn"):
        assert schemas[name]["additionalProperties"] is False


def test_every_status_that_is_answered_is_described(app: Flask, client: FlaskClient, given: Callable[..., Any]) -> None:
    """API-01."""
    described = set(client.get("/api/v1/openapi.json").get_json()["paths"][PATH]["post"]["responses"])
    caller = Caller(app, given(a_token)[1])
    answers = [
        caller.send(an_item(), key="k"), caller.send(an_item(text="x"), key="k"), caller.send(b"{"), caller.send({}),
        client.post(PATH), caller.send(b"x" * 3_000_000), Caller(app, given(a_token, ())[1]).send({}),
        caller.client.post(PATH, data="x", headers=caller.headers),
    ]  # fmt: skip
    answered = {str(answer.status_code) for answer in answers}
    assert answered == {"201", "409", "400", "422", "401", "413", "403", "415"}
    assert answered <= described
