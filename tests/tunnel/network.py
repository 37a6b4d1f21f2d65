"""Two ends of a stream and a network between them that does what it likes."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from enum import Enum

from chalicelib.tunnel.frames import Frame, FrameError, Kind, decode, encode
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


class Harm(Enum):
    SHUFFLE = 1
    DOUBLE = 2
    DROP = 3
    CUT = 4


@dataclass
class End:
    """One end with its application: sends ``outgoing`` piece by piece and collects what is delivered."""

    stream: Stream
    head: str
    outgoing: list[bytes]
    deflate: bool = False
    wire: list[bytes] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    received: bytes = b""
    unconsumed: int = 0
    finished: int = 0
    failures: list[str] = field(default_factory=list)
    position: int = 0

    def handle(self, event: Event) -> None:
        self.stream, effects = step(self.stream, event)
        for effect in effects:
            match effect:
                case Transmit(frame):
                    self.wire.extend(encode(frame, deflate=self.deflate))
                case Deliver(data, fin, head):
                    assert not self.finished, "delivered after the end"
                    if head:
                        self.heads.append(head)
                    self.received += data
                    self.unconsumed += len(data)
                    self.finished += fin
                case Failed(reason):
                    self.failures.append(reason)
                case Drained():
                    pass

    def produce(self) -> bool:
        """Send the next piece, unless credit is missing. Return whether there was something to do."""
        if self.stream.blocked or self.position == len(self.outgoing):
            return False
        piece = self.outgoing[self.position]
        self.position += 1
        head = self.head if self.position == 1 else ""
        self.handle(Send(piece, self.position == len(self.outgoing), head))
        return True

    def consume(self) -> bool:
        if not self.unconsumed:
            return False
        size, self.unconsumed = self.unconsumed, 0
        self.handle(Consumed(size))
        return True

    def abort(self) -> None:
        self.handle(Abort("enough"))


def pair(request: list[bytes], answer: list[bytes], deflate: bool = False) -> tuple[End, End]:
    caller = End(Stream("s1", Kind.OPEN, "reply"), "request", request, deflate)
    answerer = End(Stream("s1", Kind.HEAD, "reply"), "answer", answer, deflate)
    return caller, answerer


def run(caller: End, answerer: End, chance: random.Random, harms: frozenset[Harm], most: int = 100_000) -> None:
    """Let both ends work and the network carry and harm, in random order, until nothing moves any more."""
    for _ in range(most):
        moves = [caller.produce, answerer.produce, caller.consume, answerer.consume]
        chance.shuffle(moves)
        moved = any([move() for move in moves[: chance.randint(1, 4)]])
        moved |= _carry(caller, answerer, chance, harms) | _carry(answerer, caller, chance, harms)
        if not moved and not any([move() for move in moves]) and not caller.wire and not answerer.wire:
            return
    raise AssertionError("never came to rest")


def _carry(source: End, target: End, chance: random.Random, harms: frozenset[Harm]) -> bool:
    if not source.wire:
        return False
    if Harm.SHUFFLE in harms:
        chance.shuffle(source.wire)
    for _ in range(chance.randint(1, len(source.wire))):
        message = source.wire.pop(0)
        if Harm.DROP in harms and chance.random() < 0.1:
            continue
        if Harm.DOUBLE in harms and chance.random() < 0.3:
            source.wire.append(message)
        if Harm.CUT in harms and chance.random() < 0.1:
            message = message[: chance.randrange(len(message))]
        frame = _read(message)
        if frame is not None:
            target.handle(Received(frame))
    return True


def _read(message: bytes) -> Frame | None:
    try:
        return decode(message)
    except FrameError:
        return None
