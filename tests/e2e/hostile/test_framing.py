"""Where a request ends is never in doubt: what is ambiguous is refused and ends its connection."""

from __future__ import annotations

import pytest

from tests.e2e.hostile.scene import User, reached
from tests.support.recorder import Recorder
from tests.support.wire import Wire, chunked, head

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize("length", [b"99999999999999999999999999", b"-1", b"+5", b"0x5", b"5 5", b"5,5", b"\xb2"])
def test_a_length_that_is_none_is_refused(
    wire: Wire, tape: str, recorder: Recorder, plain: User, length: bytes
) -> None:
    line = f"Content-Length: {length.decode('latin-1')}"
    got = wire.read(head(f"{tape}/hostile", line, method="POST", token=plain.token) + b"abcde")
    assert got.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 "))
    assert recorder.requests("hostile") == []


@pytest.mark.parametrize(
    "coding", ["xchunked", "identity", "chunked\r\nX: "], ids=["unknown coding", "identity", "bad chunk"]
)
def test_a_request_that_is_refused_for_its_framing_does_not_reach_the_cluster(
    wire: Wire, tape: str, recorder: Recorder, plain: User, coding: str
) -> None:
    marker = f"framing-{len(coding)}"
    start = head(f"{tape}/{marker}", f"Transfer-Encoding: {coding}", method="DELETE", token=plain.token)
    assert wire.read(start + b"zz\r\n{}\r\n0\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert not reached(wire, tape, recorder, plain.token, marker)


FRAMINGS = {
    "length, then chunked": "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "chunked, then length": "Transfer-Encoding: chunked\r\nContent-Length: 5",
    "two lengths": "Content-Length: 5\r\nContent-Length: 0",
    "two lengths in a list": "Content-Length: 5, 0",
    "chunked not last": "Transfer-Encoding: chunked, identity",
    "chunked twice, not last": "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "folded line": "X-A: b\r\n Content-Length: 5",
    "folded coding": "Transfer-Encoding:\r\n chunked\r\nContent-Length: 5",
    "line feed alone": "X-A: b\nContent-Length: 5",
    "carriage return alone": "X-A: b\rContent-Length: 5",
    "space before the colon": "Content-Length : 5",
    "tab before the colon": "Transfer-Encoding\t: chunked\r\nContent-Length: 5",
    "space before the name": " Transfer-Encoding: chunked",
    "NUL in a value": "X-A: a\x00b",
    "NUL in a name": "X\x00A: b",
    "no colon": "Impersonate-User",
    "no name": ": admin",
    "a name with a space": "Impersonate User: admin",
    "a name beyond ASCII": "\xcdmpersonate-User: admin",
}


@pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS.keys())
def test_ambiguous_framing_is_refused_and_ends_the_connection(
    wire: Wire, tape: str, recorder: Recorder, plain: User, framing: str
) -> None:
    smuggled = head(f"{tape}/hostile", token=plain.token)
    start = f"POST {tape}/hostile HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {plain.token}\r\n{framing}\r\n\r\n"
    got = wire.read(start.encode("latin-1") + b"0\r\n\r\n" + smuggled)
    assert got.startswith(b"HTTP/1.1 400 ")
    assert got.count(b"HTTP/1.1 ") == 1
    assert not reached(wire, tape, recorder, plain.token, "hostile")


def test_line_feeds_alone_are_no_request(wire: Wire, tape: str, recorder: Recorder, plain: User) -> None:
    got = wire.read(head(f"{tape}/hostile", token=plain.token).replace(b"\r\n", b"\n"))
    assert got.startswith(b"HTTP/1.1 400 ")
    assert recorder.requests("hostile") == []


def test_nothing_is_read_behind_the_last_request(wire: Wire, tape: str, recorder: Recorder, plain: User) -> None:
    got = wire.read(head(f"{tape}/last", token=plain.token) + head(f"{tape}/hostile", token=plain.token))
    assert got.count(b"HTTP/1.1 ") == 1
    assert not reached(wire, tape, recorder, plain.token, "hostile")


@pytest.mark.parametrize("path", ["{tape}/trailed", "/v3/tokens"])
def test_a_trailer_is_no_header(wire: Wire, tape: str, plain: User, path: str) -> None:
    start = head(path.format(tape=tape), "Transfer-Encoding: chunked", method="POST")
    end = f"0\r\nAuthorization: Bearer {plain.token}\r\n\r\n".encode()
    assert wire.ask(start + chunked(b"{}", end=end)).status == 401
