"""One request of kubectl's, read from a loopback connection; ``cli/endpoint.py`` answers it."""

from __future__ import annotations

import asyncio

import httptools

LARGEST_HEAD = 64 * 1024
LARGEST_BODY = 10 * 1024 * 1024
"""Bytes of a request's body: what the server takes."""

CHUNK = 64 * 1024


class BadRequest(Exception):
    """This is no request, or a larger one than anybody takes."""


class Request:
    """What httptools calls back while it reads one request; header names are lower-case."""

    def __init__(self) -> None:
        self.method = ""
        self.target = ""
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()
        self.complete = False
        self.switching = False
        """The client wants to speak another protocol."""
        self.lasting = False
        """The connection may be used for another request."""
        self.rest = b""
        """Bytes behind a request that switches protocols."""
        self._size = 0
        self._parser = httptools.HttpRequestParser(self)

    def feed(self, data: bytes) -> None:
        """Raises ``BadRequest``."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.complete = True
            self.rest = data[upgrade.args[0] :]
        except httptools.HttpParserError as error:
            raise BadRequest(str(error)) from None
        if self._size > LARGEST_HEAD or len(self.body) > LARGEST_BODY:
            raise BadRequest("the request is too large")

    def on_message_begin(self) -> None:
        if self.complete:
            raise BadRequest("a second request came before the first one was answered")

    def on_url(self, url: bytes) -> None:
        self._size += len(url)
        self.target += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._size += len(name) + len(value)
        self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        # Once the message is complete, the parser has forgotten.
        self.method = self._parser.get_method().decode()
        self.switching = self._parser.should_upgrade()
        self.lasting = self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


async def read(reader: asyncio.StreamReader, first: bytes) -> Request | None:
    """Read a request that begins with what has come already; ``None`` at the end. Raises ``BadRequest``."""
    request = Request()
    data = first or await reader.read(CHUNK)
    while data:
        request.feed(data)
        if request.complete:
            return request
        data = await reader.read(CHUNK)
    return None
