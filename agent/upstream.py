"""The cluster's own API server, over HTTP/1.1 with kept-alive connections.

``agent/session.py`` sends each tunnelled request through it. Nothing else is ever dialled: the address comes from the
agent's own configuration, never from the server.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from agent.connection import Connection, Lost, Parser
from agent.errors import UpstreamError
from chalicelib.tunnel.heads import Headers, RequestHead, ResponseHead

CONNECT_TIMEOUT = 10.0
IDLE_CONNECTIONS = 64
Authorization: TypeAlias = Callable[[], Awaitable[str]]
"""Yields the ``Authorization`` header, empty for none. Asked for each request, as tokens rotate."""

_BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
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
    """A pool of connections to one API server, for one event loop. ``what`` is how errors call it."""

    def __init__(
        self,
        address: Address,
        tls: ssl.SSLContext | None,
        authorization: Authorization,
        server_name: str = "",
        *,
        what: str = "the cluster's API server",
    ) -> None:
        self.what = what
        self._address = address
        self._server_name = server_name or address.host
        self._tls = tls
        self._authorization = authorization
        self._idle: list[Connection] = []

    def call(self) -> Call:
        """Begin one request."""
        return Call(self)

    def close(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    async def borrow(self) -> tuple[Connection, bool]:
        """Return a connection, and whether it was used before."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection, True
            connection.close()
        return await self.connect(), False

    def give_back(self, connection: Connection) -> None:
        if connection.usable and len(self._idle) < IDLE_CONNECTIONS:
            self._idle.append(connection)
        else:
            connection.close()

    async def connect(self) -> Connection:
        # A task of its own, as there is a timeout in it and the caller may not be in one yet.
        return await asyncio.get_running_loop().create_task(self._dial())

    async def _dial(self) -> Connection:
        loop = asyncio.get_running_loop()
        where = {"host": self._address.host, "port": self._address.port}
        secured = {"ssl": self._tls, "server_hostname": self._server_name} if self._tls else {}
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                made = await loop.create_connection(Connection, **where, **secured)  # type: ignore[call-overload]
        except (OSError, TimeoutError) as error:
            reason = str(error) or "no answer"
            raise UpstreamError(f"can't reach {self.what} at {self._address.authority}: {reason}") from error
        connection: Connection = made[1]
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
        try:
            return f"{head.method} {self._address.prefix}{head.target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")
        except UnicodeEncodeError:
            # To send something else instead could turn one user's name into another's.
            raise UpstreamError("the request has a header that HTTP can't carry") from None


class Call:
    """One request and its answer, read as it comes. Always close it; a whole answer gives its connection back."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._connection: Connection | None = None
        self._parser = Parser("GET")

    async def send(self, head: RequestHead, body: bytes | AsyncIterator[bytes]) -> ResponseHead:
        """Send a request and wait for the answer's head. Raises ``UpstreamError``.

        A body of ``bytes`` is whole, so its length is known; else it is streamed.
        """
        framing = _framing(head, body)
        start = await self._upstream.start(head, framing)
        connection, reused = await self._upstream.borrow()
        try:
            return await self._exchange(connection, head.method, start, body, framing)
        except Lost as lost:
            if not reused or head.method not in _REPEATABLE or not isinstance(body, bytes):
                raise UpstreamError(f"{self._upstream.what} broke off") from lost
        # A kept connection was closed by the API server in this moment, before it took the request.
        try:
            return await self._exchange(await self._upstream.connect(), head.method, start, body, framing)
        except Lost as lost:
            raise UpstreamError(f"{self._upstream.what} closed the connection") from lost

    async def _exchange(
        self, connection: Connection, method: str, start: bytes, body: bytes | AsyncIterator[bytes], framing: Headers
    ) -> ResponseHead:
        self.close()
        self._connection = connection
        self._parser = parser = Parser(method)
        connection.begin(parser)
        if isinstance(body, bytes):
            connection.write(start + body)
            while not parser.begun:
                await connection.wait()
        else:
            connection.write(start)
            await self._upload(connection, body, framing[0])
        return ResponseHead(parser.status, tuple(parser.headers))

    async def _upload(self, connection: Connection, body: AsyncIterator[bytes], framing: tuple[str, str]) -> None:
        """Stream a body until its end, or until the API server answers early, as it does to one that is too large."""
        sender = asyncio.ensure_future(self._stream(connection, body, framing))
        sender.add_done_callback(lambda _: connection.wake())
        try:
            while not self._parser.begun:
                if sender.done():
                    sender.result()
                await connection.wait()
        finally:
            if not sender.done():
                # What is left of this body must not be taken for the next request.
                self._parser.reusable = False
                sender.cancel()
            elif sender.exception() is not None:
                self._parser.reusable = False

    async def _stream(self, connection: Connection, body: AsyncIterator[bytes], framing: tuple[str, str]) -> None:
        chunked = framing[0] == "transfer-encoding"
        left = 0 if chunked else int(framing[1])
        async for piece in body:
            left -= 0 if chunked else len(piece)
            if left < 0:
                # The rest would be read as another request, which nobody has checked.
                raise UpstreamError("the request's body is longer than its length")
            if piece:
                connection.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                await connection.drain()
        if left:
            raise UpstreamError("the request's body is shorter than its length")
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
        except Lost as lost:
            raise UpstreamError(f"{self._upstream.what} broke off its answer") from lost
        return self.taken()

    async def write(self, data: bytes) -> None:
        """Send raw bytes after the protocol was switched."""
        if self._connection is not None:
            self._connection.write(data)
            await self._connection.drain()

    def finish(self) -> None:
        """Close after a switch, once everything written has left."""
        if self._connection is not None:
            self._connection.finish()

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
