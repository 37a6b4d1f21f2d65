"""An API Gateway in memory and in virtual time, with agents on it, and a network that may do its worst.

``Gateway`` is the ``Post`` and the ``Dial`` of one API; it passes ``tests/contract/relay.py``, as the real ones do.
"""

from __future__ import annotations

import heapq
import itertools
import json
import random
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.errors import Busy, Gone, LariatError, TooLarge, Unavailable
from chalicelib.tunnel.frames import MESSAGE, Frame, Kind, decode, encode
from chalicelib.tunnel.heads import RequestHead, ResponseHead, dump_response, load_request
from chalicelib.tunnel.streams import Abort, Consumed, Deliver, Event, Received, Send, Stream, Transmit, step
from tests.support.clock import ManualClock

LATENCY = 0.01

PING = b'{"action":"ping"}'
"""A message whose route has no function behind it (``infra/socket.tf``)."""

Pairs = Sequence[tuple[str, str]]

Delays = Callable[[], Sequence[float]]
"""When a message arrives, in seconds from now: never, once, or several times."""


class Routes(Protocol):
    """The handlers behind the API."""

    def connect(self, connection: str, headers: Pairs, query: Pairs = ()) -> None: ...
    def disconnect(self, connection: str) -> None: ...
    def message(self, connection: str, message: bytes) -> None: ...


class Peer(Protocol):
    def deliver(self, message: bytes) -> None: ...


def steady() -> Sequence[float]:
    return (LATENCY,)


class Gateway:
    """``counts`` has what AWS would bill: ``posts``, ``messages``, ``invocations``."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.routes: Routes | None = None
        self.delays: Delays = steady
        self.counts: Counter[str] = Counter()
        self.throttled = 0
        """How many of the next messages posted are refused."""
        self.clinging = 0
        """How many of the next connections that are to end do not."""
        self.deaf = 0
        """How many of the next messages sent here get lost, as on a connection that has died without a trace."""
        self.refusing = False
        self._peers: dict[str, Peer] = {}
        self._names = itertools.count(1)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def __call__(self, headers: Mapping[str, str]) -> GatewayLine:
        line = GatewayLine(self)
        line.name = self.attach(line, tuple((name.lower(), value) for name, value in headers.items()))
        return line

    def attach(self, peer: Peer, headers: Pairs, query: Pairs = ()) -> str:
        if self.refusing:
            raise Unavailable("the gateway refuses connections")
        name = f"conn{next(self._names):08d}A="
        self._invoke()
        try:
            self._routes.connect(name, headers, query)
        except LariatError as error:
            raise Unavailable(f"the gateway answered {error.status}") from error
        self._peers[name] = peer
        return name

    def detach(self, name: str, *, tell: bool = True) -> None:
        """End a connection; a peer that crashed is noticed, one that froze may not be."""
        if self._peers.pop(name, None) is not None and tell:
            self._invoke()
            self._routes.disconnect(name)

    def send(self, connection: str, message: bytes) -> None:
        self.counts["posts"] += 1
        if self.throttled:
            self.throttled -= 1
            raise Busy("the gateway throttles")
        if len(message) > MESSAGE:
            raise TooLarge("the message is too large")
        if connection not in self._peers:
            raise Gone("the connection has ended")
        self.later(lambda: self._deliver(connection, message))

    def hang_up(self, connection: str) -> None:
        self.counts["posts"] += 1
        if self.clinging:
            self.clinging -= 1
            raise Busy("the gateway throttles")
        self.detach(connection)

    def take(self, connection: str, message: bytes) -> None:
        """A peer sends a message: its handler runs some time after."""
        if connection not in self._peers:
            return
        if self.deaf:
            self.deaf -= 1
            return
        self.counts["messages"] += 1
        if message != PING:
            self.later(lambda: self._handle(connection, message))

    def later(self, act: Callable[[], None]) -> None:
        for delay in self.delays():
            heapq.heappush(self._events, (self.clock.now() + delay, next(self._order), act))

    def run(self, until: float, satisfied: Callable[[], bool] = lambda: False) -> None:
        """Let time pass and happen what is due, until ``satisfied``."""
        while not satisfied() and self._events and self._events[0][0] <= until:
            due, _, act = heapq.heappop(self._events)
            self.clock.advance(max(0.0, due - self.clock.now()))
            act()
        if not satisfied():
            self.clock.advance(max(0.0, until - self.clock.now()))

    def sleep(self, seconds: float) -> None:
        self.run(self.clock.now() + seconds)

    @property
    def _routes(self) -> Routes:
        assert self.routes is not None
        return self.routes

    def _invoke(self) -> None:
        self.counts["invocations"] += 1

    def _handle(self, connection: str, message: bytes) -> None:
        self._invoke()
        self._routes.message(connection, message)

    def _deliver(self, connection: str, message: bytes) -> None:
        if connection in self._peers:
            self._peers[connection].deliver(message)

    @property
    def names(self) -> list[str]:
        return list(self._peers)

    def holds(self, name: str) -> bool:
        return name in self._peers


class GatewayLine:
    """A ``Line``."""

    def __init__(self, gateway: Gateway) -> None:
        self.name = ""
        self._gateway = gateway
        self._inbox: deque[bytes] = deque()

    def send(self, message: bytes) -> None:
        self._check()
        self._gateway.take(self.name, message)

    def receive(self, seconds: float) -> bytes | None:
        gateway = self._gateway
        ready = lambda: bool(self._inbox) or not gateway.holds(self.name)  # noqa: E731
        gateway.run(gateway.clock.now() + seconds, ready)
        if self._inbox:
            return self._inbox.popleft()
        self._check()
        return None

    def close(self) -> None:
        self._gateway.detach(self.name)

    def deliver(self, message: bytes) -> None:
        self._inbox.append(message)

    def _check(self) -> None:
        if not self._gateway.holds(self.name):
            raise Gone("the connection has ended")


@dataclass
class Answering:
    """One request at an agent."""

    stream: Stream
    head: RequestHead | None = None
    body: bytes = b""


@dataclass
class GatewayAgent:
    """An agent on the gateway: answers each request with what ``answer`` makes of it, in pieces."""

    gateway: Gateway
    answer: Callable[[RequestHead, bytes], tuple[ResponseHead, Sequence[bytes]]]
    name: str = ""
    requests: list[RequestHead] = field(default_factory=list)
    cancelled: int = 0
    silent: bool = False
    endless: bool = False
    """Answers begin, but never end."""
    _answering: dict[str, Answering] = field(default_factory=dict)

    def connect(self, token: str) -> GatewayAgent:
        self.name = self.gateway.attach(self, (("x-api-tunnel-token", token),))
        return self

    def leave(self, *, tell: bool = True) -> None:
        self.gateway.detach(self.name, tell=tell)

    def say(self, *frames: Frame) -> None:
        for frame in frames:
            for message in encode(frame, deflate=True):
                self.gateway.take(self.name, message)

    def deliver(self, message: bytes) -> None:
        frame = decode(message)
        if frame.kind is Kind.PONG or self.silent:
            return
        if frame.kind is Kind.PING:
            answering = self._answering[frame.stream]
            answering.stream = answering.stream._replace(reply=frame.reply)
            return
        known = self._answering.setdefault(frame.stream, Answering(Stream(frame.stream, Kind.HEAD, frame.reply)))
        if frame.kind is Kind.RESET:
            self.cancelled += 1
        self._handle(known, Received(frame))

    def _handle(self, answering: Answering, event: Event) -> None:
        answering.stream, effects = step(answering.stream, event)
        for effect in effects:
            match effect:
                case Transmit(frame):
                    self.say(frame)
                case Deliver(data, fin, head):
                    self._take(answering, data, fin, head)

    def _take(self, answering: Answering, data: bytes, fin: bool, head: str) -> None:
        if head:
            answering.head = load_request(head)
        answering.body += data
        if not fin:
            self._handle(answering, Consumed(len(data)))
            return
        assert answering.head is not None
        self.requests.append(answering.head)
        response, pieces = self.answer(answering.head, answering.body)
        for number, piece in enumerate(pieces or (b"",)):
            last = number >= len(pieces) - 1
            self._handle(
                answering, Send(piece, last and not self.endless, dump_response(response) if number == 0 else "")
            )

    def fail(self, reason: str) -> None:
        for answering in self._answering.values():
            self._handle(answering, Abort(reason))


def harmful(chance: random.Random, *, drop: bool) -> Delays:
    """Messages overtake each other, come twice, and sometimes never."""

    def delays() -> Sequence[float]:
        if drop and chance.random() < 0.15:
            return ()
        return [chance.expovariate(5.0) for _ in range(2 if chance.random() < 0.3 else 1)]

    return delays


def echo(head: RequestHead, body: bytes) -> tuple[ResponseHead, Sequence[bytes]]:
    document = json.dumps({"method": head.method, "target": head.target, "size": len(body)}).encode()
    return ResponseHead(200, (("content-type", "application/json"),)), [document]
