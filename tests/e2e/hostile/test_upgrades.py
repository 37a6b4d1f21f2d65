"""Connections that ask to leave HTTP: only for what we offer, and for nothing else after it failed."""

from __future__ import annotations

import contextlib

import pytest

from tests.e2e.hostile.scene import User, reached
from tests.support.lariat import Imported
from tests.support.recorder import Recorder
from tests.support.wire import HANDSHAKE, Wire, drain, head

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://127.0.0.1"])
def test_a_foreign_page_opens_no_websocket_into_a_cluster(
    wire: Wire, tape: str, recorder: Recorder, root: str, origin: str
) -> None:
    headers = (*HANDSHAKE, f"Origin: {origin}", f"Cookie: R_SESS={root}")
    answer = wire.ask(head(f"{tape}/hostile/exec", *headers))
    assert answer.is_status(401)
    assert recorder.requests("hostile") == []


@pytest.mark.parametrize("protocol", ["websocket", "SPDY/3.1"])
@pytest.mark.parametrize("inner", ["/../hostile", "/%2e%2e/hostile", "//hostile", "/hostile%2f"])
def test_an_upgrade_with_a_hostile_path_is_refused(
    wire: Wire, tape: str, recorder: Recorder, root: str, inner: str, protocol: str
) -> None:
    upgrade = ("Connection: Upgrade", f"Upgrade: {protocol}")
    assert wire.ask(head(tape + inner, *upgrade, token=root)).is_status(400)
    assert recorder.requests("hostile") == []


@pytest.mark.parametrize("protocol", ["h2c", "TLS/1.0", "websocket, h2c", "foo", "SPDY/3", "impersonate-user"])
def test_an_upgrade_to_an_unknown_protocol_is_refused(
    wire: Wire, tape: str, recorder: Recorder, root: str, protocol: str
) -> None:
    answer = wire.ask(head(f"{tape}/hostile", "Connection: Upgrade", f"Upgrade: {protocol}", token=root))
    assert answer.is_status(400)
    assert recorder.requests("hostile") == []


def test_a_failed_upgrade_ends_the_connection(wire: Wire, tape: str, recorder: Recorder, plain: User) -> None:
    upgrade = ("Connection: Upgrade", "Upgrade: SPDY/3.1")
    got = wire.read(
        head(f"{tape}/not-switched", *upgrade, token=plain.token) + head(f"{tape}/after-switch", token=plain.token)
    )
    assert got.startswith(b"HTTP/1.1 200 ")
    assert got.count(b"HTTP/1.1 ") == 1
    assert recorder.requests("after-switch") == []


@pytest.mark.parametrize("protocol", ["websocket", "SPDY/3.1"])
@pytest.mark.parametrize(
    ("path", "status"),
    [("{tape}/%2e%2e/hostile", 400), ("/k8s/clusters/c-nope1/hostile", 404), ("/k8s/clusters/{captured}/hostile", 503)],
    ids=["a hostile path", "no cluster", "no agent"],
)
def test_a_refused_upgrade_ends_the_connection(
    wire: Wire, tape: str, recorder: Recorder, captured: Imported, root: str, path: str, status: int, protocol: str
) -> None:
    start = head(
        path.format(tape=tape, captured=captured.id), "Connection: Upgrade", f"Upgrade: {protocol}", token=root
    )
    got = wire.read(start + head(f"{tape}/hostile", token=root))
    assert got.startswith(b"HTTP/1.1 %d " % status)
    assert got.count(b"HTTP/1.1 ") == 1
    assert recorder.requests("hostile") == []


def test_a_refused_tunnel_ends_the_connection(wire: Wire, tape: str, recorder: Recorder, root: str) -> None:
    got = wire.read(head("/v3/connect", *HANDSHAKE, token=root) + head(f"{tape}/hostile", token=root))
    assert got.startswith(b"HTTP/1.1 401 ")
    assert got.count(b"HTTP/1.1 ") == 1
    assert recorder.requests("hostile") == []


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v3/clusters", 200), ("/", 200), ("/v3/connect/", 404), ("/v3/connect/register", 404), ("//v3/connect", 404)],
)
def test_a_websocket_anywhere_else_is_an_ordinary_request(
    wire: Wire, recorded: Imported, root: str, path: str, status: int
) -> None:
    token = f"X-API-Tunnel-Token: {recorded.registration['token']}"
    assert wire.ask(head(path, *HANDSHAKE, token, token=root)).status == status


UNOFFERED = {
    "of the API": ("GET", "/v3/users", ("Connection: Upgrade", "Upgrade: websocket")),
    "of a cluster": ("GET", "{tape}/unoffered", ("Connection: Upgrade", "Upgrade: h2c")),
    "POST": ("POST", "/v3/users", ("Connection: Upgrade", "Upgrade: h2c")),
    "in two headers": ("GET", "{tape}/unoffered", (*HANDSHAKE, "Connection: keep-alive")),
    "CONNECT": ("CONNECT", "/v3/users", ("Connection: keep-alive",)),
}


@pytest.mark.parametrize(("method", "path", "headers"), UNOFFERED.values(), ids=UNOFFERED.keys())
def test_an_upgrade_that_is_not_offered_ends_the_connection(
    wire: Wire, tape: str, root: str, method: str, path: str, headers: tuple[str, ...]
) -> None:
    start = head(path.format(tape=tape), *headers, method=method, token=root)
    got = wire.read(start + head(f"{tape}/pipelined", token=root), seconds=1)
    assert got.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(("method", "path", "headers"), UNOFFERED.values(), ids=UNOFFERED.keys())
def test_the_body_of_an_upgrade_that_is_not_offered_is_no_request(
    wire: Wire, tape: str, recorder: Recorder, root: str, method: str, path: str, headers: tuple[str, ...]
) -> None:
    marker = f"smuggled-{method}-{len(path)}-{len(headers)}"
    body = head(f"{tape}/{marker}", token=root)
    length = f"Content-Length: {len(body)}"
    with wire.connect(1) as sock:
        sock.sendall(head(path.format(tape=tape), *headers, length, method=method, token=root))
        # Whether it is answered before its body has come or not.
        with contextlib.suppress(TimeoutError):
            sock.recv(65536)
        with contextlib.suppress(ConnectionError, TimeoutError):
            sock.sendall(body)
            drain(sock)
    assert not reached(wire, tape, recorder, root, marker)
