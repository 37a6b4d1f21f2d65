"""Requests as values, and the address that answers repeat."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.api.http import DEEPEST, Request, answer, base_url, text
from chalicelib.errors import Malformed, TooLarge


def request(**given: Any) -> Request:
    usual: dict[str, Any] = {"method": "GET", "path": "/", "query": (), "headers": (), "body": b"", "base": "https://x"}
    return Request(**{**usual, **given})


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({"host": "lariat.example"}, "lariat.example"),
        ({"host": "lariat.example:8443"}, "lariat.example:8443"),
        ({"host": "127.0.0.1:8443"}, "127.0.0.1:8443"),
        ({"host": "[::1]:8443"}, "[::1]:8443"),
        ({"host": "inner", "x-forwarded-host": "outer.example"}, "outer.example"),
        ({"host": "inner", "x-forwarded-host": "first.example, second.example"}, "first.example"),
        ({"host": "inner", "x-forwarded-host": ""}, "inner"),
        ({"host": "inner", "x-forwarded-host": "outer", "x-api-host": "api.example"}, "api.example"),
        ({"host": "inner", "x-forwarded-proto": "http"}, "inner"),
        ({}, "localhost"),
        ({"host": ""}, "localhost"),
        ({"host": "a b"}, "localhost"),
        ({"host": "evil.example/path"}, "localhost"),
        ({"host": "evil.example?x"}, "localhost"),
        ({"host": "evil.example#x"}, "localhost"),
        ({"host": "user@evil.example"}, "localhost"),
        ({"host": "user:password@evil.example"}, "localhost"),
        ({"host": "evil.example\n"}, "localhost"),
        ({"host": "evil.example\r\nx: y"}, "localhost"),
        ({"host": "$(reboot)"}, "localhost"),
        ({"host": "evil;reboot"}, "localhost"),
        ({"host": "`reboot`"}, "localhost"),
        ({"host": "<script>"}, "localhost"),
        ({"host": "évil.example"}, "localhost"),
        ({"host": "a" * 254}, "localhost"),
        ({"host": "lariat.example:port"}, "localhost"),
        ({"host": "lariat.example", "x-forwarded-host": "evil.example/x"}, "localhost"),
    ],
)
def test_the_base_is_the_host_that_the_caller_used(headers: dict[str, str], base: str) -> None:
    assert base_url(tuple(headers.items())) == f"https://{base}"


def test_of_a_doubled_header_the_first_counts() -> None:
    assert base_url((("host", "first"), ("host", "second"))) == "https://first"


@pytest.mark.parametrize(
    ("path", "segments"),
    [
        ("", ()),
        ("/", ()),
        ("//", ()),
        ("/v3//clusters/", ("v3", "clusters")),
        ("/v3/a%2Fb/c", ("v3", "a/b", "c")),
        ("/v3/local%3A%2F%2Fu-x", ("v3", "local://u-x")),
        ("/v3/%ff", ("v3", "\ufffd")),
        ("/v3/%zz", ("v3", "%zz")),
        ("/v3/a+b", ("v3", "a+b")),
        ("/v3/..", ("v3", "..")),
    ],
)
def test_a_path_is_split_before_it_is_unescaped(path: str, segments: tuple[str, ...]) -> None:
    assert request(path=path).segments == segments


def test_of_a_doubled_parameter_the_first_counts() -> None:
    asked = request(query=(("a", "1"), ("b", "2"), ("a", "3")))
    assert (asked.option("a"), asked.option("b"), asked.option("c")) == ("1", "2", "")


def test_all_values_of_a_header() -> None:
    asked = request(headers=(("a", "1"), ("b", "2"), ("a", "3")))
    assert (asked.values("a"), asked.values("c")) == (("1", "3"), ())


@pytest.mark.parametrize(
    ("body", "document"),
    [(b"", {}), (b"  \r\n", {}), (b"{}", {}), (b' {"a": [1, null]} ', {"a": [1, None]}), (b'{"a":1,"a":2}', {"a": 2})],
)
def test_a_body_is_an_object(body: bytes, document: dict[str, Any]) -> None:
    assert request(body=body).document() == document


@pytest.mark.parametrize(
    "body",
    [
        *(b"[]", b"1", b"null", b'"x"', b"{", b"{} {}", b"\xff", b"[" * 100_000),
        b'{"a":"\xed\xa0\x80"}',
        rb'{"a":"\ud800"}',
        '{"a":"\\ud800"}'.encode("utf-16"),
        '{"a":1}'.encode("utf-16-le"),
        b'{"a":1e999}',
        b'{"a":NaN}',
        b'{"a":' + b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1) + b"}",
        b'{"a":' * (DEEPEST + 2) + b"1" + b"}" * (DEEPEST + 2),
    ],
)
def test_a_body_that_is_none(body: bytes) -> None:
    with pytest.raises(Malformed, match=r"^Failed to parse body: "):
        request(body=body).document()


def test_a_body_may_be_as_deep_as_it_may_be() -> None:
    body = b'{"a":' + b"[" * DEEPEST + b"]" * DEEPEST + b"}"
    assert len(repr(request(body=body).document())) == 2 * DEEPEST + len("{'a': }")


def test_a_body_may_be_as_large_as_it_may_be() -> None:
    assert request(body=b"{}  ").document(4) == {}
    with pytest.raises(TooLarge):
        request(body=b"{}   ").document(4)


def test_answers() -> None:
    assert answer({"a": 1}, 201, (("x", "y"),)).headers == (("content-type", "application/json"), ("x", "y"))
    assert text("ü").body == "ü".encode()
