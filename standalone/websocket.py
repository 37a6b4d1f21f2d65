"""The server's end of a WebSocket, on a connection that ``protocol.py`` hands over: what all that we offer have in common.

Messages go straight from the network to whom they are for: a task and a queue between the two would cost every proxied
request two turns of the event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from websockets.frames import CloseCode, Frame
from websockets.http11 import Request
from websockets.server import ServerProtocol

from chalicelib.api.application import refusal
from chalicelib.errors import LariatError


class WebSocket(asyncio.Protocol):
    """From the handshake to the end. A subclass says who is let in, and takes the frames."""

    def __init__(self, largest: int, connections: set[Any], keep: Callable[[asyncio.Task[None]], None]) -> None:
        self._connections = connections
        self._keep = keep
        self._loop = asyncio.get_running_loop()
        self._socket = ServerProtocol(max_size=largest, logger=logging.getLogger("lariat.socket"))
        self._transport: Any = None
        self._open = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._heard = self._loop.time()

    async def admit(self, request: Request) -> None:
        """Raises ``LariatError`` for whom to refuse."""
        raise NotImplementedError

    def opened(self) -> None:
        """The handshake is done."""

    def take(self, frame: Frame) -> None:
        """A frame has come; what the protocol itself answers was answered."""

    def closed(self) -> None:
        """The connection is gone, whether it was ever open or not."""

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
                self.take(event)
        # Answers to pings and to a goodbye write themselves.
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._writable.set()
        self.closed()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def shutdown(self) -> None:
        """The server stops; the other end will look for it again."""
        self.close(CloseCode.SERVICE_RESTART)

    @property
    def full(self) -> bool:
        return not self._writable.is_set()

    async def drain(self) -> None:
        await self._writable.wait()

    def send(self, message: bytes) -> None:
        if self._transport.is_closing():
            # Who waits for an answer hears of it from ``closed``.
            return
        self._socket.send_text(message)
        self._flush()

    def close(self, code: CloseCode, reason: str = "") -> None:
        if self._open and not self._transport.is_closing():
            self._socket.send_close(code, reason)
            self._flush()
        self._transport.close()

    async def _welcome(self, request: Request) -> None:
        try:
            await self.admit(request)
        except LariatError as error:
            self._refuse(error)
            return
        response = self._socket.accept(request)
        self._socket.send_response(response)
        self._flush()
        if response.status_code != 101 or self._transport.is_closing():
            self._transport.close()
            return
        self._open = True
        self.opened()

    def _refuse(self, error: LariatError) -> None:
        answer = refusal(error)
        response = self._socket.reject(answer.status, answer.body.decode())
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "application/json"
        self._socket.send_response(response)
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        for data in self._socket.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()
