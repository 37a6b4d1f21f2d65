"""The address for answers: one WebSocket of this process's own, opened when it is needed and kept while it lives.

Between two requests a Lambda's process is frozen, perhaps for hours; its connection may die meanwhile without a trace.
So before each use a doubt about it is settled: by what lies in its buffers, by asking the gateway, or by opening a new one.
"""

from __future__ import annotations

from chalicelib.errors import Gone, Unavailable
from chalicelib.gateway.tickets import Tickets
from chalicelib.tunnel.frames import ASK, Frame, FrameError, Kind, decode, encode
from chalicelib.types import Clock, Dial, Line

FRESH = 30.0
"""Seconds since the last message for which a connection is believed to live."""

STALE = 540.0
"""Seconds of silence after which asking is pointless: API Gateway closes after ten minutes."""

OLDEST = 6600.0
"""Seconds; API Gateway closes after two hours, and the longest request must end before that."""

ANSWER_SECONDS = 2.0
ATTEMPTS = 2
_PING = next(encode(Frame(Kind.PING, document=ASK)))


class Mailbox:
    """For one thread."""

    def __init__(self, dial: Dial, tickets: Tickets, clock: Clock) -> None:
        self._dial = dial
        self._tickets = tickets
        self._clock = clock
        self._line: Line | None = None
        self._address = ""
        self._opened = self._heard = 0.0

    def address(self, until: float) -> str:
        """Return the name of a connection of ours that lives. Raises ``Unavailable`` if there is none by ``until``."""
        if self._line is None or not self._lives(self._line, until):
            self.close()
            self._open(until)
        return self._address

    def receive(self, seconds: float) -> bytes | None:
        """Wait for a message; ``None`` if none came in time. Raises ``Gone`` when the connection has ended."""
        if self._line is None:
            raise Gone("the connection for answers has ended")
        try:
            message = self._line.receive(seconds)
        except Gone:
            self.close()
            raise
        if message is not None:
            self._heard = self._clock.now()
        return message

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = None

    def _lives(self, line: Line, until: float) -> bool:
        now = self._clock.now()
        silence = now - self._heard
        if silence > STALE or now - self._opened > OLDEST:
            return False
        try:
            # What lies here belongs to requests that are over.
            while line.receive(0) is not None:
                pass
            return silence <= FRESH or self._ask(line, until) == self._address
        except Gone:
            return False

    def _open(self, until: float) -> None:
        for _ in range(ATTEMPTS):
            line = self._dial(self._tickets.headers())
            try:
                address = self._ask(line, until)
            except Gone:
                address = ""
            if address:
                self._line, self._address = line, address
                self._opened = self._heard = self._clock.now()
                return
            line.close()
            if self._clock.now() >= until:
                break
        raise Unavailable("the gateway that answers come through does not answer")

    def _ask(self, line: Line, until: float) -> str:
        """Return the name by which the gateway knows this connection, empty if it does not say. Raises ``Gone``."""
        line.send(_PING)
        end = min(until, self._clock.now() + ANSWER_SECONDS)
        while (left := end - self._clock.now()) > 0:
            message = line.receive(left)
            if message is not None and (name := _name(message)):
                self._heard = self._clock.now()
                return name
        return ""


def _name(message: bytes) -> str:
    try:
        frame = decode(message)
    except FrameError:
        return ""
    return frame.document if frame.kind is Kind.PONG else ""
