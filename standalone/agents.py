"""The WebSocket at ``/v3/connect``, by which agents bring their tunnels.

``protocol.py`` hands such connections over.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Protocol

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.typing import BytesLike

from chalicelib.clusters.registration import Admission
from chalicelib.errors import LariatError, Unauthorized
from chalicelib.tunnel.frames import MESSAGE, is_text
from standalone.tunnel import Tunnel, Tunnels
from standalone.websocket import WebSocket

log = logging.getLogger("lariat.server")

PATH = b"/v3/connect"
TOKEN = "X-API-Tunnel-Token"  # noqa: S105


class Agents(Protocol):
    """``chalicelib/gateway/agents.py``, as far as it is needed here."""

    def admit(self, token: str) -> Admission: ...


class Door:
    """Lets agents in: what an ``AgentSocket`` needs of the rest of the server. ``keepalive`` is in seconds."""

    def __init__(self, agents: Agents, tunnels: Tunnels, workers: Executor, keepalive: float) -> None:
        self.tunnels = tunnels
        self.keepalive = keepalive
        self._agents = agents
        self._workers = workers

    async def admit(self, token: str) -> Admission:
        """Tell whose agent this is. Raises ``Unauthorized``."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, self._agents.admit, token)


class AgentSocket(WebSocket):
    """One agent's connection, from the handshake to its end: the tunnel's ``Outlet``."""

    def __init__(self, door: Door, connections: set[Any], keep: Callable[[asyncio.Task[None]], None]) -> None:
        super().__init__(MESSAGE, connections, keep)
        self._door = door
        self._admission = Admission("", "")
        self._shown = ""
        self._tunnel: Tunnel | None = None
        self._fragments: list[BytesLike] = []
        self._opcode = Opcode.TEXT
        self._timer: asyncio.TimerHandle | None = None

    async def admit(self, request: Request) -> None:
        tokens = request.headers.get_all(TOKEN)
        if len(tokens) != 1:
            raise Unauthorized("a registration token is missing")
        self._admission = await self._door.admit(tokens[0])
        self._shown = tokens[0]

    def opened(self) -> None:
        cluster, token = self._admission
        self._tunnel = Tunnel(cluster, self, self._hang_up, deflate=not _is_near(self._transport), token=token)
        self._door.tunnels.add(self._tunnel)
        log.info("cluster %s: its agent is connected", cluster)
        self._keep(self._loop.create_task(self._confirm()))
        self._ping()

    def closed(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._tunnel is not None:
            self._door.tunnels.remove(self._tunnel)
            log.info("cluster %s: its agent is disconnected", self._admission.cluster)

    def take(self, frame: Frame) -> None:
        """Gather a message from its fragments and give it to the tunnel."""
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._opcode = frame.opcode
            self._fragments = [frame.data]
        elif frame.opcode is Opcode.CONT:
            self._fragments.append(frame.data)
        else:
            return
        if not frame.fin or self._tunnel is None:
            return
        if self._opcode is Opcode.BINARY:
            # API Gateway closes a connection that sends binary with this code; so do we.
            self.close(CloseCode.UNSUPPORTED_DATA)
            return
        whole = self._fragments[0] if len(self._fragments) == 1 else b"".join(self._fragments)
        message = bytes(whole)
        if is_text(message):
            self._tunnel.receive(message)
        else:
            self.close(CloseCode.INVALID_DATA)

    async def _confirm(self) -> None:
        """Look again now that it can be hung up on: its token may have been deleted after it was let in."""
        try:
            await self._door.admit(self._shown)
        except LariatError:
            await self._hang_up()

    async def _hang_up(self) -> None:
        self.close(CloseCode.NORMAL_CLOSURE)

    def _ping(self) -> None:
        if self._loop.time() - self._heard > 2.5 * self._door.keepalive:
            self._transport.abort()
            return
        self._socket.send_ping(b"")
        self._flush()
        self._timer = self._loop.call_later(self._door.keepalive, self._ping)


def _is_near(transport: Any) -> bool:
    """An agent on this machine: compressing for it would only cost processor time."""
    peer = transport.get_extra_info("peername")
    try:
        return ipaddress.ip_address(peer[0]).is_loopback
    except (TypeError, ValueError):
        return False
