"""What anybody may send without logging in: no body, path, query or header makes the server stumble.

CVE-2025-23388, CVE-2024-58259: unauthenticated crashes by oversized and odd input on ``/v3-public``.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.api.http import LARGEST_PUBLIC_BODY, Request, base_url
from tests.support.server import BASE, LOGIN, Server

ROUTES = (
    "/",
    "/ping",
    "/healthz",
    "/v3",
    "/v3/users",
    "/v3/settings/cacerts",
    "/v3/import/x.yaml",
    "/v3/connect",
    "/v3/connect/register",
    "/v3/connect/config",
    "/v3-public",
    "/v3-public/schemas",
    "/v3-public/openapi",
    "/v3-public/authProviders",
    "/v3-public/localProviders/local",
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
HEADERS = ("authorization", "cookie", "user-agent", "x-api-csrf", "x-api-tunnel-token", "host", "x-forwarded-host")

BODIES = {
    "half a letter, as bytes": b'{"username":"a\xed\xa0\x80","password":"b"}',
    "half a letter in the password, as bytes": b'{"username":"a","password":"b\xed\xa0\x80"}',
    "half a letter, escaped": rb'{"username":"a\ud800","password":"\udfff"}',
    "UTF-16 with half a letter": '{"username":"a\\ud800","password":"b"}'.encode("utf-16"),
    "UTF-16 without a mark": '{"username":"a\\ud800","password":"b"}'.encode("utf-16-le"),
    "UTF-32": '{"username":"a","password":"b"}'.encode("utf-32"),
    "as deep as goes": b'{"username":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "as deep as the parser goes": b'{"username":' + b"[" * 950 + b"]" * 950 + b"}",
    "a number beyond all": b'{"username":1e999,"password":"b"}',
    "a number of many digits": b'{"username":"a","password":' + b"9" * 5000 + b"}",
    "zeros": b'{"username":"\\u0000","password":"\\u0000"}',
    "many fields": json.dumps({f"f{number}": 1 for number in range(5000)}).encode(),
    "a field many times": b'{"username":"a",' + b'"password":"b",' * 3000 + b'"password":""}',
    "more than a stranger may send": b" " * (LARGEST_PUBLIC_BODY + 1),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_no_body_of_a_stranger_is_a_failure_of_the_server(server: Server, body: bytes) -> None:
    reply = server.nobody.post(LOGIN, body)
    assert reply.status in (401, 413, 422)
    assert server.nobody.post("/v3/connect/register", body, headers=[("x-api-tunnel-token", "x")]).status == 401
    assert server.nobody.post("/v3/users", body).status == 401


text = st.text(st.characters(codec="latin-1"), max_size=60)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nothing_that_a_stranger_sends_is_a_failure_of_the_server(server: Server, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(ROUTES)) + data.draw(st.one_of(st.just(""), text.map(lambda each: f"/{each}")))
    names = st.sampled_from(("action", "_method", "CSRF", "limit", "marker", "sort", "_replace"))
    query = data.draw(
        st.lists(st.tuples(names, st.one_of(text, st.sampled_from(("login", "remove", "PUT")))), max_size=3)
    )
    headers = data.draw(
        st.lists(st.tuples(st.sampled_from(HEADERS), st.one_of(text, st.just("Mozilla/5.0"))), max_size=4)
    )
    body = data.draw(st.one_of(st.binary(max_size=60), st.sampled_from(list(BODIES.values()))))
    method = data.draw(st.sampled_from(METHODS))
    request = Request(method, path, tuple(query), tuple(headers), body, base_url(tuple(headers)))
    answer = server.parts.api.handle(request)
    assert answer.status < 500
    for name, value in answer.headers:
        assert len(value) < 2048, name
        assert value.isascii(), name
        assert value.isprintable(), name


HOSTS = (
    "evil.example/\r\nset-cookie: R_SESS=x",
    'evil.example"><script>',
    "evil.example evil.example",
    "user@evil.example",
    "evil.example/path?",
    "evil.example#",
    "$(curl evil.example)",
    "`id`",
    "\x00",
    "",
)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("header", ["host", "x-forwarded-host", "x-api-host"])
def test_a_host_that_is_none_gets_into_no_link_no_command_and_no_manifest(header: str, host: str) -> None:
    """It would stand in what people paste into a shell, and in YAML."""
    assert base_url(((header, host),)) == "https://localhost"


def test_a_long_path_is_not_repeated_in_a_header(server: Server) -> None:
    for part in ("a" * 60_000, "\xff" * 900, "%0d%0aset-cookie:%20R_SESS=x"):
        headers = dict(server.nobody.get(f"/v3/clusters/{part}").headers)
        assert "set-cookie" not in headers
        assert len(headers["x-api-schemas"]) < 200 + len(BASE)
