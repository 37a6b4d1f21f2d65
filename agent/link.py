"""A WebSocket to the server, on the event loop: how it is dialled, framed and read.

``agent/connect.py`` has one for each tunnel; the ``lariat`` command has one for each stream.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import urlsplit

import websocket

from agent.errors import Refused, Unreachable
from agent.way import Way
from agent.wire import Wire
from chalicelib.tunnel.frames import MESSAGE, is_text

CONNECT_TIMEOUT = 15.0

UNSENT_TIMEOUT = 30_000
"""Milliseconds after which a peer that takes no bytes counts as dead."""

Opened: TypeAlias = tuple[websocket.WebSocket, Wire]
"""An open WebSocket and the connection under it."""

_TOGETHER = 16 * 1024
"""Bytes up to which a frame's head and its data are worth a copy to travel in one TLS record."""


class Link:
    """An ``Outlet``. ``size`` is how many bytes a WebSocket frame may have.

    ``take`` is called with each message, ``lost`` once with the reason when none will come any more.
    """

    def __init__(self, opened: Opened, size: int, take: Callable[[bytes], None], lost: Callable[[str], None]) -> None:
        self._socket, self._wire = opened
        self._size = size
        self._take = take
        self._lost = lost
        self._closed = False

    def start(self) -> None:
        self._wire.start(self._read)

    @property
    def full(self) -> bool:
        return self._wire.full

    def send(self, message: bytes) -> None:
        for start in range(0, len(message), self._size):
            data = message[start : start + self._size]
            opcode = websocket.ABNF.OPCODE_CONT if start else websocket.ABNF.OPCODE_TEXT
            head = _head(opcode, len(data), last=start + self._size >= len(message))
            if len(data) <= _TOGETHER:
                self._wire.write(head + data)
            else:
                self._wire.write(head, data)

    async def drain(self) -> None:
        await self._wire.drain()

    def close(self) -> None:
        self._closed = True
        self._wire.close()

    def _read(self) -> None:
        """Take every whole message that has come in."""
        try:
            while not self._closed:
                opcode, message = self._socket.recv_data()
                if opcode != websocket.ABNF.OPCODE_TEXT or len(message) > MESSAGE or not is_text(message):
                    raise Unreachable("the server closed the connection")
                self._take(message)
                if not self._wire.buffered:
                    return
        except BlockingIOError:
            return
        except (OSError, websocket.WebSocketException, Unreachable) as error:
            self.close()
            self._lost(str(error))


def dial(url: str, name: str, tls: ssl.SSLContext, headers: Mapping[str, str], way: Way) -> Opened:
    """Open the WebSocket of the server that errors call ``name``, waiting. Raises ``Unreachable`` or ``Refused``."""
    parts = urlsplit(url)
    if parts.scheme != "wss" or not parts.hostname:
        raise Refused(f"{name} wants a tunnel without TLS")
    try:
        # Dialled here: websocket-client would look for a proxy in ways of its own.
        plain = way.connect(parts.hostname, parts.port or 443, CONNECT_TIMEOUT)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNSENT_TIMEOUT)
        wire = Wire(plain, tls, parts.hostname)
        wire.shake_hands()
        link = websocket.WebSocket(skip_utf8_validation=True)
        # An origin is what browsers name; behind a name of one's own, the server would take it for a foreign page's.
        link.connect(url, header=dict(headers), socket=wire, redirect_limit=0, suppress_origin=True)
    except websocket.WebSocketBadStatusException as error:
        if error.status_code in (401, 403, 404):
            raise Refused(f"{name} refused the tunnel ({error.status_code})") from error
        raise Unreachable(f"{name} answered {error.status_code} to the tunnel") from error
    except (OSError, websocket.WebSocketException, ValueError) as error:
        raise Unreachable(f"can't open the tunnel to {name}: {error}") from error
    return link, wire


def _head(opcode: int, size: int, *, last: bool) -> bytes:
    """Write the head of a frame (RFC 6455, section 5.2) with a mask of zeros.

    Masks keep a browser's script from choosing the bytes that a proxy sees (section 10.3). Here no script chooses, and
    TLS lets nobody see; masking for real was two fifths of the agent's work on a large list.
    """
    first = (0x80 if last else 0) | opcode
    if size < 126:
        return struct.pack("!BB4x", first, 0x80 | size)
    if size < 65536:
        return struct.pack("!BBH4x", first, 0x80 | 126, size)
    return struct.pack("!BBQ4x", first, 0x80 | 127, size)
