"""The Chalice app, called with events as API Gateway sends them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chalice import Chalice

from app import METHODS, request, wire
from chalicelib.api.http import Request
from chalicelib.main import Parts
from standalone.asgi import header_pairs
from tests.support.server import PASSWORD, Caller, Server, serving

HOST = {"Host": ["lariat.example"]}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as server:
        yield server


@pytest.fixture
def admin(server: Server) -> Caller:
    return server.user("admin", administrator=True)


@pytest.fixture
def app(server: Server) -> Chalice:
    return wire(lambda: server.parts)


def event(method: str, path: str, **changed: Any) -> dict[str, Any]:
    """What a REST API with Lambda proxy integration passes on; every path but ``/`` comes by the greedy route."""
    root = path == "/"
    return {
        "resource": "/" if root else "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": {},
        "multiValueHeaders": HOST,
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None if root else {"proxy": path[1:]},
        "stageVariables": None,
        "requestContext": {
            "httpMethod": method,
            "resourcePath": "/" if root else "/{proxy+}",
            "identity": {"sourceIp": "192.0.2.1"},
        },
        "body": None,
        "isBase64Encoded": False,
        **changed,
    }


def call(app: Chalice, method: str, path: str, **changed: Any) -> dict[str, Any]:
    answer: dict[str, Any] = app(event(method, path, **changed), None)
    return answer


def with_token(caller: Caller, **more: list[str]) -> dict[str, list[str]]:
    return {**HOST, "Authorization": [caller.authorization], **more}


@pytest.mark.parametrize(("path", "body"), [("/ping", "pong"), ("/healthz", "ok")])
def test_the_greedy_route_leads_to_the_core(app: Chalice, path: str, body: str) -> None:
    answer = call(app, "GET", path)
    assert (answer["statusCode"], answer["body"]) == (200, body)


def test_the_front_page_has_a_route_of_its_own(app: Chalice) -> None:
    answer = call(app, "GET", "/")
    assert json.loads(answer["body"])["data"][0]["links"]["self"] == "https://lariat.example/v3"


def test_every_other_path_is_the_cores_own_to_refuse(app: Chalice) -> None:
    answer = call(app, "GET", "/no/such/path")
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["code"] == "NotFound"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["/", "/v3/clusters"])
def test_every_method_arrives(app: Chalice, method: str, path: str) -> None:
    wanted = 401 if path != "/" else 200 if method == "GET" else 405
    assert call(app, method, path)["statusCode"] == wanted


def test_a_body_arrives_without_a_content_type(app: Chalice, admin: Caller) -> None:
    answer = call(app, "POST", "/v3/clusters", multiValueHeaders=with_token(admin), body='{"name": "one"}')
    assert answer["statusCode"] == 201
    assert json.loads(answer["body"])["name"] == "one"


@pytest.mark.parametrize("type", ["application/json", "text/plain", "application/x-www-form-urlencoded", "image/png"])
def test_a_body_arrives_with_any_content_type(app: Chalice, admin: Caller, type: str) -> None:
    headers = with_token(admin, **{"Content-Type": [type]})
    answer = call(app, "POST", "/v3/clusters", multiValueHeaders=headers, body='{"name": "one"}')
    assert answer["statusCode"] == 201


def test_a_body_arrives_in_base64(app: Chalice, admin: Caller) -> None:
    body = base64.b64encode(json.dumps({"name": "one", "description": "é"}, ensure_ascii=False).encode()).decode()
    answer = call(app, "POST", "/v3/clusters", multiValueHeaders=with_token(admin), body=body, isBase64Encoded=True)
    assert json.loads(answer["body"])["description"] == "é"


def test_text_beyond_ascii_survives_both_ways(app: Chalice, admin: Caller) -> None:
    body = json.dumps({"name": "one", "description": "é ☃ 𝄞"}, ensure_ascii=False)
    answer = call(app, "POST", "/v3/clusters", multiValueHeaders=with_token(admin), body=body)
    assert json.loads(answer["body"])["description"] == "é ☃ 𝄞"


def test_an_answer_carries_the_cores_headers(app: Chalice, admin: Caller) -> None:
    headers = call(app, "GET", "/v3", multiValueHeaders=with_token(admin))["headers"]
    assert headers["content-type"] == "application/json"
    assert headers["x-api-schemas"] == "https://lariat.example/v3/schemas"


def test_an_empty_answer_is_empty(app: Chalice, admin: Caller) -> None:
    cluster = admin.make("/v3/clusters", {"name": "one"})["id"]
    answer = call(app, "DELETE", f"/v3/clusters/{cluster}", multiValueHeaders=with_token(admin))
    assert (answer["statusCode"], answer["body"]) == (204, "")


def test_a_doubled_authorization_proves_nothing(app: Chalice, admin: Caller) -> None:
    once = with_token(admin)
    assert call(app, "GET", "/v3", multiValueHeaders=once)["statusCode"] == 200
    twice = {**once, "Authorization": [admin.authorization, admin.authorization]}
    assert call(app, "GET", "/v3", multiValueHeaders=twice)["statusCode"] == 401


def test_headers_that_differ_in_case_are_doubled_too(app: Chalice, admin: Caller) -> None:
    headers = {**with_token(admin), "authorization": ["Bearer x:y"]}
    assert call(app, "GET", "/v3", multiValueHeaders=headers)["statusCode"] == 401


def test_a_doubled_parameter_is_several(app: Chalice, admin: Caller) -> None:
    for name in ("one", "two", "three"):
        admin.make("/v3/clusters", {"name": name})
    query = {"name_in": ["one", "three"], "sort": ["name"]}
    answer = call(
        app,
        "GET",
        "/v3/clusters",
        multiValueHeaders=with_token(admin),
        multiValueQueryStringParameters=query,
    )
    assert [cluster["name"] for cluster in json.loads(answer["body"])["data"]] == ["one", "three"]


def test_a_login_goes_through(app: Chalice, server: Server) -> None:
    server.user("plain")
    answer = call(
        app,
        "POST",
        "/v3-public/localProviders/local",
        multiValueQueryStringParameters={"action": ["login"]},
        body=json.dumps({"username": "plain", "password": PASSWORD}),
    )
    assert answer["statusCode"] == 201


class Seen:
    """An event as Chalice hands it over, seen by ``request``."""

    def __init__(self, original: dict[str, Any]) -> None:
        self.method = original["httpMethod"]
        self.raw_body = b"\x00\xff"
        self._original = original

    def to_original_event(self) -> dict[str, Any]:
        return self._original


def test_an_event_becomes_a_request() -> None:
    headers = {"Host": ["lariat.example"], "X-Two": ["1", "2"]}
    query = {"a": ["1", "2"], "b": [""]}
    original = event("PUT", "/v3/a%2Fb", multiValueHeaders=headers, multiValueQueryStringParameters=query)
    assert request(Seen(original)) == Request(
        method="PUT",
        path="/v3/a%2Fb",
        query=(("a", "1"), ("a", "2"), ("b", "")),
        headers=(("host", "lariat.example"), ("x-two", "1"), ("x-two", "2")),
        body=b"\x00\xff",
        base="https://lariat.example",
        client="192.0.2.1",
    )


def test_an_event_may_have_no_headers() -> None:
    assert request(Seen(event("GET", "/", multiValueHeaders=None))).base == "https://localhost"


def test_the_parts_are_asked_for_at_the_first_request(server: Server) -> None:
    asked = []

    def parts() -> Parts:
        asked.append(server.parts)
        return server.parts

    app = wire(parts)
    assert asked == []
    call(app, "GET", "/ping")
    assert asked == [server.parts]


def test_a_header_that_comes_twice_stays_twice(app: Chalice, server: Server, admin: Caller) -> None:
    """Logging out ends two cookies."""
    answer = call(
        app,
        "POST",
        "/v3/tokens",
        multiValueHeaders=with_token(admin),
        multiValueQueryStringParameters={"action": ["logout"]},
    )
    assert answer["statusCode"] == 200
    assert [each.partition("=")[0] for each in answer["multiValueHeaders"]["set-cookie"]] == ["R_SESS", "CSRF"]
    assert [value for name, value in header_pairs(answer) if name == "set-cookie"] == answer["multiValueHeaders"][
        "set-cookie"
    ]
