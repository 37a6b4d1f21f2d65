"""An agent that says what it likes, once it has got hold of a cluster's registration token."""

from __future__ import annotations

import json
import ssl

import websocket

from chalicelib.tunnel.frames import Frame, Kind, decode, encode
from chalicelib.tunnel.heads import Headers, RequestHead, load_request
from tests.support.lariat import Imported, Lariat
from tests.support.wire import SECONDS, Wire, drain, head


class Rogue:
    def __init__(self, lariat: Lariat, registration: str) -> None:
        context = ssl.create_default_context(cafile=str(lariat.authority))
        self.socket = websocket.WebSocket(sslopt={"context": context})
        url = f"wss://127.0.0.1:{lariat.port}/v3/connect"
        self.socket.connect(url, header={"X-API-Tunnel-Token": registration}, timeout=SECONDS)

    def say(self, frame: Frame) -> None:
        for message in encode(frame):
            self.socket.send(message.decode())

    def hear(self) -> Frame:
        message = self.socket.recv()
        assert isinstance(message, str)
        return decode(message.encode())

    def opened(self, marker: str) -> tuple[str, RequestHead]:
        """Wait for the request with this mark in its target, deaf to all others."""
        while True:
            frame = self.hear()
            if frame.kind is Kind.OPEN and marker in frame.document:
                return frame.stream, load_request(frame.document)

    def answer(self, stream: str, status: int, headers: Headers = (), body: bytes = b"", *, fin: bool = True) -> None:
        document = json.dumps({"status": status, "headers": headers})
        self.say(Frame(Kind.HEAD, stream, 0, fin, document, body))

    def synchronise(self) -> None:
        """Return when the server has read all that was said before."""
        self.say(Frame(Kind.PING))
        while self.hear().kind is not Kind.PONG:
            pass

    def closed_with(self) -> int:
        """Wait for the server to close; return its code."""
        while True:
            opcode, data = self.socket.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return int.from_bytes(data[:2], "big")

    def close(self) -> None:
        self.socket.shutdown()


def exchange(
    wire: Wire, rogue: Rogue, captured: Imported, token: str, answer: str, *more: bytes, connection: str = "close"
) -> bytes:
    """Ask the captured cluster; let the rogue answer with a head of its own making; return all bytes that come back.

    ``answer`` is the head's document and, behind a line feed, the body's first piece; ``more`` are the other pieces.
    """
    document, _, first = answer.partition("\n")
    sent = len(first)
    with wire.connect() as sock:
        sock.sendall(head(f"/k8s/clusters/{captured.id}/asked", f"Connection: {connection}", token=token))
        stream, _ = rogue.opened("asked")
        rogue.say(Frame(Kind.HEAD, stream, 0, not more, document, first.encode("latin-1")))
        for number, piece in enumerate(more, 1):
            rogue.say(Frame(Kind.DATA, stream, sent, number == len(more), data=piece))
            sent += len(piece)
        return drain(sock)
