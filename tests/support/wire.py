"""A TLS client that sends exact bytes, and the requests to send with it."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
from typing import Any, NamedTuple

from tests.support.lariat import Lariat

SECONDS = 10.0

HANDSHAKE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


class Answer(NamedTuple):
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def names(self) -> set[str]:
        return {name.lower() for name, _ in self.headers}

    def is_status(self, code: int) -> bool:
        """Is this a failed Kubernetes ``Status``?"""
        document = self.json
        return (self.status, document["kind"], document["status"], document["code"]) == (
            code,
            "Status",
            "Failure",
            code,
        )


class Wire:
    """A TLS client that sends what it is told to the byte, with trust of its own."""

    def __init__(self, lariat: Lariat) -> None:
        self._port = lariat.port
        self._tls = ssl.create_default_context(cafile=str(lariat.authority))

    def connect(self, seconds: float = SECONDS) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self._port), seconds)
        return self._tls.wrap_socket(plain, server_hostname="127.0.0.1")

    def ask(self, data: bytes, seconds: float = SECONDS) -> Answer:
        """Send, and read one answer."""
        with self.connect(seconds) as sock:
            self._send(sock, data)
            with http.client.HTTPResponse(sock, method=data.partition(b" ")[0].decode("latin-1")) as response:
                response.begin()
                return Answer(response.status, tuple(response.getheaders()), response.read())

    def read(self, data: bytes, seconds: float = SECONDS) -> bytes:
        """Send, and read until the server closes the connection."""
        with self.connect(seconds) as sock:
            self._send(sock, data)
            return drain(sock)

    def leave(self, data: bytes) -> None:
        """Send, and go away without an answer."""
        with self.connect() as sock:
            sock.sendall(data)

    @staticmethod
    def _send(sock: ssl.SSLSocket, data: bytes) -> None:
        # A server that has seen enough answers and closes before it has read all.
        with contextlib.suppress(ConnectionError):
            sock.sendall(data)


def drain(sock: ssl.SSLSocket) -> bytes:
    """Read until the other side closes the connection, gently or not."""
    pieces = []
    with contextlib.suppress(ConnectionError):
        while piece := sock.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


def head(path: str, *headers: str, method: str = "GET", token: str = "") -> bytes:
    """Write a request's head that asks for the connection to end after the answer."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    lines += headers
    if not any(line.lower().startswith("connection:") for line in headers):
        lines.append("Connection: close")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def post(path: str, body: bytes, *headers: str, token: str = "", method: str = "POST") -> bytes:
    return head(path, f"Content-Length: {len(body)}", *headers, method=method, token=token) + body


def chunked(*pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + end
