"""The callers' end of the tunnel: a ``Tunnel`` for each agent's connection, a ``Caller`` for each request.

``asgi.py`` feeds the messages of agents' WebSockets in; ``proxy.py`` and ``switch.py`` open exchanges. Everything here
runs on the event loop's thread; ``Bridge`` lets other threads call.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import TimeoutError as FutureTimeout

from chalicelib.clusters.client import Answer
from chalicelib.errors import ClusterUnavailable
from chalicelib.tunnel.exchange import Broken, Exchange, Outlet
from chalicelib.tunnel.frames import Frame, FrameError, Kind, decode, encode
from chalicelib.tunnel.heads import RequestHead, ResponseHead, dump_request, load_response
from chalicelib.tunnel.streams import Deliver, Stream

log = logging.getLogger("lariat.tunnel")

LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes of an answer to Lariat's own requests, which are kept whole."""

MARGIN = 2.0
"""Seconds beyond a request's own in which the event loop must have said how it ended."""

LOST = "the cluster's agent was disconnected before it answered"


class Caller(Exchange):
    """A request on its way to a cluster, and its answer."""

    async def head(self) -> tuple[ResponseHead, Deliver]:
        """Wait for the answer's head and what came with it. Raises ``Broken``."""
        delivery = await self.receive()
        try:
            return load_response(delivery.head), delivery
        except FrameError as error:
            self.abort("bad head")
            raise Broken(f"the cluster's agent sent a {error}") from None


class Tunnel:
    """One connection of one cluster's agent: a ``Carrier``.

    ``deflate`` compresses what both ends send: for an agent next door that would only cost processor time. ``token`` is
    the id of the registration token that it was opened with, if it was one.
    """

    def __init__(
        self,
        cluster: str,
        outlet: Outlet,
        hang_up: Callable[[], Awaitable[None]],
        *,
        deflate: bool,
        token: str = "",
    ) -> None:
        self.cluster = cluster
        self.token = token
        self.hang_up = hang_up
        self.deflate = deflate
        self.retiring = False
        self._outlet = outlet
        self._prefix = secrets.token_hex(8)
        self._numbers = itertools.count()
        self._exchanges: dict[str, Caller] = {}
        self._closed = False

    def open(self) -> Caller:
        stream = f"{self._prefix}-{next(self._numbers)}"
        exchange = Caller(Stream(stream, Kind.OPEN), self, deflate=self.deflate)
        if self._closed:
            exchange.fail(Broken(LOST))
        else:
            self._exchanges[stream] = exchange
        return exchange

    def receive(self, message: bytes) -> None:
        """Take a message from the agent; what is no frame, or belongs to nobody, is dropped."""
        try:
            frame = decode(message)
        except FrameError as error:
            log.warning("cluster %s: its agent sent a message that is no frame: %s", self.cluster, error)
            return
        match frame.kind:
            case Kind.PING:
                # Who asks without reading the answers gets none.
                if not self.full:
                    self.post([Frame(Kind.PONG)], False)
            case Kind.GOAWAY:
                self.retiring = True
            case _:
                exchange = self._exchanges.get(frame.stream)
                if exchange is not None:
                    exchange.take(frame)

    @property
    def full(self) -> bool:
        return self._outlet.full

    def post(self, frames: Sequence[Frame], deflate: bool) -> None:
        if self._closed:
            return
        for frame in frames:
            for message in encode(frame, deflate=deflate):
                self._outlet.send(message)

    async def drain(self) -> None:
        await self._outlet.drain()

    def forget(self, stream: str) -> None:
        self._exchanges.pop(stream, None)

    def close(self) -> None:
        """The connection is gone: every request on it fails now."""
        self._closed = True
        for exchange in list(self._exchanges.values()):
            exchange.fail(Broken(LOST))


class Tunnels:
    """Which clusters' agents are connected here. ``changed`` hears of every cluster that comes or goes."""

    def __init__(self, changed: Callable[[str], None]) -> None:
        self._changed = changed
        self._tunnels: dict[str, list[Tunnel]] = {}

    def add(self, tunnel: Tunnel) -> None:
        self._tunnels.setdefault(tunnel.cluster, []).append(tunnel)
        self._changed(tunnel.cluster)

    def remove(self, tunnel: Tunnel) -> None:
        tunnel.close()
        remaining = [other for other in self._tunnels.get(tunnel.cluster, []) if other is not tunnel]
        if remaining:
            self._tunnels[tunnel.cluster] = remaining
        else:
            self._tunnels.pop(tunnel.cluster, None)
        self._changed(tunnel.cluster)

    async def drop(self, cluster: str, token: str = "") -> None:
        """The cluster or the token was deleted: agents that came by it have no business here any more."""
        for tunnel in list(self._tunnels.get(cluster, [])):
            if token in ("", tunnel.token):
                # At once: the connection itself may take a while to end.
                self.remove(tunnel)
                await tunnel.hang_up()

    def find(self, cluster: str) -> Tunnel | None:
        """The newest connection of the cluster's agent that takes new requests."""
        tunnels = self._tunnels.get(cluster)
        if not tunnels:
            return None
        return next((tunnel for tunnel in reversed(tunnels) if not tunnel.retiring), tunnels[-1])

    def close(self) -> None:
        for tunnels in list(self._tunnels.values()):
            for tunnel in tunnels:
                tunnel.close()


class Bridge:
    """``Transport`` for threads beside the event loop: the reconciler's and the API's."""

    def __init__(self, tunnels: Tunnels, loop: asyncio.AbstractEventLoop) -> None:
        self._tunnels = tunnels
        self._loop = loop

    def connected(self, cluster: str) -> bool:
        return self._tunnels.find(cluster) is not None

    def call(self, cluster: str, head: RequestHead, body: bytes, timeout: float) -> Answer:
        future = asyncio.run_coroutine_threadsafe(self._call(cluster, head, body, timeout), self._loop)
        try:
            return future.result(timeout + MARGIN)
        except FutureTimeout:
            future.cancel()
            raise ClusterUnavailable("the server is too busy, or about to stop") from None

    async def _call(self, cluster: str, head: RequestHead, body: bytes, timeout: float) -> Answer:
        tunnel = self._tunnels.find(cluster)
        if tunnel is None:
            raise ClusterUnavailable("the cluster's agent is not connected")
        exchange = tunnel.open()
        try:
            async with asyncio.timeout(timeout):
                await exchange.send(body, True, dump_request(head))
                answer, delivery = await exchange.head()
                pieces = [delivery.data]
                while not delivery.fin:
                    delivery = await exchange.receive()
                    pieces.append(delivery.data)
                    if sum(map(len, pieces)) > LARGEST_ANSWER:
                        raise Broken("its API server answered more than anybody asked for")
        except TimeoutError:
            raise ClusterUnavailable(f"its API server did not answer within {timeout:.0f} seconds") from None
        except Broken as error:
            raise ClusterUnavailable(str(error)) from None
        finally:
            exchange.abort("done")
        return Answer(answer.status, b"".join(pieces))
