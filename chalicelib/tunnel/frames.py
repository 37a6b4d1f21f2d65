"""Frames as they travel: one text message each, small enough for API Gateway.

The carrier may be an API Gateway WebSocket, which takes text only, at most 128 KB a message, and runs one Lambda per
message: frames arrive in any order, perhaps twice, perhaps never. So each frame stands alone. It names its stream and
the offset of its first byte, as QUIC's do (RFC 9000, section 2.2), and says how long it is, so that a cut one is noticed.

A message is a head line, then a document, then data, without separators::

    <kind> <stream> <offset> <flags> <length of document> <length of data> <reply>\n<document><data>

It is UTF-8, and lengths are in bytes. Flags: ``f`` last frame of its direction; the data is ``t`` plain text, ``b`` base64,
or ``z`` deflated, then base64. Text that is valid UTF-8 (as JSON from a Kubernetes API is) goes out unencoded: base64
would cost a third more.

``standalone/tunnel.py``, ``agent/session.py`` and the AWS edge's handlers call this.
"""

from __future__ import annotations

import binascii
import re
import zlib
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

MESSAGE = 128 * 1024
"""Bytes in a message at most (API Gateway, WebSocket quotas)."""

DOCUMENT = 48 * 1024
"""Bytes in a frame's document at most: the head of a request or an answer, as JSON."""

DATA = 1024 * 1024
"""Bytes of data in a frame at most, once decoded."""

_ROOM = MESSAGE - 2048
"""Bytes for document and data; the rest is for the head line."""

_LONGEST_HEAD = 2048
_WORTH_DEFLATING = 512
_HEAD = re.compile(r"([OHDCRPQG]) ([\w-]{0,64}) (\d{1,18}) (f?)([tbz]) (\d{1,6}) (\d{1,6}) ([\w.-]{0,1024})", re.ASCII)


ASK = "?"
"""The document of a PING that wants an answer: the PONG's document is the asker's connection, where that has a name."""


class FrameError(Exception):
    """A message that is no frame: cut, too large, or not ours."""


class Kind(StrEnum):
    OPEN = "O"  # a caller starts a stream; the document is the request's head
    HEAD = "H"  # the answer's head
    DATA = "D"
    CREDIT = "C"  # the receiver takes bytes up to ``offset``
    RESET = "R"  # the stream ends here and now; the document says why
    PING = (
        "P"  # keeps the connection alive, as API Gateway drops one that was idle for 10 minutes; or, with one, a stream
    )
    PONG = "Q"
    GOAWAY = "G"  # the agent has a newer connection: no new streams on this one


_KINDS = {kind.value: kind for kind in Kind}


class Frame(NamedTuple):
    """``reply`` is the address for answers, opaque to the agent, which echoes it in every frame of the stream."""

    kind: Kind
    stream: str = ""
    offset: int = 0
    fin: bool = False
    document: str = ""
    data: bytes = b""
    reply: str = ""

    @property
    def last(self) -> bool:
        """Nothing follows it in its direction."""
        return self.fin or self.kind is Kind.RESET


def encode(frame: Frame, *, deflate: bool = False) -> Iterator[bytes]:
    """Yield the messages that carry a frame: more than one if its data does not fit into one.

    ``deflate`` compresses data where that helps; worth it where bytes are metered or the network is slow.
    """
    document = frame.document.encode()
    if len(document) > DOCUMENT:
        raise FrameError("document too large")
    room = _ROOM - len(document)
    if len(frame.data) > (DATA if deflate else room):
        yield from _split(frame, room, deflate)
        return
    letter, data = _pack(frame.data, deflate)
    if len(data) > room:
        yield from _split(frame, room, deflate)
        return
    head = (
        f"{frame.kind.value} {frame.stream} {frame.offset} {'f' if frame.fin else ''}{letter} "
        f"{len(document)} {len(data)} {frame.reply}\n"
    )
    yield b"".join((head.encode(), document, data))


def decode(message: bytes) -> Frame:
    """Read a message from the network. Raises ``FrameError``; never returns a part of what was sent."""
    if len(message) > MESSAGE:
        raise FrameError("message too large")
    begin = message.find(b"\n", 0, _LONGEST_HEAD) + 1
    match = _HEAD.fullmatch(str(message[: max(0, begin - 1)], "latin-1"))
    if match is None:
        raise FrameError("no frame")
    kind, stream, offset, fin, letter, document_length, data_length, reply = match.groups()
    cut = begin + int(document_length)
    if cut - begin > DOCUMENT or len(message) != cut + int(data_length):
        raise FrameError("frame cut")
    try:
        document = str(message[begin:cut], "utf-8")
    except UnicodeDecodeError:
        raise FrameError("document is no text") from None
    return Frame(_KINDS[kind], stream, int(offset), bool(fin), document, _unpack(letter, message[cut:]), reply)


def _split(frame: Frame, room: int, deflate: bool) -> Iterator[bytes]:
    """Halve what deflates well, so that few, full messages come out; cut the rest into pieces that surely fit."""
    data = frame.data
    text = is_text(data)
    fits = room if text else room // 4 * 3
    size = len(data) // 2 if deflate and len(data) > 2 * fits else fits
    start = 0
    while start < len(data):
        end = _boundary(data, start + size) if text else start + size
        part = frame._replace(offset=frame.offset + start, data=data[start:end], fin=frame.fin and end >= len(data))
        yield from encode(part._replace(kind=Kind.DATA, document="") if start else part, deflate=deflate)
        start = end


def _boundary(text: bytes, end: int) -> int:
    """Step back to where a character begins: half of one is no text."""
    while end < len(text) and text[end] & 0xC0 == 0x80:
        end -= 1
    return end


def _pack(data: bytes, deflate: bool) -> tuple[str, bytes]:
    """Return the data's letter and how it travels."""
    if deflate and len(data) >= _WORTH_DEFLATING:
        deflated = zlib.compress(data, 1)
        if len(deflated) < len(data) * 0.7:
            return "z", binascii.b2a_base64(deflated, newline=False)
    if is_text(data):
        return "t", data
    return "b", binascii.b2a_base64(data, newline=False)


def is_text(data: bytes) -> bool:
    """Say whether data may stand in a text message as it is."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _unpack(letter: str, data: bytes) -> bytes:
    if letter == "t":
        return data
    try:
        plain = binascii.a2b_base64(data, strict_mode=True)
    except (binascii.Error, ValueError):
        raise FrameError("bad base64") from None
    return plain if letter == "b" else _inflate(plain)


def _inflate(data: bytes) -> bytes:
    """Inflate with a bound: a few hostile kilobytes must not become gigabytes."""
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(data, DATA + 1)
    except zlib.error:
        raise FrameError("bad deflate") from None
    if not inflater.eof or len(plain) > DATA:
        raise FrameError("data too large or cut")
    return plain
