"""A stream's effects performed in asyncio: what both ends of a tunnel await. Standard library only, as the rest here.

``standalone/tunnel.py`` opens exchanges, ``agent/session.py`` answers them. The AWS edge performs the same effects without
asyncio and does not import this.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from chalicelib.tunnel.frames import Frame
from chalicelib.tunnel.streams import (
    Abort,
    Consumed,
    Deliver,
    Drained,
    Event,
    Failed,
    Received,
    Send,
    Stream,
    Transmit,
    step,
)


class Broken(Exception):
    """The exchange ended without a proper end; the text says why."""


class Outlet(Protocol):
    """Where an end's messages leave."""

    @property
    def full(self) -> bool:
        """So much is unsent that whoever produces more should ``drain`` first."""

    def send(self, message: bytes) -> None:
        """Send, sooner or later. Nothing is sent on a connection that is lost; who lost it fails its exchanges."""

    async def drain(self) -> None:
        """Wait until the connection takes more."""


class Carrier(Protocol):
    """The connection that an exchange travels on, as one of several."""

    @property
    def full(self) -> bool:
        """As the ``Outlet``'s."""

    def post(self, frames: Sequence[Frame], deflate: bool) -> None:
        """Send frames, sooner or later. A lost connection fails its exchanges by itself."""

    async def drain(self) -> None:
        """Wait until the connection takes more."""

    def forget(self, stream: str) -> None:
        """The stream is over."""


class Exchange:
    """One request and its answer, at one end.

    ``deflate`` compresses what this end sends. ``on_failure`` is called when the exchange fails, to end work that waits
    for something else than this exchange.
    """

    def __init__(self, stream: Stream, carrier: Carrier, *, deflate: bool = False) -> None:
        self.deflate = deflate
        self._stream = stream
        self._carrier = carrier
        self._inbox: deque[Deliver] = deque()
        self._waiting: list[asyncio.Future[None]] = []
        self._failure: Exception | None = None
        self.on_failure: Callable[[], object] | None = None

    @property
    def begun(self) -> bool:
        """The other end's head has come."""
        return self._stream.incoming.started

    async def send(self, data: bytes, fin: bool, head: str = "") -> None:
        """Send a piece, and wait until the other end has room for more. Raises ``Broken``."""
        self._carrier.post(self._step(Send(data, fin, head)), self.deflate)
        if self._carrier.full:
            await self._carrier.drain()
        while self._stream.blocked:
            await self._wait()
        if self._failure is not None:
            raise self._failure

    async def receive(self) -> Deliver:
        """Wait for the other end's next piece; the first one brings its head. Raises ``Broken``."""
        while not self._inbox:
            await self._wait()
        delivery = self._inbox.popleft()
        if not delivery.fin:
            frames = self._step(Consumed(len(delivery.data)))
            if frames:
                self._carrier.post(frames, False)
        return delivery

    def redirect(self, reply: str) -> None:
        """From now on answers go to this address: on AWS each one is good for a while only."""
        self._stream = self._stream._replace(reply=reply)

    def take(self, frame: Frame) -> None:
        """A frame of this stream came in; never waits."""
        frames = self._step(Received(frame))
        if frames:
            self._carrier.post(frames, self.deflate)

    def abort(self, reason: str, error: Exception | None = None) -> None:
        """Give up and tell the other end; whoever waits here gets ``error``. Does nothing when all was said."""
        if self._stream.done:
            self._carrier.forget(self._stream.id)
            return
        self._carrier.post(self._step(Abort(reason)), False)
        self.fail(error or Broken(reason))

    def fail(self, error: Exception) -> None:
        """The exchange is over; the other end knows or can't be told."""
        self._failure = self._failure or error
        self._wake()
        if self.on_failure is not None:
            self.on_failure()
        self._carrier.forget(self._stream.id)

    def _step(self, event: Event) -> list[Frame]:
        """Advance the stream; return the frames to send."""
        self._stream, effects = step(self._stream, event)
        frames = []
        for effect in effects:
            match effect:
                case Transmit(frame):
                    frames.append(frame)
                case Deliver():
                    self._inbox.append(effect)
                    self._wake()
                case Drained():
                    self._wake()
                case Failed(reason):
                    self.fail(Broken(reason))
        if self._stream.done:
            self._carrier.forget(self._stream.id)
        return frames

    async def _wait(self) -> None:
        if self._failure is not None:
            raise self._failure
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def _wake(self) -> None:
        """Let whoever sends or receives look again."""
        while self._waiting:
            waiting = self._waiting.pop()
            if not waiting.done():
                waiting.set_result(None)
