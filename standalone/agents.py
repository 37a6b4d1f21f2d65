"""The WebSocket at ``/v3/connect``, by which agents bring their tunnels.

``protocol.py`` hands such connections over. Messages go straight from the network into the tunnel: a task and a queue
between the two would cost every proxied request two turns of the event loop.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import BytesLike

from chalicelib.api.application import refusal
from chalicelib.errors import LariatError, Unauthorized
from chalicelib.gateway.agents import Agents
from chalicelib.tunnel.frames import MESSAGE, is_text
from standalone.tunnel import Tunnel, Tunnels

log = logging.getLogger("lariat.server")

PATH = b"/v3/connect"
TOKEN = "X-API-Tunnel-Token"  # noqa: S105


class Door:
    """Lets agents in: what an ``AgentSocket`` needs of the rest of the server. ``keepalive`` is in seconds."""

    def __init__(self, agents: Agents, tunnels: Tunnels, workers: Executor, keepalive: float) -> None:
        self.tunnels = tunnels
        self.keepalive = keepalive
        self._agents = agents
        self._workers = workers

    async def admit(self, request: Request) -> str:
        """Return the cluster of an agent. Raises ``Unauthorized``."""
        tokens = request.headers.get_all(TOKEN)
        if len(tokens) != 1:
            raise Unauthorized("a registration token is missing")
        return await asyncio.get_running_loop().run_in_executor(self._workers, self._agents.admit, tokens[0])


class AgentSocket(asyncio.Protocol):
    """One agent's connection, from the handshake to its end: the tunnel's ``Outlet``."""

    def __init__(self, door: Door, connections: set[Any], keep: Callable[[asyncio.Task[None]], None]) -> None:
        self._door = door
        self._connections = connections
        self._keep = keep
        self._loop = asyncio.get_running_loop()
        self._socket = ServerProtocol(max_size=MESSAGE, logger=logging.getLogger("lariat.socket"))
        self._transport: Any = None
        self._tunnel: Tunnel | None = None
        self._fragments: list[BytesLike] = []
        self._opcode = Opcode.TEXT
        self._writable = asyncio.Event()
        self._writable.set()
        self._heard = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        self._socket.receive_data(data)
        for event in self._socket.events_received():
            if isinstance(event, Request):
                self._keep(self._loop.create_task(self._welcome(event)))
            elif isinstance(event, Frame):
                self._take(event)
        # Answers to pings and to a goodbye write themselves.
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._writable.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._tunnel is not None:
            self._door.tunnels.remove(self._tunnel)
            log.info("cluster %s: its agent is disconnected", self._tunnel.cluster)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def shutdown(self) -> None:
        """The server stops; the agent will look for it again."""
        self._close(CloseCode.SERVICE_RESTART)

    async def _welcome(self, request: Request) -> None:
        try:
            cluster = await self._door.admit(request)
        except LariatError as error:
            self._refuse(error)
            return
        response = self._socket.accept(request)
        self._socket.send_response(response)
        self._flush()
        if response.status_code != 101 or self._transport.is_closing():
            self._transport.close()
            return
        self._tunnel = Tunnel(cluster, self, self._hang_up, deflate=not _is_near(self._transport))
        self._door.tunnels.add(self._tunnel)
        log.info("cluster %s: its agent is connected", cluster)
        self._ping()

    def _refuse(self, error: LariatError) -> None:
        answer = refusal(error)
        response = self._socket.reject(answer.status, answer.body.decode())
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "application/json"
        self._socket.send_response(response)
        self._flush()
        self._transport.close()

    def _take(self, frame: Frame) -> None:
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
            self._close(CloseCode.UNSUPPORTED_DATA)
            return
        whole = self._fragments[0] if len(self._fragments) == 1 else b"".join(self._fragments)
        message = bytes(whole)
        if is_text(message):
            self._tunnel.receive(message)
        else:
            self._close(CloseCode.INVALID_DATA)

    @property
    def full(self) -> bool:
        return not self._writable.is_set()

    def send(self, message: bytes) -> None:
        if self._transport.is_closing():
            # The tunnel hears of it from ``connection_lost``, and fails what waits for an answer.
            return
        self._socket.send_text(message)
        self._flush()

    async def drain(self) -> None:
        await self._writable.wait()

    async def _hang_up(self) -> None:
        self._close(CloseCode.NORMAL_CLOSURE)

    def _ping(self) -> None:
        if self._loop.time() - self._heard > 2.5 * self._door.keepalive:
            self._transport.abort()
            return
        self._socket.send_ping(b"")
        self._flush()
        self._timer = self._loop.call_later(self._door.keepalive, self._ping)

    def _close(self, code: CloseCode) -> None:
        if self._tunnel is not None and not self._transport.is_closing():
            self._socket.send_close(code)
            self._flush()
        self._transport.close()

    def _flush(self) -> None:
        for data in self._socket.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()


def _is_near(transport: Any) -> bool:
    """An agent on this machine: compressing for it would only cost processor time."""
    peer = transport.get_extra_info("peername")
    try:
        return ipaddress.ip_address(peer[0]).is_loopback
    except (TypeError, ValueError):
        return False
