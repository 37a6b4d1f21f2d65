"""One request and its answer, as seen from one end of the tunnel: a pure state machine.

``step(stream, event)`` returns the new state and what is to be done. Each direction is a run of bytes with a head (the
request's or the answer's) in front. Frames may come in any order, doubled, or not at all; bytes are delivered in order,
once, or never. The receiver grants credit in absolute offsets, so a lost or doubled grant does no harm.

``standalone/tunnel.py`` (the caller's end) and ``agent/session.py`` (the answerer's end) perform the effects.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from chalicelib.tunnel.frames import DATA, DOCUMENT, Frame, Kind

WINDOW = 1024 * 1024
"""Bytes that a sender may be ahead of the receiver's consumer; what one stalled stream costs in memory at most."""

MOST_EARLY = 4096
"""Frames held out of order at most: empty ones cost memory too."""

LONGEST_REASON = DOCUMENT // 16
"""Letters of why a stream was ended; JSON may write each as twelve."""


class Received(NamedTuple):
    """A frame of this stream came in."""

    frame: Frame


class Send(NamedTuple):
    """Send bytes; the first one carries the head. ``fin`` ends this direction."""

    data: bytes = b""
    fin: bool = False
    head: str = ""


class Consumed(NamedTuple):
    """The consumer has taken delivered bytes, so as many may follow."""

    size: int


class Abort(NamedTuple):
    """This end gives up; the other one is told why."""

    reason: str


Event: TypeAlias = Received | Send | Consumed | Abort


class Transmit(NamedTuple):
    frame: Frame


class Deliver(NamedTuple):
    """The next bytes for the consumer. ``head`` comes with the first delivery alone; ``fin`` with the last."""

    data: bytes
    fin: bool
    head: str = ""


class Drained(NamedTuple):
    """All that was to be sent has left: the producer may go on."""


class Failed(NamedTuple):
    """The stream is over without a proper end."""

    reason: str


Effect: TypeAlias = Transmit | Deliver | Drained | Failed


class Outgoing(NamedTuple):
    """The direction that this end sends. ``credit`` is the offset up to which the other end takes bytes."""

    sent: int = 0
    credit: int = WINDOW
    backlog: bytes = b""
    opened: bool = False
    ending: bool = False
    ended: bool = False


class Incoming(NamedTuple):
    """The direction that this end receives. ``early`` holds frames, by offset, that came before their turn."""

    received: int = 0
    granted: int = WINDOW
    consumed: int = 0
    head: str = ""
    started: bool = False
    early: Mapping[int, Frame] = MappingProxyType({})
    final: int | None = None
    finished: bool = False

    def learning(self, head: str, final: int | None) -> Incoming:
        """Written out, as ``Stream``'s below."""
        return Incoming(
            self.received, self.granted, self.consumed, head, self.started, self.early, final, self.finished
        )


class Stream(NamedTuple):
    """The state of one end. ``kind`` is what this end's first frame is: ``OPEN`` for a caller, ``HEAD`` for an answerer."""

    id: str
    kind: Kind
    reply: str = ""
    outgoing: Outgoing = Outgoing()
    incoming: Incoming = Incoming()
    failed: bool = False

    # Written out, as each frame of each stream passes here and ``_replace`` is slow.

    def sending(self, outgoing: Outgoing) -> Stream:
        return Stream(self.id, self.kind, self.reply, outgoing, self.incoming, self.failed)

    def receiving(self, incoming: Incoming) -> Stream:
        return Stream(self.id, self.kind, self.reply, self.outgoing, incoming, self.failed)

    @property
    def done(self) -> bool:
        """Neither end has anything left to say: the stream may be forgotten."""
        return self.failed or (self.outgoing.ended and self.incoming.finished)

    @property
    def blocked(self) -> bool:
        """Bytes wait for credit: the producer should wait for ``Drained``."""
        return bool(self.outgoing.backlog)


Step: TypeAlias = tuple[Stream, tuple[Effect, ...]]


def step(stream: Stream, event: Event) -> Step:
    if stream.failed:
        return stream, ()
    match event:
        case Received(frame):
            return _receive(stream, frame)
        case Send():
            return _send(stream, event)
        case Consumed(size):
            return _consume(stream, size)
        case Abort(reason):
            return _abort(stream, reason)


def _send(stream: Stream, event: Send) -> Step:
    outgoing = stream.outgoing
    backlog = outgoing.backlog + event.data if outgoing.backlog else event.data
    ending = outgoing.ending or event.fin
    outgoing = Outgoing(outgoing.sent, outgoing.credit, backlog, outgoing.opened, ending, outgoing.ended)
    return _flush(stream, outgoing, event.head)


def _flush(stream: Stream, outgoing: Outgoing, head: str = "") -> Step:
    """Transmit what the credit allows."""
    ready = outgoing.backlog[: max(0, outgoing.credit - outgoing.sent)]
    rest = outgoing.backlog[len(ready) :]
    fin = outgoing.ending and not rest
    if outgoing.ended or not (ready or head or fin):
        return stream.sending(outgoing), ()
    kind = Kind.DATA if outgoing.opened else stream.kind
    frame = Frame(kind, stream.id, outgoing.sent, fin, head, ready, stream.reply)
    outgoing = Outgoing(outgoing.sent + len(ready), outgoing.credit, rest, True, outgoing.ending, fin)
    effects: tuple[Effect, ...] = (Transmit(frame),) if rest else (Transmit(frame), Drained())
    return stream.sending(outgoing), effects


def _consume(stream: Stream, size: int) -> Step:
    incoming = stream.incoming
    consumed = incoming.consumed + size
    if incoming.final is not None or incoming.granted - consumed > WINDOW // 2:
        return stream.receiving(incoming._replace(consumed=consumed)), ()
    granted = consumed + WINDOW
    grant = Frame(Kind.CREDIT, stream.id, granted, reply=stream.reply)
    return stream.receiving(incoming._replace(consumed=consumed, granted=granted)), (Transmit(grant),)


def _abort(stream: Stream, reason: str) -> Step:
    document = json.dumps({"reason": reason[:LONGEST_REASON]})
    return stream._replace(failed=True), (
        Transmit(Frame(Kind.RESET, stream.id, document=document, reply=stream.reply)),
    )


def _receive(stream: Stream, frame: Frame) -> Step:
    match frame.kind:
        case Kind.OPEN | Kind.HEAD | Kind.DATA:
            return _accept(stream, stream.incoming, frame)
        case Kind.CREDIT:
            outgoing = stream.outgoing
            return _flush(stream, outgoing._replace(credit=max(outgoing.credit, frame.offset)))
        case Kind.RESET:
            return stream._replace(failed=True), (Failed(_reason(frame.document)),)
        case _:
            return stream, ()


def _accept(stream: Stream, incoming: Incoming, frame: Frame) -> Step:
    end = frame.offset + len(frame.data)
    if incoming.finished:
        return stream, ()
    if end > incoming.granted or (incoming.final is not None and end > incoming.final):
        return _violated(stream, "more bytes than allowed")
    if frame.fin:
        beyond = incoming.received > end or any(at + len(early.data) > end for at, early in incoming.early.items())
        if beyond or incoming.final not in (None, end):
            return _violated(stream, "two different ends")
        incoming = incoming.learning(incoming.head, end)
    if frame.document and not incoming.head:
        incoming = incoming.learning(frame.document, incoming.final)
    if frame.offset > incoming.received or not incoming.head:
        return _keep(stream, incoming, frame)
    return _deliver(stream, incoming, frame)


def _keep(stream: Stream, incoming: Incoming, frame: Frame) -> Step:
    """Hold a frame that came before its turn; of two at one place the longer one."""
    known = incoming.early.get(frame.offset)
    if known is not None and len(known.data) >= len(frame.data):
        return stream.receiving(incoming), ()
    early = {**incoming.early, frame.offset: frame}
    if len(early) > MOST_EARLY or sum(len(held.data) for held in early.values()) > WINDOW + DATA:
        return _violated(stream, "too many bytes out of order")
    return stream.receiving(incoming._replace(early=early)), ()


def _deliver(stream: Stream, incoming: Incoming, frame: Frame) -> Step:
    """Deliver a frame whose turn it is, and all held ones that now follow."""
    early = dict(incoming.early)
    position = incoming.received
    pieces = []
    following: Frame | None = frame
    while following is not None:
        piece = following.data[position - following.offset :]
        pieces.append(piece)
        position += len(piece)
        following = _next(early, position)
    finished = position == incoming.final
    news = not incoming.started or finished or position > incoming.received
    head = "" if incoming.started else incoming.head
    incoming = Incoming(
        position, incoming.granted, incoming.consumed, incoming.head, True, early, incoming.final, finished
    )
    effects = (Deliver(b"".join(pieces), finished, head),) if news else ()
    return stream.receiving(incoming), effects


def _next(early: dict[int, Frame], position: int) -> Frame | None:
    """Take out a held frame that holds the byte at ``position``; drop those that are wholly behind it."""
    for offset in sorted(early):
        if offset > position:
            return None
        frame = early.pop(offset)
        if offset + len(frame.data) > position:
            return frame
    return None


def _violated(stream: Stream, reason: str) -> Step:
    stream, effects = _abort(stream, reason)
    return stream, (*effects, Failed(reason))


def _reason(document: str) -> str:
    """What the other end says, as text that can be stored and shown: it may be hostile."""
    try:
        reason = json.loads(document)["reason"]
    except (ValueError, TypeError, KeyError, RecursionError):
        reason = None
    if not isinstance(reason, str):
        return "the other end gave no reason"
    return reason[:LONGEST_REASON].encode(errors="replace").decode()
