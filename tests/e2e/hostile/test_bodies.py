"""Bodies that are too large, cut, no JSON, or full of what does not fit."""

from __future__ import annotations

import pytest

from tests.e2e.hostile.scene import LOGIN, MALFORMED, MEGABYTE, User, new_user, reached
from tests.support.lariat import Client, Lariat
from tests.support.recorder import Recorder
from tests.support.wire import Wire, chunked, head, post

pytestmark = pytest.mark.cluster


def test_a_body_on_get_stays_a_body(wire: Wire, tape: str, recorder: Recorder, plain: User) -> None:
    body = b"GET /smuggled-in-a-body HTTP/1.1\r\nHost: x\r\n\r\n"
    assert wire.ask(post(f"{tape}/get-with-body", body, method="GET", token=plain.token)).status == 200
    (request,) = recorder.requests("/get-with-body")
    assert (request.method, request.body) == ("GET", body)
    assert recorder.requests("smuggled-in-a-body") == []


def test_a_proxied_body_that_says_it_is_too_large_is_refused_unread(
    wire: Wire, tape: str, recorder: Recorder, plain: User
) -> None:
    length = f"Content-Length: {10 * MEGABYTE + 1}"
    assert wire.ask(head(f"{tape}/hostile", length, method="POST", token=plain.token)).is_status(413)
    assert recorder.requests("hostile") == []


def test_a_proxied_body_that_grows_too_large_is_refused(wire: Wire, tape: str, recorder: Recorder, plain: User) -> None:
    start = head(f"{tape}/hostile", "Transfer-Encoding: chunked", method="POST", token=plain.token)
    answer = wire.ask(start + chunked(*[b" " * MEGABYTE] * 11))
    assert answer.is_status(413)
    assert recorder.requests("hostile") == []


@pytest.mark.parametrize("token", [True, False], ids=["known", "a stranger"])
def test_an_api_body_over_two_megabytes_is_refused(wire: Wire, root: str, token: bool) -> None:
    answer = wire.ask(post("/v3/clusters", b" " * (2 * MEGABYTE + 1), token=root if token else ""))
    assert (answer.status, answer.json["code"]) == (413, "RequestTooLarge")


def test_an_api_body_that_grows_over_two_megabytes_is_refused(wire: Wire, root: str) -> None:
    start = head("/v3/clusters", "Transfer-Encoding: chunked", method="POST", token=root)
    assert wire.ask(start + chunked(*[b" " * 65_536] * 33)).status == 413


def test_an_api_body_of_two_megabytes_is_read(wire: Wire, root: str) -> None:
    body = b'{"name":"Not A Name"}'.ljust(2 * MEGABYTE)
    assert wire.ask(post("/v3/clusters", body, token=root)).json["fieldName"] == "name"


def test_a_strangers_body_over_64_kilobytes_is_refused(wire: Wire) -> None:
    body = b'{"username":"admin","password":"x"}'.ljust(64 * 1024 + 1)
    answer = wire.ask(post(LOGIN, body))
    assert (answer.status, answer.json["code"]) == (413, "RequestTooLarge")


def test_a_body_that_was_cut_is_not_carried_out_by_the_api(
    wire: Wire, tape: str, recorder: Recorder, admin: Client, root: str
) -> None:
    body = b'{"name":"cut-short"}'
    wire.leave(head("/v3/clusters", f"Content-Length: {len(body) + 80}", method="POST", token=root) + body)
    assert not reached(wire, tape, recorder, root, "nothing")
    assert admin.get("/v3/clusters?name=cut-short").json()["data"] == []


def test_a_request_whose_body_never_came_does_not_reach_the_cluster(
    wire: Wire, tape: str, recorder: Recorder, plain: User
) -> None:
    wire.leave(head(f"{tape}/cut-delete", "Content-Length: 100", method="DELETE", token=plain.token))
    assert not reached(wire, tape, recorder, plain.token, "cut-delete")


def test_a_request_whose_body_was_cut_does_not_reach_the_cluster_whole(
    wire: Wire, tape: str, recorder: Recorder, plain: User
) -> None:
    wire.leave(head(f"{tape}/cut-post", "Content-Length: 100", method="POST", token=plain.token) + b'{"half')
    assert not reached(wire, tape, recorder, plain.token, "cut-post")


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_body_that_is_no_json_object_is_refused(wire: Wire, root: str, body: bytes) -> None:
    answer = wire.ask(post("/v3/clusters", body, "Content-Type: application/json", token=root))
    assert (answer.status, answer.json["code"]) == (422, "InvalidBodyContent")


@pytest.mark.parametrize(
    "name", ["no JSON", "cut", "a list", "null", "no UTF-8", "a number of 5,000 digits", "NaN in a field", "Infinity"]
)
def test_a_strangers_body_that_is_no_json_object_is_refused(wire: Wire, name: str) -> None:
    assert wire.ask(post(LOGIN, MALFORMED[name])).status == 422


def test_a_strangers_deeply_nested_json_is_refused(wire: Wire) -> None:
    assert wire.ask(post(LOGIN, b'{"username":' + b"[" * 60_000)).status == 422


VALUES = {
    "ttl NaN": b'{"ttl":NaN}',
    "ttl Infinity": b'{"ttl":Infinity}',
    "ttl -Infinity": b'{"ttl":-Infinity}',
    "ttl beyond a double": b'{"ttl":1e999}',
    "ttl of 4,000 digits": b'{"ttl":' + b"9" * 4000 + b"}",
    "ttl negative": b'{"ttl":-1}',
    "ttl a list": b'{"ttl":[]}',
    "ttl an object": b'{"ttl":{}}',
    "ttl a word": b'{"ttl":"soon"}',
    "description a list": b'{"description":[]}',
    "description an object": b'{"description":{"$ne":1}}',
    "description of 5,000 letters": b'{"description":"' + b"x" * 5000 + b'"}',
    "duplicates, the last counts": b'{"ttl":1,"ttl":-1}',
    "a lone surrogate": b'{"description":"\\ud800"}',
    "a raw lone surrogate": b'{"description":"\xed\xa0\x80"}',
}


@pytest.mark.parametrize("body", VALUES.values(), ids=VALUES.keys())
def test_a_value_that_does_not_fit_is_refused(wire: Wire, plain: User, body: bytes) -> None:
    answer = wire.ask(post("/v3/tokens", body, token=plain.token))
    assert answer.status == 422
    assert b"Traceback" not in answer.body


@pytest.mark.parametrize(
    ("field", "value"),
    [("userId", '"u-other"'), ("id", '"token-mine"'), ("name", '"token-mine"'), ("enabled", "false"), ("token", '"a:b"'),
     ("isDerived", "false"), ("__class__", '"x"'), ("parent", '"u-other"'), ("status", '{"keyHash":"x"}')],
)  # fmt: skip
def test_a_token_is_ones_own_whatever_is_asked_for(wire: Wire, plain: User, field: str, value: str) -> None:
    made = wire.ask(post("/v3/tokens", f'{{"{field}":{value}}}'.encode(), token=plain.token)).json
    assert made["userId"] == plain.id
    assert (made["isDerived"], made["token"].partition(":")[0]) == (True, made["id"])
    assert made["id"] != "token-mine"


def test_a_token_for_300_000_years_spoils_nothing(lariat: Lariat, admin: Client, wire: Wire) -> None:
    user = new_user(lariat, admin, "patient")
    wire.ask(post("/v3/tokens", b'{"ttl":9007199254740992}', token=user.token))
    assert wire.ask(head("/v3/tokens", token=user.token)).status == 200
