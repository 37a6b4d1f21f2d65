"""A TLS connection on the event loop: nothing is lost, nothing waits where it must not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable

import pytest
import trustme

from agent.wire import BACKLOG, Wire

SECONDS = 10.0
MEGABYTE = 1024 * 1024


def pair() -> tuple[Wire, ssl.SSLSocket]:
    """Both ends of a TLS connection."""
    authority = trustme.CA()
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(ours)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("peer.test").configure_cert(theirs)
    near, far = socket.socketpair()
    accepted: list[ssl.SSLSocket] = []
    thread = threading.Thread(target=lambda: accepted.append(theirs.wrap_socket(far, server_side=True)))
    thread.start()
    near.settimeout(SECONDS)
    wire = Wire(near, ours, "peer.test")
    wire.shake_hands()
    thread.join(SECONDS)
    accepted[0].settimeout(SECONDS)
    return wire, accepted[0]


class Reader:
    """Takes what comes, as websocket-client would."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.ended = asyncio.Event()
        self.came = asyncio.Event()
        self.greedy = True
        self.wire: Wire | None = None

    def readable(self) -> None:
        assert self.wire is not None
        with contextlib.suppress(BlockingIOError):
            while data := self.wire.recv(64 * 1024 if self.greedy else 1):
                self.received += data
                if not self.greedy:
                    break
            else:
                self.ended.set()
        self.came.set()

    async def until(self, size: int) -> bytes:
        while len(self.received) < size:
            self.came.clear()
            await self.came.wait()
        return bytes(self.received)


def run(use: Callable[[Wire, Reader, ssl.SSLSocket], Awaitable[None]]) -> None:
    async def main() -> None:
        wire, far = pair()
        reader = Reader()
        reader.wire = wire
        try:
            async with asyncio.timeout(SECONDS):
                await use(wire, reader, far)
        finally:
            wire.close()
            far.close()

    asyncio.run(main())


def test_what_was_there_before_the_start_is_read() -> None:
    async def use(wire: Wire, reader: Reader, far: ssl.SSLSocket) -> None:
        far.sendall(b"early")
        wire.start(reader.readable)
        assert await reader.until(5) == b"early"
        far.sendall(b" and late")
        assert await reader.until(14) == b"early and late"
        assert not reader.ended.is_set()

    run(use)


def test_nothing_there_says_come_again() -> None:
    async def use(wire: Wire, reader: Reader, far: ssl.SSLSocket) -> None:
        wire.start(reader.readable)
        with pytest.raises(BlockingIOError):
            wire.recv(1)

    run(use)


def test_what_the_reader_leaves_is_kept() -> None:
    async def use(wire: Wire, reader: Reader, far: ssl.SSLSocket) -> None:
        reader.greedy = False
        wire.start(reader.readable)
        far.sendall(b"ab")
        assert await reader.until(1) == b"a"
        far.sendall(b"cd")
        assert await reader.until(2) == b"ab"
        assert wire.recv(10) == b"cd"

    run(use)


@pytest.mark.parametrize("size", [1, 16_383, 16_384, 3 * MEGABYTE])
def test_all_that_comes_is_read(size: int) -> None:
    async def use(wire: Wire, reader: Reader, far: ssl.SSLSocket) -> None:
        wire.start(reader.readable)
        sent = bytes(number % 251 for number in range(size))
        await asyncio.gather(asyncio.to_thread(far.sendall, sent), reader.until(size))
        assert bytes(reader.received) == sent

    run(use)


@pytest.mark.parametrize("graceful", [True, False])
def test_the_end_is_told(graceful: bool) -> None:
    async def use(wire: Wire, reader: Reader, far: ssl.SSLSocket) -> None:
        wire.start(reader.readable)
        far.sendall(b"bye")
        if graceful:
            with contextlib.suppress(OSError):
                far.settimeout(0)
                far.unwrap()
        far.close()
        await reader.ended.wait()
        assert bytes(reader.received) == b"bye"
        assert wire.recv(1) == b""

    run(use)


def test_what_is_no_tls_is_an_end() -> None:
    async def use(wire: Wire, reader: Reader, far: ssl.SSLSocket) -> None:
        wire.start(reader.readable)
        raw = socket.socket(fileno=far.detach())
        raw.sendall(b"this is no TLS record at all")
        await reader.ended.wait()
        raw.close()

    run(use)


def test_sending_never_waits_and_loses_nothing() -> None:
    async def use(wire: Wire, reader: Reader, far: ssl.SSLSocket) -> None:
        wire.start(reader.readable)
        pieces = [bytes([number]) * 100_000 for number in range(100)]
        for piece in pieces:
            assert wire.send(piece) == len(piece)
        received = await asyncio.to_thread(_read, far, 10_000_000)
        assert received == b"".join(pieces)

    run(use)


def _read(far: ssl.SSLSocket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        data = far.recv(MEGABYTE)
        assert data
        received += data
    return bytes(received)


def test_producers_wait_while_too_much_is_unsent() -> None:
    async def use(wire: Wire, reader: Reader, far: ssl.SSLSocket) -> None:
        wire.start(reader.readable)
        await wire.drain()
        wire.send(bytes(4 * BACKLOG))
        drained = asyncio.ensure_future(wire.drain())
        await asyncio.sleep(0.1)
        assert not drained.done()
        await asyncio.to_thread(_read, far, 4 * BACKLOG)
        await drained

    run(use)


def test_both_directions_at_once() -> None:
    async def use(wire: Wire, reader: Reader, far: ssl.SSLSocket) -> None:
        def echo() -> None:
            left = 5_000_000
            while left:
                data = far.recv(MEGABYTE)
                assert data
                far.sendall(data)
                left -= len(data)

        wire.start(reader.readable)
        sent = bytes(number % 249 for number in range(5_000_000))
        echoing = asyncio.create_task(asyncio.to_thread(echo))
        for start in range(0, len(sent), 50_000):
            wire.send(sent[start : start + 50_000])
            await wire.drain()
        assert await reader.until(len(sent)) == sent
        await echoing

    run(use)


def test_closing_wakes_who_waits_and_may_be_done_twice() -> None:
    async def use(wire: Wire, reader: Reader, far: ssl.SSLSocket) -> None:
        wire.start(reader.readable)
        wire.send(bytes(4 * BACKLOG))
        drained = asyncio.ensure_future(wire.drain())
        await asyncio.sleep(0)
        wire.close()
        wire.close()
        await drained
        assert wire.recv(1) == b""
        wire.send(b"into the void")

    run(use)


def test_sending_to_nobody_is_no_error() -> None:
    """The reader hears of the end; whoever sends goes on until then."""

    async def use(wire: Wire, reader: Reader, far: ssl.SSLSocket) -> None:
        wire.start(reader.readable)
        far.close()
        for _ in range(50):
            wire.send(b"x" * 100_000)
            await asyncio.sleep(0.001)
        await reader.ended.wait()
        await wire.drain()

    run(use)


def test_before_the_start_it_waits_as_a_socket_does() -> None:
    wire, far = pair()
    wire.send(b"hello")
    assert far.recv(5) == b"hello"
    far.sendall(b"welcome")
    assert wire.recv(3) + wire.recv(100) == b"welcome"
    far.close()
    with pytest.raises(ConnectionError):
        wire.recv(1)
    wire.close()


def test_what_came_with_the_handshake_is_read_after_the_start() -> None:
    async def use(wire: Wire, reader: Reader, far: ssl.SSLSocket) -> None:
        far.sendall(b"answer and more")
        assert await asyncio.to_thread(wire.recv, 6) == b"answer"
        wire.start(reader.readable)
        assert await reader.until(9) == b" and more"

    run(use)


def test_a_stranger_is_not_trusted() -> None:
    near, far = socket.socketpair()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("peer.test").configure_cert(theirs)

    def accept() -> None:
        with contextlib.suppress(OSError):
            theirs.wrap_socket(far, server_side=True)

    thread = threading.Thread(target=accept)
    thread.start()
    near.settimeout(SECONDS)
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trustme.CA().configure_trust(ours)
    wire = Wire(near, ours, "peer.test")
    with pytest.raises(ssl.SSLCertVerificationError):
        wire.shake_hands()
    wire.close()
    thread.join(SECONDS)
    far.close()
