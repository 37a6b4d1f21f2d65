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


class Carrier(Protocol):
    """The connection that an exchange travels on."""

    async def transmit(self, frames: Sequence[Frame], deflate: bool) -> None:
        """Send frames and wait until the connection takes more. A lost connection fails its exchanges by itself."""

    def post(self, frames: Sequence[Frame], deflate: bool) -> None:
        """Send frames without waiting, for whoever reads the connection and so must not wait for it."""

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
        self._changed = asyncio.Event()
        self._failure: Exception | None = None
        self.on_failure: Callable[[], object] | None = None

    @property
    def begun(self) -> bool:
        """The other end's head has come."""
        return self._stream.incoming.started

    async def send(self, data: bytes, fin: bool, head: str = "") -> None:
        """Send a piece, and wait until the other end has room for more. Raises ``Broken``."""
        await self._carrier.transmit(self._step(Send(data, fin, head)), self.deflate)
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
                await self._carrier.transmit(frames, False)
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
        self._changed.set()
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
                    self._changed.set()
                case Drained():
                    self._changed.set()
                case Failed(reason):
                    self.fail(Broken(reason))
        if self._stream.done:
            self._carrier.forget(self._stream.id)
        return frames

    async def _wait(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._changed.clear()
        await self._changed.wait()
