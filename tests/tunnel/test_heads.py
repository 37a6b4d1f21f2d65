"""Heads from the other end are hostile until checked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.tunnel.frames import FrameError
from chalicelib.tunnel.heads import RequestHead, ResponseHead, dump_request, dump_response, load_request, load_response

HEADERS = st.lists(
    st.tuples(st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True), st.text("abc xyz;=,", max_size=20))
).map(tuple)


@given(headers=HEADERS, target=st.from_regex(r"/[!-~]{0,80}", fullmatch=True), deflate=st.booleans())
def test_a_request_head_survives(headers: tuple[tuple[str, str], ...], target: str, deflate: bool) -> None:
    head = RequestHead("PATCH", target, headers, deflate)
    assert load_request(dump_request(head)) == head


@given(headers=HEADERS, status=st.integers(100, 599))
def test_a_response_head_survives(headers: tuple[tuple[str, str], ...], status: int) -> None:
    assert load_response(dump_response(ResponseHead(status, headers))) == ResponseHead(status, headers)


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "{}",
        "[" * 40_000,
        '{"method":"GET","target":"http://elsewhere/","headers":[]}',
        '{"method":"GET","target":"/a b","headers":[]}',
        '{"method":"GET","target":"/a\\r\\nx: y","headers":[]}',
        '{"method":"GE T","target":"/","headers":[]}',
        '{"method":"GET","target":"/","headers":{"a":"b"}}',
        '{"method":"GET","target":"/","headers":[["a"]]}',
        '{"method":"GET","target":"/","headers":[["a",1]]}',
        '{"method":"GET","target":"/","headers":[["a","b\\r\\nc: d"]]}',
        '{"method":"GET","target":"/","headers":[["a: b\\r\\nc","d"]]}',
        '{"method":"GET","target":"/","headers":[["a","\u20ac"]]}',
        '{"method":"GET","target":"/","headers":[["a","\\ud800"]]}',
        '{"method":"GET","target":"/","headers":[["","d"]]}',
        '{"method":"GET","target":"/","headers":[],"deflate":1}',
    ],
)
def test_bad_request_heads_are_refused(document: str) -> None:
    with pytest.raises(FrameError):
        load_request(document)


@pytest.mark.parametrize(
    "document",
    [
        "{}",
        '{"status":"200","headers":[]}',
        '{"status":99,"headers":[]}',
        '{"status":200}',
        '{"status":200,"headers":[["a","\u20ac"]]}',
    ],
)
def test_bad_response_heads_are_refused(document: str) -> None:
    with pytest.raises(FrameError):
        load_response(document)
