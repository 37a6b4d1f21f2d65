"""The cluster's own API server, over HTTP/1.1 with kept-alive connections.

``agent/session.py`` sends each tunnelled request through it. Nothing else is ever dialled: the address comes from the
agent's own configuration, never from the server.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlsplit

import httptools

from agent.errors import UpstreamError
from chalicelib.tunnel.heads import Headers, RequestHead, ResponseHead

CONNECT_TIMEOUT = 10.0
IDLE_CONNECTIONS = 64
HELD = 512 * 1024
"""Bytes of an answer that wait to be taken before the API server is made to wait."""

Authorization: TypeAlias = Callable[[], Awaitable[str]]
"""Yields the ``Authorization`` header, empty for none. Asked for each request, as tokens rotate."""

_BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
_REPLACED = frozenset({"host", "authorization", "content-length", "transfer-encoding", "expect"})


async def nobody() -> str:
    """No ``Authorization``: the TLS client certificate says who the agent is."""
    return ""


@dataclass(frozen=True, slots=True)
class Address:
    """``prefix`` is the path of an API server that is itself behind a proxy, mostly empty."""

    host: str
    port: int
    prefix: str = ""

    @classmethod
    def parse(cls, url: str) -> tuple[Address, bool]:
        """Split ``https://host:port/prefix``; the second value is whether TLS is used. Raises ``ValueError``."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise ValueError(f"{url!r} is no address of an API server")
        secure = parts.scheme == "https"
        return cls(parts.hostname, parts.port or (443 if secure else 80), parts.path.rstrip("/")), secure

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class Upstream:
    """A pool of connections to one API server, for one event loop."""

    def __init__(self, address: Address, tls: ssl.SSLContext | None, authorization: Authorization) -> None:
        self._address = address
        self._tls = tls
        self._authorization = authorization
        self._idle: list[_Connection] = []

    def call(self) -> Call:
        """Begin one request."""
        return Call(self)

    def close(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    async def borrow(self) -> tuple[_Connection, bool]:
        """Return a connection, and whether it was used before."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection, True
            connection.close()
        return await self.connect(), False

    def give_back(self, connection: _Connection) -> None:
        if connection.usable and len(self._idle) < IDLE_CONNECTIONS:
            self._idle.append(connection)
        else:
            connection.close()

    async def connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        where = {"host": self._address.host, "port": self._address.port}
        secured = {"ssl": self._tls, "server_hostname": self._address.host} if self._tls else {}
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                made = await loop.create_connection(_Connection, **where, **secured)  # type: ignore[call-overload]
        except (OSError, TimeoutError) as error:
            reason = str(error) or "no answer"
            raise UpstreamError(
                f"can't reach the cluster's API server at {self._address.authority}: {reason}"
            ) from error
        connection: _Connection = made[1]
        return connection

    async def start(self, head: RequestHead, framing: Headers) -> bytes:
        """Write down the request line and headers."""
        headers = [("host", self._address.authority)]
        headers += [pair for pair in head.headers if pair[0] not in _REPLACED]
        headers += framing
        authorization = await self._authorization()
        if authorization:
            headers.append(("authorization", authorization))
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
        return f"{head.method} {self._address.prefix}{head.target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1", "replace")


class Call:
    """One request and its answer, read as it comes. Always close it; a whole answer gives its connection back."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._connection: _Connection | None = None
        self._parser = _Parser("GET")

    async def send(self, head: RequestHead, body: bytes | AsyncIterator[bytes]) -> ResponseHead:
        """Send a request and wait for the answer's head. Raises ``UpstreamError``.

        A body of ``bytes`` is whole, so its length is known; else it is streamed.
        """
        framing = _framing(head, body)
        start = await self._upstream.start(head, framing)
        connection, reused = await self._upstream.borrow()
        try:
            return await self._exchange(connection, head.method, start, body, framing)
        except _Lost as lost:
            if not reused or head.method not in _BODILESS or not isinstance(body, bytes):
                raise UpstreamError("the cluster's API server broke off") from lost
        # A kept connection was closed by the API server in this moment, before it took the request.
        try:
            return await self._exchange(await self._upstream.connect(), head.method, start, body, framing)
        except _Lost as lost:
            raise UpstreamError("the cluster's API server closed the connection") from lost

    async def _exchange(
        self, connection: _Connection, method: str, start: bytes, body: bytes | AsyncIterator[bytes], framing: Headers
    ) -> ResponseHead:
        self.close()
        self._connection = connection
        self._parser = parser = _Parser(method)
        connection.begin(parser)
        if isinstance(body, bytes):
            connection.write(start + body)
        else:
            connection.write(start)
            await self._stream(connection, body, chunked=framing[0][0] == "transfer-encoding")
        while not parser.begun:
            await connection.wait()
        return ResponseHead(parser.status, tuple(parser.headers))

    async def _stream(self, connection: _Connection, body: AsyncIterator[bytes], *, chunked: bool) -> None:
        """Send a body as it comes, until its end or until the API server answers early, as it does to one too large."""
        async for piece in body:
            if self._parser.begun or connection.lost:
                return
            if piece:
                connection.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                await connection.drain()
        if chunked:
            connection.write(b"0\r\n\r\n")

    @property
    def switched(self) -> bool:
        """The API server now speaks another protocol: ``read`` and ``write`` carry raw bytes."""
        return self._parser.status == 101

    @property
    def complete(self) -> bool:
        """Everything was read."""
        return self._parser.complete and not self._parser.pieces

    def taken(self) -> bytes:
        """What has arrived so far, without waiting."""
        data = self._parser.take()
        if self._connection is not None:
            self._connection.resume()
        return data

    async def read(self) -> bytes:
        """Wait for the next bytes; empty at the end. Raises ``UpstreamError``."""
        parser, connection = self._parser, self._connection
        if connection is None:
            raise UpstreamError("nothing was asked yet")
        try:
            while not parser.pieces and not parser.complete:
                await connection.wait()
        except _Lost as lost:
            raise UpstreamError("the cluster's API server broke off its answer") from lost
        return self.taken()

    async def write(self, data: bytes) -> None:
        """Send raw bytes after the protocol was switched."""
        if self._connection is not None:
            self._connection.write(data)
            await self._connection.drain()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._parser.complete and self._parser.reusable:
            self._upstream.give_back(connection)
        else:
            connection.close()


def _framing(head: RequestHead, body: bytes | AsyncIterator[bytes]) -> Headers:
    """Decide how the body's end is marked: the tunnel knows it, HTTP must be told."""
    if isinstance(body, bytes):
        return (("content-length", str(len(body))),) if body or head.method not in _BODILESS else ()
    length = dict(head.headers).get("content-length", "")
    return (("content-length", length),) if length.isdecimal() else (("transfer-encoding", "chunked"),)


class _Lost(Exception):
    """The connection ended too early."""


@dataclass(slots=True)
class _Parser:
    """What httptools (Node's llhttp) calls back while it reads one answer."""

    method: str
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
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
        data = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
        self.pieces.clear()
        self.size = 0
        return data

    def end(self) -> None:
        """The connection was closed: for an answer without a length that is its proper end."""
        self.complete = self.complete or (self.begun and self.until_close)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
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
        self.pieces.append(body)
        self.size += len(body)

    def on_message_complete(self) -> None:
        if self.begun and self.status != 101:
            self.complete = True


class _Connection(asyncio.Protocol):
    """One connection to the API server, used by one call at a time."""

    def __init__(self) -> None:
        self.lost = False
        self._transport: asyncio.Transport | None = None
        self._parser: _Parser | None = None
        self._changed = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._paused = False

    @property
    def usable(self) -> bool:
        return not self.lost and self._transport is not None and not self._transport.is_closing()

    def begin(self, parser: _Parser) -> None:
        self._parser = parser

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    async def drain(self) -> None:
        await self._writable.wait()

    async def wait(self) -> None:
        """Wait until something has come. Raises ``_Lost`` when nothing will."""
        if self.lost:
            raise _Lost
        self._changed.clear()
        await self._changed.wait()

    def resume(self) -> None:
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

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
        self._changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self._parser is not None and exc is None:
            self._parser.end()
        self._changed.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()
