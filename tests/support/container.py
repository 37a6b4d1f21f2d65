"""A kubelet whose container is this machine: real kubectl runs real commands in it, and reaches real ports.

There is no container in ``kubelet.py``, which echoes bytes; here exec, attach, cp and port-forward do what they do.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import threading
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from tests.support.kubelet import Kubelet
from tests.support.scripted import Peer, Request
from tests.support.spdy import Connection, Opened, Said

SUCCESS = {"metadata": {}, "status": "Success"}
PROTOCOLS = {"exec": "v4.channel.k8s.io", "attach": "v4.channel.k8s.io", "portForward": "portforward.k8s.io"}
ATTACHED = ["cat"]


class Container(Kubelet):
    def switch(self, peer: Peer, request: Request) -> None:
        what = request.path.split("/")[1]
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: SPDY/3.1", "Connection: Upgrade"]
        lines.append(f"X-Stream-Protocol-Version: {PROTOCOLS[what]}")
        peer.send("\r\n".join(lines).encode() + b"\r\n\r\n")
        if what == "portForward":
            _Forwarding(Connection(peer)).run()
        else:
            query = parse_qs(urlsplit(request.target).query)
            wanted = {"error"} | {name for name in ("stdin", "stdout", "stderr") if _asked(query, name)}
            _Command(Connection(peer), query.get("command", ATTACHED), wanted).run()


def _asked(query: dict[str, list[str]], name: str) -> bool:
    short = {"stdin": "input", "stdout": "output", "stderr": "error"}[name]
    return query.get(name, query.get(short, ["0"]))[0] in ("1", "true")


class _Command:
    """One command, each of whose channels is a stream."""

    def __init__(self, connection: Connection, command: list[str], wanted: set[str]) -> None:
        self._connection = connection
        self._command = command
        self._wanted = wanted
        self._streams: dict[str, int] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._ender: threading.Thread | None = None

    def run(self) -> None:
        early: list[Said] = []
        for event in self._connection.events():
            if isinstance(event, Opened):
                self._streams[event.headers["streamtype"]] = event.stream
                if self._wanted <= self._streams.keys():
                    self._start()
                    for said in early:
                        self._hear(said)
            elif self._process is None:
                early.append(event)
            else:
                self._hear(event)
        self._stop()

    def _start(self) -> None:
        process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        self._process = process
        if "stdin" not in self._streams and process.stdin is not None:
            process.stdin.close()
        pumps = [
            threading.Thread(target=self._pump, args=(name, pipe.read))
            for name, pipe in (("stdout", process.stdout), ("stderr", process.stderr))
            if pipe is not None
        ]
        for pump in pumps:
            pump.start()
        self._ender = threading.Thread(target=self._end, args=(process, pumps))
        self._ender.start()

    def _pump(self, name: str, read: Callable[[int], bytes]) -> None:
        with contextlib.suppress(OSError):
            while data := read(65_536):
                if name in self._streams:
                    self._connection.say(self._streams[name], data)

    def _end(self, process: subprocess.Popen[bytes], pumps: list[threading.Thread]) -> None:
        """Say how it ended: first all output, then the status, then no more."""
        for pump in pumps:
            pump.join()
        code = process.wait()
        status = SUCCESS if code == 0 else _failure(code)
        with contextlib.suppress(OSError):
            self._connection.say(self._streams["error"], json.dumps(status).encode(), fin=True)
            for name in ("stdout", "stderr"):
                if name in self._streams:
                    self._connection.say(self._streams[name], b"", fin=True)

    def _hear(self, said: Said) -> None:
        process = self._process
        if process is None or process.stdin is None or said.stream != self._streams.get("stdin"):
            return
        with contextlib.suppress(BrokenPipeError, ValueError):
            rest = memoryview(said.data)
            while rest:
                rest = rest[process.stdin.write(rest) or 0 :]
            if said.fin:
                process.stdin.close()

    def _stop(self) -> None:
        if self._process is not None:
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process.kill()
        if self._ender is not None:
            self._ender.join()
        if self._process is not None:
            for pipe in (self._process.stdout, self._process.stderr):
                if pipe is not None:
                    pipe.close()


def _failure(code: int) -> dict[str, object]:
    causes = [{"reason": "ExitCode", "message": str(code)}]
    message = f"command terminated with non-zero exit code: Error executing in Docker Container: {code}"
    return {"status": "Failure", "reason": "NonZeroExitCode", "message": message, "details": {"causes": causes}}


class _Forwarding:
    """Connections to ports of this machine: a pair of streams for each."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sockets: dict[int, socket.socket] = {}
        self._errors: dict[str, int] = {}
        self._threads: list[threading.Thread] = []

    def run(self) -> None:
        try:
            for event in self._connection.events():
                if isinstance(event, Said):
                    self._hear(event)
                elif event.headers["streamtype"] == "error":
                    self._errors[event.headers["requestid"]] = event.stream
                else:
                    self._dial(event)
        finally:
            for each in self._sockets.values():
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            for thread in self._threads:
                thread.join()
            for each in self._sockets.values():
                each.close()

    def _dial(self, opened: Opened) -> None:
        connection = socket.create_connection(("127.0.0.1", int(opened.headers["port"])))
        self._sockets[opened.stream] = connection
        error = self._errors[opened.headers["requestid"]]
        self._threads.append(threading.Thread(target=self._pump, args=(opened.stream, error, connection)))
        self._threads[-1].start()

    def _pump(self, stream: int, error: int, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := connection.recv(65_536):
                self._connection.say(stream, data)
            self._connection.say(stream, b"", fin=True)
            self._connection.say(error, b"", fin=True)

    def _hear(self, said: Said) -> None:
        connection = self._sockets.get(said.stream)
        if connection is None:
            return
        with contextlib.suppress(OSError):
            connection.sendall(said.data)
            if said.fin:
                connection.shutdown(socket.SHUT_WR)
