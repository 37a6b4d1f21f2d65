"""All that happens on one connection to the server: requests come in, the API server's answers go out.

``agent/connect.py`` feeds it the messages of a WebSocket; ``standalone/direct.py`` those of a cluster that the server
reaches by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from agent.answer import answer
from agent.upstream import Upstream
from chalicelib.tunnel.eager import begin
from chalicelib.tunnel.exchange import Broken, Exchange, Outlet
from chalicelib.tunnel.frames import ASK, Frame, FrameError, Kind, decode, encode
from chalicelib.tunnel.streams import Stream

log = logging.getLogger("lariat.agent")

MOST_STREAMS = 1024
"""Requests at once; a watch counts for as long as it lasts."""

BUSY = '{"reason":"the agent is busy with too many requests"}'
UNKNOWN = '{"reason":"the agent knows nothing of this request any more"}'
_REMEMBERED = 4096
_OPENING = (Kind.OPEN, Kind.DATA)


class Session:
    """The streams of one connection: a ``Carrier`` for their exchanges."""

    def __init__(self, outlet: Outlet, upstream: Upstream) -> None:
        self._outlet = outlet
        self._upstream = upstream
        self._exchanges: dict[str, Exchange] = {}
        # Late or doubled frames of a stream that is over must not open it again.
        self._finished: dict[str, None] = {}
        self._unbegun: frozenset[str] = frozenset()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self.idle = asyncio.Event()
        """Set while no request is under way."""
        self.idle.set()

    def receive(self, message: bytes) -> None:
        """Take a message from the server; what is no frame is dropped."""
        try:
            frame = decode(message)
        except FrameError as error:
            log.warning("dropped a message that is no frame: %s", error)
            return
        if frame.kind is Kind.PING:
            self._answer_ping(frame)
            return
        exchange = self._find(frame)
        if exchange is None:
            return
        if frame.kind is Kind.OPEN:
            exchange.redirect(frame.reply)
        before = exchange.begun
        exchange.take(frame)
        if exchange.begun and not before:
            self._start(exchange)

    def ping(self, ask: bool, plain: str = "") -> None:
        """Keep the connection alive, and drop streams whose head has not come since the last time.

        ``ask`` for a sign of life from the server; on AWS each one is billed. ``plain`` is what it prefers to be sent else.
        """
        unbegun = frozenset(name for name, exchange in self._exchanges.items() if not exchange.begun)
        for stream in unbegun & self._unbegun:
            self.forget(stream)
        self._unbegun = unbegun
        if plain and not ask:
            self._outlet.send(plain.encode())
        else:
            self.post([Frame(Kind.PING, document=ASK if ask else "")], False)

    def leave(self) -> None:
        """Ask the server to open no more streams here, since a newer connection has taken over."""
        self.post([Frame(Kind.GOAWAY)], False)

    def close(self) -> None:
        """The connection is gone: stop every request."""
        self._closed = True
        for exchange in list(self._exchanges.values()):
            exchange.fail(Broken("the connection to the server is lost"))
        for task in self._tasks:
            task.cancel()

    @property
    def full(self) -> bool:
        return self._outlet.full

    async def drain(self) -> None:
        await self._outlet.drain()

    def post(self, frames: Sequence[Frame], deflate: bool) -> None:
        for frame in frames:
            for message in encode(frame, deflate=deflate):
                self._outlet.send(message)

    def forget(self, stream: str) -> None:
        if self._exchanges.pop(stream, None) is not None:
            self._remember(stream)
        if not self._exchanges:
            self.idle.set()

    def _answer_ping(self, frame: Frame) -> None:
        """The server asks for a sign of life, or whether a stream goes on, whose answers go to a new address then."""
        if not frame.stream:
            self.post([Frame(Kind.PONG, reply=frame.reply)], False)
        elif (exchange := self._exchanges.get(frame.stream)) is not None:
            exchange.redirect(frame.reply)
        else:
            self.post([Frame(Kind.RESET, frame.stream, document=UNKNOWN, reply=frame.reply)], False)

    def _find(self, frame: Frame) -> Exchange | None:
        """Return the exchange of a frame, a new one if the frame may open it."""
        exchange = self._exchanges.get(frame.stream)
        if exchange is not None or self._closed or frame.stream in self._finished:
            return exchange
        if frame.kind is Kind.RESET:
            self._remember(frame.stream)
        if frame.kind not in _OPENING:
            return None
        if len(self._exchanges) >= MOST_STREAMS:
            self._remember(frame.stream)
            self.post([Frame(Kind.RESET, frame.stream, document=BUSY, reply=frame.reply)], False)
            return None
        exchange = Exchange(Stream(frame.stream, Kind.HEAD, frame.reply), self)
        self._exchanges[frame.stream] = exchange
        self.idle.clear()
        return exchange

    def _start(self, exchange: Exchange) -> None:
        task = begin(answer(exchange, self._upstream))
        if task is None:
            return
        exchange.on_failure = task.cancel
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _remember(self, stream: str) -> None:
        self._finished[stream] = None
        if len(self._finished) > _REMEMBERED:
            del self._finished[next(iter(self._finished))]
