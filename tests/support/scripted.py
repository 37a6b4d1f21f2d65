"""An API server whose every byte a test writes: it hangs, streams, breaks off, switches protocols, just as told.

``Scripted`` hands each connection to a function; ``Api`` answers by path and is enough of a cluster for an agent to be
``active`` with. ``tests/support/recorder.py`` is the one to take when only the requests matter.
"""

from __future__ import annotations

import contextlib
import io
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar, cast

import yaml

TOKEN = "token-of-a-scripted-cluster"
VERSION = b'{"major":"1","minor":"20","gitVersion":"v1.20.2"}'


class Request(NamedTuple):
    """The head of a request; header names in lower case, in the order in which they came."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def value(self, name: str) -> str:
        """The header's only value, empty if it is missing."""
        values = [value for header, value in self.headers if header == name]
        assert len(values) < 2, self
        return "".join(values)


class Peer:
    """One connection, seen from its server. ``number`` counts the connections from 0."""

    def __init__(self, connection: socket.socket, number: int) -> None:
        self.number = number
        self._socket = connection
        self._reader = io.BufferedReader(cast("io.RawIOBase", connection.makefile("rb", buffering=0)))

    def request(self) -> Request | None:
        """Read a request's head; ``None`` when the connection has ended."""
        method, _, rest = self._reader.readline().decode("latin-1").partition(" ")
        if not rest:
            return None
        headers = []
        while line := self._reader.readline().decode("latin-1").rstrip("\r\n"):
            name, _, value = line.partition(":")
            headers.append((name.lower(), value.strip()))
        return Request(method, rest.rpartition(" ")[0], tuple(headers))

    def body(self, request: Request) -> bytes:
        """Read a request's body to its end."""
        if request.value("transfer-encoding") != "chunked":
            return self.exactly(int(request.value("content-length") or 0))
        pieces = b""
        while piece := self.piece():
            pieces += piece
        return pieces

    def piece(self) -> bytes:
        """Read one chunk of a chunked body, empty at the end."""
        data = self.exactly(int(self._reader.readline() or b"0", 16))
        self._reader.readline()
        return data

    def exactly(self, size: int) -> bytes:
        """Read so many bytes, or fewer if the connection ends."""
        return self._reader.read(size)

    def read(self) -> bytes:
        """Wait for some bytes, empty at the end."""
        return self._reader.read1(64 * 1024)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(self, status: int = 200, body: bytes = b"{}", *headers: str) -> None:
        """Send a whole answer that leaves the connection open."""
        lines = [f"HTTP/1.1 {status} Scripted", "Content-Type: application/json", f"Content-Length: {len(body)}"]
        self.send("\r\n".join([*lines, *headers]).encode() + b"\r\n\r\n" + body)

    def begin(self, *headers: str) -> None:
        """Send the head of a chunked answer."""
        lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", "Transfer-Encoding: chunked", *headers]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n")

    def chunk(self, data: bytes) -> None:
        """Send one chunk; an empty one ends the answer."""
        self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def ends(self) -> bool:
        """Wait for the end of the connection; false if something comes instead."""
        try:
            return self._reader.read1(1) == b""
        except OSError:
            return True

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.close()
        self._socket.close()

    def reset(self) -> None:
        """Close as a crashed process does."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._reader.close()
        self._socket.close()


Serve: TypeAlias = Callable[[Peer], None]
Route: TypeAlias = Callable[[Peer, Request], None]


class Scripted:
    """Calls ``serve`` in a thread for each connection, and closes it afterwards."""

    def __init__(self, serve: Serve, tls: ssl.SSLContext | None = None) -> None:
        self._serve = serve
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._threads: list[threading.Thread] = []
        self._peers: list[Peer] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def connections(self) -> int:
        """How many connections there have been."""
        return len(self._peers)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        # A closed listener still waits in accept(); shutting it down wakes the thread.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()
        for peer in self._peers:
            with contextlib.suppress(OSError):
                peer._socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._greet, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _greet(self, connection: socket.socket) -> None:
        try:
            secured = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
        except OSError:
            connection.close()
            return
        peer = Peer(secured, len(self._peers))
        self._peers.append(peer)
        # The other side may be killed at any moment; that is what many tests are about.
        with contextlib.suppress(OSError, ValueError):
            self._serve(peer)
        with contextlib.suppress(OSError, ValueError):
            peer.close()


class Api(Scripted):
    """Answers by path: ``routes`` first, then ``/version``; everything else is an empty object."""

    def __init__(self, **routes: Route) -> None:
        super().__init__(self._converse)
        self.routes: dict[str, Route] = {f"/{name}": route for name, route in routes.items()}
        self.requests: list[Request] = []

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig that leads here."""
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "scripted", "cluster": {"server": self.url}}],
            "users": [{"name": "agent", "user": {"token": TOKEN}}],
            "contexts": [{"name": "scripted", "context": {"cluster": "scripted", "user": "agent"}}],
            "current-context": "scripted",
        }
        path.write_text(yaml.safe_dump(document))
        return path

    def _converse(self, peer: Peer) -> None:
        while (request := peer.request()) is not None:
            self.requests.append(request)
            self.routes.get(request.path, _plain)(peer, request)


def _plain(peer: Peer, request: Request) -> None:
    peer.body(request)
    if request.path == "/version":
        peer.answer(200, VERSION)
    elif request.path.endswith("/subjectaccessreviews"):
        peer.answer(201, b'{"status":{"allowed":true}}')
    else:
        peer.answer(201 if request.method == "POST" else 200, json.dumps({"path": request.path}).encode())


S = TypeVar("S", bound=Scripted)


@contextmanager
def serving(server: S) -> Iterator[S]:
    server.start()
    try:
        yield server
    finally:
        server.stop()
