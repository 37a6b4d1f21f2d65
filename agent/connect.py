"""Keeps the cluster connected: registers, opens the tunnel, and opens it again whenever it is lost.

``agent/__main__.py`` runs it for as long as the process lives.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import NamedTuple

from agent.errors import AgentError, Refused
from agent.link import Link, Opened, dial
from agent.server import Cluster, Server, Tunnel
from agent.session import Session
from agent.upstream import Upstream

log = logging.getLogger("lariat.agent")

FIRST_DELAY = 0.5
LONGEST_DELAY = 8.0
REFUSED_DELAY = 60.0
DRAIN = 600.0
"""Seconds that a replaced connection may still take to finish its requests."""

TERMS = 86_400.0
"""Seconds for which an agent that has no news connects on the terms that it was given."""


def delays(chance: random.Random) -> Callable[[int], float]:
    """Backoff with full jitter: many agents that lost one server must not come back all at once."""
    return lambda attempt: chance.uniform(0, min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(attempt, 10)))


class Connection:
    """One WebSocket with the session on it."""

    def __init__(self, tunnel: Tunnel, opened: Opened, upstream: Upstream) -> None:
        self._tunnel = tunnel
        self._link = Link(opened, tunnel.frame, self._take, self._end)
        self._session = Session(self._link, upstream)
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self.lost = asyncio.Event()

    def start(self) -> asyncio.Task[None]:
        """Begin to read; return the task that keeps the connection alive until it is lost."""
        self._link.start()
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
        self._link.close()
        self._session.close()

    def _take(self, message: bytes) -> None:
        self._heard = self._loop.time()
        self._session.receive(message)

    def _end(self, reason: str) -> None:
        log.warning("the tunnel is lost: %s", reason)
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
        tunnel, opened = await asyncio.to_thread(self._dial)
        connection = Connection(tunnel, opened, self._upstream)
        self._keep(connection.start())
        log.info("cluster %s is connected to %s", tunnel.cluster, self._server.name)
        return connection, tunnel

    def _dial(self) -> tuple[Tunnel, Opened]:
        """Register, unless the last connection's terms still hold; what fails makes for a new registration."""
        cluster, now = self._cluster(), time.monotonic()
        agreed, self._agreed = self._agreed, None
        if agreed is None or agreed.cluster != cluster or now > agreed.until:
            agreed = _Agreed(cluster, self._server.register(cluster), now + TERMS)
        opened = dial(
            agreed.tunnel.url, self._server.name, self._server.trust(), self._server.headers, self._server.way
        )
        self._agreed = agreed
        return agreed.tunnel, opened

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


async def _first(seconds: float, *events: asyncio.Event) -> None:
    """Wait for the first of some events, but not for ever."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
