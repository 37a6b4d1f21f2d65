"""One HTTP/1.1 connection to the cluster's API server, and what reads an answer from it.

``agent/upstream.py`` keeps a pool of them. Answers are taken as they arrive, so that a watch or a log shows each line when
it is written.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

import httptools

HELD = 512 * 1024
"""Bytes of an answer that wait to be taken before the API server is made to wait."""


PIECE = 120 * 1024
"""Bytes of an answer that are taken at once at most: what one message of the tunnel carries."""


class Lost(Exception):
    """The connection ended too early."""


@dataclass(slots=True)
class Parser:
    """What httptools (Node's llhttp) calls back while it reads one answer."""

    method: str
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    pieces: deque[memoryview] = field(default_factory=deque)
    size: int = 0
    begun: bool = False
    complete: bool = False
    reusable: bool = False
    until_close: bool = False
    parser: httptools.HttpResponseParser = field(init=False)

    def __post_init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Raises ``httptools.HttpParserError`` if this is no HTTP."""
        if self.status == 101:
            self.on_body(data)
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.until_close = True
            if rest := data[upgrade.args[0] :]:
                self.on_body(rest)

    def take(self) -> bytes:
        """Return what has come, up to ``PIECE`` bytes."""
        taken = []
        room = PIECE
        while self.pieces and room:
            piece = self.pieces.popleft()
            cut = _boundary(piece, room)
            if cut < len(piece):
                self.pieces.appendleft(piece[cut:])
                piece, room = piece[:cut], cut
            taken.append(piece)
            room -= len(piece)
        data = b"".join(taken)
        self.size -= len(data)
        return data

    def end(self) -> None:
        """The connection was closed: for an answer without a length that is its proper end."""
        self.complete = self.complete or (self.begun and self.until_close)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.begun:
            # A second answer, or trailers: nobody asked for them.
            return
        self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        if self.begun:
            self.reusable = False
            return
        status = self.parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            self.headers.clear()
            return
        self.status = status
        self.begun = True
        names = {name for name, _ in self.headers}
        bodiless = self.method == "HEAD" or status in (204, 304)
        self.until_close = not bodiless and "content-length" not in names and "transfer-encoding" not in names
        self.reusable = self.parser.should_keep_alive() and status != 101 and not self.until_close
        self.complete = bodiless

    def on_body(self, body: bytes) -> None:
        if self.complete:
            self.reusable = False
            return
        self.pieces.append(memoryview(body))
        self.size += len(body)

    def on_message_complete(self) -> None:
        if self.begun and self.status != 101:
            self.complete = True


def _boundary(piece: memoryview, end: int) -> int:
    """Step back to where a character of UTF-8 begins, if this is text: half of one must travel in base64."""
    return next((at for at in range(end, max(0, end - 4), -1) if at >= len(piece) or piece[at] & 0xC0 != 0x80), end)


class Connection(asyncio.Protocol):
    """One connection to the API server, used by one call at a time."""

    def __init__(self) -> None:
        self.lost = False
        self._transport: asyncio.Transport | None = None
        self._parser: Parser | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._paused = False

    @property
    def usable(self) -> bool:
        return not self.lost and self._transport is not None and not self._transport.is_closing()

    def begin(self, parser: Parser) -> None:
        self._parser = parser

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    async def drain(self) -> None:
        await self._writable.wait()

    async def wait(self) -> None:
        """Wait until something has come. Raises ``Lost`` when nothing will."""
        if self.lost:
            raise Lost
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting

    def wake(self) -> None:
        """Let whoever waits look again."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def resume(self) -> None:
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def finish(self) -> None:
        """Close once everything written has left."""
        if self._transport is not None:
            self._transport.close()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        parser = self._parser
        if parser is None or (parser.complete and parser.status != 101):
            # Nobody asked: the other side is out of step.
            self.close()
            return
        try:
            parser.feed(data)
        except httptools.HttpParserError:
            self.close()
            return
        if parser.size > HELD and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self._parser is not None and exc is None:
            self._parser.end()
        self.wake()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()
