"""Keeps the cluster connected: registers, opens the tunnel, and opens it again whenever it is lost.

``agent/__main__.py`` runs it for as long as the process lives.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import ssl
from collections.abc import Callable
from typing import TypeAlias

import websocket

from agent.errors import AgentError, Refused, Unreachable
from agent.server import Cluster, Server, Tunnel
from agent.session import Session
from agent.upstream import Upstream
from agent.wire import Wire
from chalicelib.tunnel.frames import MESSAGE

log = logging.getLogger("lariat.agent")

FIRST_DELAY = 0.5
LONGEST_DELAY = 8.0
DRAIN = 600.0
"""Seconds that a replaced connection may still take to finish its requests."""

LINGER = 150.0
"""Seconds that a replaced connection stays open at least: on AWS other processes remember it for two minutes."""

SILENT = 1.5
"""Keep-alives without a word after which the server is asked for one."""

DEAD = 2.5
"""Keep-alives without a word after which the connection counts as dead."""

UNSENT_TIMEOUT = 30_000
"""Milliseconds after which a peer that takes no bytes counts as dead."""

_FRAGMENT = 32 * 1024 - 16
"""API Gateway takes frames of at most 32 KB; a message is split into as many as it needs."""

Link: TypeAlias = tuple[websocket.WebSocket, ssl.SSLSocket]
"""An open WebSocket and the socket under it."""


def delays(chance: random.Random) -> Callable[[int], float]:
    """Backoff with full jitter: many agents that lost one server must not come back all at once."""
    return lambda attempt: chance.uniform(0, min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(attempt, 10)))


class Connection:
    """One WebSocket with the session on it."""

    def __init__(self, tunnel: Tunnel, link: Link, upstream: Upstream) -> None:
        self._tunnel = tunnel
        self._socket, tls = link
        self._socket.sock = self._wire = Wire(tls, self._read)  # type: ignore[assignment]
        self._session = Session(self, upstream)
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self.lost = asyncio.Event()

    def start(self) -> asyncio.Task[None]:
        """Begin to read; return the task that keeps the connection alive until it is lost."""
        self._wire.start()
        return self._loop.create_task(self._keep_alive())

    async def retire(self) -> None:
        """Another connection has taken over: finish what is under way and what still comes, then close."""
        self._session.leave()
        if await self._lost_within(LINGER):
            self.close()
            return
        finished = asyncio.ensure_future(self._session.idle.wait())
        lost = asyncio.ensure_future(self.lost.wait())
        await asyncio.wait((finished, lost), timeout=DRAIN, return_when=asyncio.FIRST_COMPLETED)
        finished.cancel()
        lost.cancel()
        self.close()

    async def _lost_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self.lost.wait()
        except TimeoutError:
            return False

    def close(self) -> None:
        self.lost.set()
        self._wire.close()
        self._session.close()

    def send(self, message: str) -> None:
        data = message.encode()
        for start in range(0, len(data), _FRAGMENT):
            last = start + _FRAGMENT >= len(data)
            opcode = websocket.ABNF.OPCODE_CONT if start else websocket.ABNF.OPCODE_TEXT
            frame = websocket.ABNF(int(last), 0, 0, 0, opcode, 1, data[start : start + _FRAGMENT])
            self._socket.send_frame(frame)

    async def drain(self) -> None:
        await self._wire.drain()

    def _read(self) -> None:
        """Take every whole message that has come in."""
        try:
            while not self.lost.is_set():
                message = self._socket.recv()
                if not isinstance(message, str) or not message or len(message) > MESSAGE:
                    raise Unreachable("the server closed the connection")
                self._heard = self._loop.time()
                self._session.receive(message)
        except BlockingIOError:
            return
        except (OSError, UnicodeDecodeError, websocket.WebSocketException, Unreachable) as error:
            log.warning("the tunnel is lost: %s", error)
            self.close()

    async def _keep_alive(self) -> None:
        while not self.lost.is_set():
            try:
                async with asyncio.timeout(self._tunnel.keepalive):
                    await self.lost.wait()
            except TimeoutError:
                silence = (self._loop.time() - self._heard) / self._tunnel.keepalive
                if silence > DEAD:
                    log.warning("the server has been silent for too long")
                    self.close()
                else:
                    self._session.ping(silence > SILENT)


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

    async def run(self) -> None:
        """Stay connected until ``stop``. Raises ``Refused`` if the server says no to the very first try."""
        attempt = 0
        welcome = False
        loop = asyncio.get_running_loop()
        while not self._stopped.is_set():
            since = loop.time()
            try:
                connection, tunnel = await self._connect()
                welcome = True
                await self._stay(connection, tunnel)
            except AgentError as error:
                if isinstance(error, Refused) and not welcome:
                    raise
                log.warning("%s", error)
            attempt = 0 if loop.time() - since > LONGEST_DELAY else attempt + 1
            await self._pause(self._delay(attempt))
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
        tunnel = self._server.register(self._cluster())
        return tunnel, _dial(self._server, tunnel.url)

    async def _stay(self, connection: Connection, tunnel: Tunnel) -> None:
        """Keep a connection until it is lost, replacing it before the server's limit cuts it off."""
        while not await self._lost(connection, tunnel.lifetime * self._jitter.uniform(0.9, 1.0)):
            if self._stopped.is_set():
                connection.close()
                return
            try:
                following, tunnel = await self._connect()
            except AgentError as error:
                log.warning("can't replace the connection yet: %s", error)
                continue
            self._keep(asyncio.get_running_loop().create_task(connection.retire()))
            connection = following

    async def _lost(self, connection: Connection, seconds: float) -> bool:
        """Wait until the connection is lost, its time is up, or the agent is stopped. Returns whether it is lost."""
        waits = [asyncio.ensure_future(event.wait()) for event in (connection.lost, self._stopped)]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
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


def _dial(server: Server, url: str) -> Link:
    """Open the WebSocket, waiting; runs in a thread. Raises ``Unreachable`` or ``Refused``."""
    options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        options.append((socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNSENT_TIMEOUT))
    link = websocket.WebSocket(sslopt={"context": server.trust()}, sockopt=options, skip_utf8_validation=True)
    try:
        link.connect(url, header=server.headers, timeout=15, redirect_limit=0)
    except websocket.WebSocketBadStatusException as error:
        if error.status_code in (401, 403, 404):
            raise Refused(f"{server.name} refused the tunnel ({error.status_code})") from error
        raise Unreachable(f"{server.name} answered {error.status_code} to the tunnel") from error
    except (OSError, ssl.SSLError, websocket.WebSocketException, ValueError) as error:
        raise Unreachable(f"can't open the tunnel to {server.name}: {error}") from error
    if not isinstance(link.sock, ssl.SSLSocket):
        raise Refused(f"{server.name} wants a tunnel without TLS")
    return link, link.sock
