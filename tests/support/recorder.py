"""A small API server that writes down every request as it came over the wire, and answers what a test tells it to.

An agent runs against it by the kubeconfig that it writes, so tests see exactly what Lariat lets through to a cluster.
"""

from __future__ import annotations

import contextlib
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import yaml

TOKEN = "token-of-the-agent-itself"
VERSION = {"major": "1", "minor": "20", "gitVersion": "v1.20.2"}


class Recorded(NamedTuple):
    """One request; header names in lower case, in the order in which they came."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.headers]

    def values(self, name: str) -> list[str]:
        return [value for header, value in self.headers if header == name]


@dataclass(frozen=True)
class Canned:
    """An answer, headers as they go over the wire. ``Connection: close`` is meant; its body may be cut short."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    body: bytes = b"{}"

    def encode(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} Canned"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in self.headers):
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.recorder = recorder


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        # Whoever asks may go away at any time.
        with self.server.recorder.connection(), contextlib.suppress(ConnectionError):
            while (request := self._read()) is not None:
                answer = self.server.recorder.answer(request)
                self.wfile.write(answer.encode())
                if ("Connection", "close") in answer.headers:
                    return

    def _read(self) -> Recorded | None:
        method, _, rest = self.rfile.readline().decode("latin-1").partition(" ")
        target = rest.rpartition(" ")[0]
        if not target:
            return None
        headers = []
        while line := self.rfile.readline().decode("latin-1").rstrip("\r\n"):
            name, _, value = line.partition(":")
            headers.append((name.lower(), value.strip()))
        body = self._body(dict(headers))
        return None if body is None else Recorded(method, target, tuple(headers), body)

    def _body(self, headers: dict[str, str]) -> bytes | None:
        """Read the body as its framing says; ``None`` if it was cut."""
        if "transfer-encoding" not in headers:
            size = int(headers.get("content-length", "0"))
            body = self.rfile.read(size)
            return body if len(body) == size else None
        pieces = b""
        while size := int(self.rfile.readline() or b"0", 16):
            pieces += self.rfile.read(size)
            self.rfile.readline()
        return pieces if self.rfile.readline() else None


class Recorder:
    """``answers`` maps a request's target to what is answered; everything else gets an empty JSON object."""

    def __init__(self) -> None:
        self.answers: dict[str, Canned] = {}
        self._requests: list[Recorded] = []
        self._lock = threading.Condition()
        self._connections = 0
        self._server = _Server(self)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextmanager
    def connection(self) -> Iterator[None]:
        with self._lock:
            self._connections += 1
        try:
            yield
        finally:
            with self._lock:
                self._connections -= 1
                self._lock.notify_all()

    def settle(self) -> None:
        """Wait until every connection has ended, so that all that was sent has been read."""
        with self._lock:
            assert self._lock.wait_for(lambda: self._connections == 0, 10), "a connection stays open"

    def answer(self, request: Recorded) -> Canned:
        with self._lock:
            self._requests.append(request)
        if request.target == "/version":
            return Canned(body=json.dumps(VERSION).encode())
        if request.target.endswith("/subjectaccessreviews"):
            # The rights that Lariat has brought are there.
            return Canned(201, body=b'{"status":{"allowed":true}}')
        return self.answers.get(request.target, Canned())

    def requests(self, part: str = "") -> list[Recorded]:
        """Return the requests so far whose target holds ``part``."""
        with self._lock:
            return [request for request in self._requests if part in request.target]

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig that leads here, with a token of the agent's own."""
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "recorder", "cluster": {"server": self.url}}],
            "users": [{"name": "agent", "user": {"token": TOKEN}}],
            "contexts": [{"name": "recorder", "context": {"cluster": "recorder", "user": "agent"}}],
            "current-context": "recorder",
        }
        path.write_text(yaml.safe_dump(document))
        return path


@contextmanager
def recording() -> Iterator[Recorder]:
    recorder = Recorder()
    recorder.start()
    try:
        yield recorder
    finally:
        recorder.stop()
