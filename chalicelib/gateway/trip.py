"""One request on its way to an agent and its answer on the way back: a stream's effects performed by waiting.

The synchronous counterpart of ``chalicelib/tunnel/exchange.py``; ``relay.py`` makes trips.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from chalicelib.errors import AnswerLost, BrokenOff, Gone, TimedOut, Unavailable
from chalicelib.gateway.mailbox import Mailbox
from chalicelib.proxy.buffered import Collector
from chalicelib.tunnel.frames import Frame, FrameError, Kind, decode, encode
from chalicelib.tunnel.heads import load_response
from chalicelib.tunnel.streams import Abort, Consumed, Deliver, Event, Failed, Received, Send, Stream, Transmit, step
from chalicelib.types import Clock


class Trip:
    """``send`` hands one message to the agent and raises ``Gone``, ``Busy`` or ``Unavailable``."""

    def __init__(
        self, stream: Stream, send: Callable[[bytes], None], mailbox: Mailbox, collector: Collector, clock: Clock
    ) -> None:
        self._stream = stream
        self._send = send
        self._mailbox = mailbox
        self._collector = collector
        self._clock = clock
        self._begun = False
        self._satisfied = False

    def start(self, document: str, body: bytes) -> None:
        """Send the request. Raises ``Gone`` if the agent is not there: then it never was whole, so not carried out."""
        self._handle(Send(body, True, document))

    def finish(self, until: float, seconds: float) -> None:
        """Wait until the collector has all that it wants. Raises ``TimedOut``, ``AnswerLost``, ``BrokenOff``, ``Busy``."""
        while not self._satisfied:
            left = until - self._clock.now()
            if left <= 0:
                raise TimedOut(f"the cluster did not answer within {seconds:.0f} seconds")
            frame = self._next(left)
            if frame is not None:
                self._proceed(Received(frame))

    def cancel(self, reason: str) -> None:
        """Tell the agent to stop, unless all is said."""
        if not self._stream.done:
            with contextlib.suppress(Unavailable):
                self._handle(Abort(reason))

    def _next(self, seconds: float) -> Frame | None:
        try:
            message = self._mailbox.receive(seconds)
            frame = decode(message) if message is not None else None
        except Gone:
            raise AnswerLost("the connection that the answer was to come on has ended") from None
        except FrameError:
            return None
        return frame if frame is not None and frame.stream == self._stream.id else None

    def _proceed(self, event: Event) -> None:
        try:
            self._handle(event)
        except Gone:
            raise AnswerLost("the cluster's agent was disconnected before it answered") from None

    def _handle(self, event: Event) -> None:
        self._stream, effects = step(self._stream, event)
        for effect in effects:
            match effect:
                case Transmit(frame):
                    for message in encode(frame, deflate=frame.kind in (Kind.OPEN, Kind.DATA)):
                        self._send(message)
                case Deliver():
                    self._deliver(effect)
                case Failed(reason):
                    raise BrokenOff(reason)

    def _deliver(self, delivery: Deliver) -> None:
        if not self._begun:
            self._begin(delivery.head)
        wanted = self._collector.take(delivery.data)
        self._satisfied = delivery.fin or not wanted
        if not self._satisfied:
            self._handle(Consumed(len(delivery.data)))

    def _begin(self, document: str) -> None:
        try:
            head = load_response(document)
        except FrameError as error:
            raise BrokenOff(f"the cluster's agent sent a {error}") from None
        if head.status == 101:
            raise BrokenOff("the cluster switched protocols without being asked")
        self._begun = True
        self._collector.begin(head)
