"""What a caller says right before hanging up on a switched connection reaches the cluster, however much it is."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest
import trustme
import uvloop

from chalicelib.auth.identity import Identity
from chalicelib.proxy.gatekeeper import Admitted
from chalicelib.proxy.target import Target
from chalicelib.tunnel.exchange import Broken, Exchange
from chalicelib.tunnel.frames import Frame, Kind, decode, encode
from chalicelib.tunnel.heads import RequestHead, ResponseHead, dump_request, dump_response
from chalicelib.tunnel.streams import Stream
from standalone.proxy import Proxy, Scope
from standalone.switch import Switch
from standalone.tunnel import Tunnel

SECONDS = 30.0
HEAD = RequestHead("POST", "/exec", ())
SWITCHED = ResponseHead(101, (("upgrade", "SPDY/3.1"), ("connection", "Upgrade")))


class Cluster:
    """The far end of a tunnel: switches, then listens, each piece taking a while, or (``None``) does not."""

    def __init__(self, pause: float | None) -> None:
        self.tunnel = Tunnel("c-abcde", self, self._hang_up, deflate=False)
        self.received = b""
        self.broken = asyncio.Event()
        self.heard = asyncio.Event()
        self.full = False
        self._pause = pause
        self._loop = asyncio.get_running_loop()
        self._exchange: Exchange | None = None
        self._task: asyncio.Task[None] | None = None

    def send(self, message: bytes) -> None:
        """As the ``Outlet`` of the near end."""
        self._loop.call_soon(self._take, decode(message))

    def post(self, frames: Sequence[Frame], deflate: bool) -> None:
        """As the ``Carrier`` of the far end."""
        for frame in frames:
            for message in encode(frame, deflate=deflate):
                self._loop.call_soon(self.tunnel.receive, message)

    async def drain(self) -> None:
        """There is always room."""

    def forget(self, stream: str) -> None:
        """There is one stream only."""

    def _take(self, frame: Frame) -> None:
        if self._exchange is None:
            self._exchange = Exchange(Stream(frame.stream, Kind.HEAD), self)
            self._task = self._loop.create_task(self._answer(self._exchange))
        self._exchange.take(frame)

    async def _answer(self, exchange: Exchange) -> None:
        await exchange.receive()
        await exchange.send(b"", False, dump_response(SWITCHED))
        exchange.on_failure = self.broken.set
        if self._pause is None:
            return
        with contextlib.suppress(Broken):
            fin = False
            while not fin:
                await asyncio.sleep(self._pause)
                delivery = await exchange.receive()
                self.received += delivery.data
                fin = delivery.fin
            await exchange.send(b"", True)
            self.heard.set()

    async def _hang_up(self) -> None:
        """Nobody asks for it here."""


class Opened(Proxy):
    """Lets everybody in."""

    def __init__(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel

    def admit(self, scope: Scope) -> tuple[Admitted, Tunnel, str]:
        admitted = Admitted(Identity("u-1", (), ""), Target("c-abcde", "/exec", ""), HEAD)
        return admitted, self._tunnel, dump_request(HEAD)


class Entrance(asyncio.Protocol):
    """Hands each connection to a ``Switch``, as the server's protocol does."""

    def __init__(self, proxy: Proxy, linger: float) -> None:
        self._proxy = proxy
        self._linger = linger
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: Any) -> None:
        switch = Switch(self._proxy, {}, transport, set(), self._linger)
        transport.set_protocol(switch)
        self._tasks.add(asyncio.get_running_loop().create_task(switch.run()))


def speak(port: int, authority: trustme.CA, data: bytes, *, goodbye: bool) -> None:
    """Send all at once and hang up, with TLS's goodbye or without."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with socket.create_connection(("127.0.0.1", port)) as plain:
        secure = context.wrap_socket(plain, server_hostname="127.0.0.1")
        assert secure.recv(4096).startswith(b"HTTP/1.1 101 ")
        secure.sendall(data)
        if goodbye:
            secure.settimeout(SECONDS)
            secure.unwrap()
        secure.close()


async def leave(data: bytes, cluster: Cluster, linger: float = SECONDS, *, goodbye: bool = False) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Entrance(Opened(cluster.tunnel), linger), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    await asyncio.to_thread(speak, port, authority, data, goodbye=goodbye)
    server.close()


def run(scene: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scene)


@pytest.mark.parametrize("goodbye", [True, False])
@pytest.mark.parametrize("pause", [0.0, 0.01])
@pytest.mark.parametrize("size", [100, 400_000, 3_000_000])
def test_the_last_words_of_a_caller_arrive(size: int, pause: float, goodbye: bool) -> None:
    said = random.Random(size).randbytes(size)

    async def scene() -> None:
        cluster = Cluster(pause)
        async with asyncio.timeout(SECONDS):
            await leave(said, cluster, goodbye=goodbye)
            await cluster.heard.wait()
        assert len(cluster.received) == size
        assert cluster.received == said

    run(scene())


@pytest.mark.parametrize("size", [100, 1_200_000])
def test_a_cluster_that_does_not_listen_is_not_waited_for(size: int) -> None:
    async def scene() -> None:
        cluster = Cluster(None)
        async with asyncio.timeout(SECONDS):
            await leave(bytes(size), cluster, linger=0.1)
            await cluster.broken.wait()

    run(scene())
