"""Keeps the cluster connected: registers, opens the tunnel, and opens it again whenever it is lost.

``agent/__main__.py`` runs it for as long as the process lives.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import struct
import time
from collections.abc import Callable
from typing import NamedTuple, TypeAlias
from urllib.parse import urlsplit

import websocket

from agent.errors import AgentError, Refused, Unreachable
from agent.server import Cluster, Server, Tunnel
from agent.session import Session
from agent.upstream import Upstream
from agent.wire import Wire
from chalicelib.tunnel.frames import MESSAGE, is_text

log = logging.getLogger("lariat.agent")

FIRST_DELAY = 0.5
LONGEST_DELAY = 8.0
REFUSED_DELAY = 60.0
DRAIN = 600.0
"""Seconds that a replaced connection may still take to finish its requests."""

CONNECT_TIMEOUT = 15.0

TERMS = 86_400.0
"""Seconds for which an agent that has no news connects on the terms that it was given."""

UNSENT_TIMEOUT = 30_000
"""Milliseconds after which a peer that takes no bytes counts as dead."""

Link: TypeAlias = tuple[websocket.WebSocket, Wire]
"""An open WebSocket and the connection under it."""

_TOGETHER = 16 * 1024
"""Bytes up to which a frame's head and its data are worth a copy to travel in one TLS record."""


def delays(chance: random.Random) -> Callable[[int], float]:
    """Backoff with full jitter: many agents that lost one server must not come back all at once."""
    return lambda attempt: chance.uniform(0, min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(attempt, 10)))


class Connection:
    """One WebSocket with the session on it."""

    def __init__(self, tunnel: Tunnel, link: Link, upstream: Upstream) -> None:
        self._tunnel = tunnel
        self._socket, self._wire = link
        self._session = Session(self, upstream)
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self.lost = asyncio.Event()

    def start(self) -> asyncio.Task[None]:
        """Begin to read; return the task that keeps the connection alive until it is lost."""
        self._wire.start(self._read)
        return self._loop.create_task(self._keep_alive())

    async def retire(self) -> None:
        """Another connection has taken over: finish what is under way, or still on its way to us, then close."""
        self._session.leave()
        try:
            async with asyncio.timeout(self._tunnel.linger):
                await self.lost.wait()
        except TimeoutError:
            await _first(DRAIN, self._session.idle, self.lost)
        finally:
            self.close()

    def close(self) -> None:
        self.lost.set()
        self._wire.close()
        self._session.close()

    @property
    def full(self) -> bool:
        return self._wire.full

    def send(self, message: bytes) -> None:
        size = self._tunnel.frame
        for start in range(0, len(message), size):
            data = message[start : start + size]
            opcode = websocket.ABNF.OPCODE_CONT if start else websocket.ABNF.OPCODE_TEXT
            head = _head(opcode, len(data), last=start + size >= len(message))
            if len(data) <= _TOGETHER:
                self._wire.write(head + data)
            else:
                self._wire.write(head, data)

    async def drain(self) -> None:
        await self._wire.drain()

    def _read(self) -> None:
        """Take every whole message that has come in."""
        try:
            while not self.lost.is_set():
                opcode, message = self._socket.recv_data()
                if opcode != websocket.ABNF.OPCODE_TEXT or len(message) > MESSAGE or not is_text(message):
                    raise Unreachable("the server closed the connection")
                self._heard = self._loop.time()
                self._session.receive(message)
                if not self._wire.buffered:
                    return
        except BlockingIOError:
            return
        except (OSError, websocket.WebSocketException, Unreachable) as error:
            log.warning("the tunnel is lost: %s", error)
            self.close()

    async def _keep_alive(self) -> None:
        while not self.lost.is_set():
            try:
                async with asyncio.timeout(self._tunnel.keepalive):
                    await self.lost.wait()
            except TimeoutError:
                silence = self._loop.time() - self._heard
                if silence > self._tunnel.patience + self._tunnel.keepalive:
                    log.warning("the server has been silent for too long")
                    self.close()
                else:
                    self._session.ping(silence > self._tunnel.patience, self._tunnel.ping)


class _Agreed(NamedTuple):
    """What the server was told last, and what it answered."""

    cluster: Cluster
    tunnel: Tunnel
    until: float


class Agent:
    """Connects for ever. ``stop`` ends it."""

    def __init__(
        self, server: Server, cluster: Callable[[], Cluster], upstream: Upstream, chance: random.Random
    ) -> None:
        self._server = server
        self._cluster = cluster
        self._upstream = upstream
        self._delay = delays(chance)
        self._jitter = chance
        self._stopped = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._agreed: _Agreed | None = None

    async def run(self) -> None:
        """Stay connected until ``stop``. Raises ``Refused`` if the server says no to the very first try."""
        attempt = refusals = 0
        welcome = False
        loop = asyncio.get_running_loop()
        while not self._stopped.is_set():
            since = loop.time()
            self._agreed = None
            try:
                connection, tunnel = await self._connect()
                welcome, refusals = True, 0
                await self._stay(connection, tunnel)
            except Refused as error:
                if not welcome:
                    raise
                refusals += 1
                pause = min(REFUSED_DELAY, 2.0**refusals)
                log.warning("%s; trying again in %.0f s", error, pause)
                await self._pause(pause)
            except AgentError as error:
                log.warning("%s", error)
            attempt = 0 if loop.time() - since > LONGEST_DELAY else attempt + 1
            await self._pause(self._delay(attempt))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._upstream.close()

    def stop(self) -> None:
        self._stopped.set()

    async def _connect(self) -> tuple[Connection, Tunnel]:
        tunnel, link = await asyncio.to_thread(self._dial)
        connection = Connection(tunnel, link, self._upstream)
        self._keep(connection.start())
        log.info("cluster %s is connected to %s", tunnel.cluster, self._server.name)
        return connection, tunnel

    def _dial(self) -> tuple[Tunnel, Link]:
        """Register, unless the last connection's terms still hold; what fails makes for a new registration."""
        cluster, now = self._cluster(), time.monotonic()
        agreed, self._agreed = self._agreed, None
        if agreed is None or agreed.cluster != cluster or now > agreed.until:
            agreed = _Agreed(cluster, self._server.register(cluster), now + TERMS)
        link = _dial(self._server, agreed.tunnel.url)
        self._agreed = agreed
        return agreed.tunnel, link

    async def _stay(self, connection: Connection, tunnel: Tunnel) -> None:
        """Keep a connection until it is lost, replacing it before the server's limit cuts it off."""
        attempt = 0
        age = tunnel.lifetime * self._jitter.uniform(0.9, 1.0)
        while not await self._lost(connection, age):
            if self._stopped.is_set():
                connection.close()
                return
            try:
                following, tunnel = await self._connect()
            except AgentError as error:
                age = self._delay(attempt)
                attempt += 1
                log.warning("can't replace the connection yet: %s; trying again in %.1f s", error, age)
                continue
            attempt = 0
            age = tunnel.lifetime * self._jitter.uniform(0.9, 1.0)
            self._keep(asyncio.get_running_loop().create_task(connection.retire()))
            connection = following

    async def _lost(self, connection: Connection, seconds: float) -> bool:
        """Wait until the connection is lost, its time is up, or the agent is stopped. Returns whether it is lost."""
        await _first(seconds, connection.lost, self._stopped)
        return connection.lost.is_set()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return

    def _keep(self, task: asyncio.Task[None]) -> None:
        """The event loop holds tasks weakly only."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _head(opcode: int, size: int, *, last: bool) -> bytes:
    """Write the head of a frame (RFC 6455, section 5.2) with a mask of zeros.

    Masks keep a browser's script from choosing the bytes that a proxy sees (section 10.3). Here no script chooses, and
    TLS lets nobody see; masking for real was two fifths of the agent's work on a large list.
    """
    first = (0x80 if last else 0) | opcode
    if size < 126:
        return struct.pack("!BB4x", first, 0x80 | size)
    if size < 65536:
        return struct.pack("!BBH4x", first, 0x80 | 126, size)
    return struct.pack("!BBQ4x", first, 0x80 | 127, size)


async def _first(seconds: float, *events: asyncio.Event) -> None:
    """Wait for the first of some events, but not for ever."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _dial(server: Server, url: str) -> Link:
    """Open the WebSocket, waiting; runs in a thread. Raises ``Unreachable`` or ``Refused``."""
    parts = urlsplit(url)
    if parts.scheme != "wss" or not parts.hostname:
        raise Refused(f"{server.name} wants a tunnel without TLS")
    try:
        # Dialled here: websocket-client would obey a proxy of which registration knows nothing.
        plain = socket.create_connection((parts.hostname, parts.port or 443), CONNECT_TIMEOUT)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNSENT_TIMEOUT)
        wire = Wire(plain, server.trust(), parts.hostname)
        wire.shake_hands()
        link = websocket.WebSocket(skip_utf8_validation=True)
        link.connect(url, header=server.headers, socket=wire, redirect_limit=0)
    except websocket.WebSocketBadStatusException as error:
        if error.status_code in (401, 403, 404):
            raise Refused(f"{server.name} refused the tunnel ({error.status_code})") from error
        raise Unreachable(f"{server.name} answered {error.status_code} to the tunnel") from error
    except (OSError, websocket.WebSocketException, ValueError) as error:
        raise Unreachable(f"can't open the tunnel to {server.name}: {error}") from error
    return link, wire
