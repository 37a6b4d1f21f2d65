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
from agent.wire import Wire
from chalicelib.tunnel.frames import MESSAGE

CONNECT_TIMEOUT = 15.0

UNSENT_TIMEOUT = 30_000
"""Milliseconds after which a peer that takes no bytes counts as dead."""

Opened: TypeAlias = tuple[websocket.WebSocket, ssl.SSLSocket]
"""An open WebSocket and the socket under it."""


class Link:
    """An ``Outlet``. ``size`` is how many bytes a WebSocket frame may have.

    ``take`` is called with each message, ``lost`` once with the reason when none will come any more.
    """

    def __init__(self, opened: Opened, size: int, take: Callable[[str], None], lost: Callable[[str], None]) -> None:
        self._socket, tls = opened
        self._socket.sock = self._wire = Wire(tls, self._read)  # type: ignore[assignment]
        self._size = size
        self._take = take
        self._lost = lost
        self._closed = False

    def start(self) -> None:
        self._wire.start()

    def send(self, message: str) -> None:
        data = message.encode()
        for start in range(0, len(data), self._size):
            last = start + self._size >= len(data)
            opcode = websocket.ABNF.OPCODE_CONT if start else websocket.ABNF.OPCODE_TEXT
            self._wire.send(_frame(opcode, data[start : start + self._size], last=last))

    async def drain(self) -> None:
        await self._wire.drain()

    def close(self) -> None:
        self._closed = True
        self._wire.close()

    def _read(self) -> None:
        """Take every whole message that has come in."""
        try:
            while not self._closed:
                message = self._socket.recv()
                if not isinstance(message, str) or not message or len(message) > MESSAGE:
                    raise Unreachable("the server closed the connection")
                self._take(message)
        except BlockingIOError:
            return
        except (OSError, UnicodeDecodeError, websocket.WebSocketException, Unreachable) as error:
            self.close()
            self._lost(str(error))


def dial(url: str, name: str, tls: ssl.SSLContext, headers: Mapping[str, str]) -> Opened:
    """Open the WebSocket of the server that errors call ``name``, waiting. Raises ``Unreachable`` or ``Refused``."""
    parts = urlsplit(url)
    if parts.scheme != "wss" or not parts.hostname:
        raise Refused(f"{name} wants a tunnel without TLS")
    try:
        # Dialled here: websocket-client would obey a proxy of which registration knows nothing.
        plain = socket.create_connection((parts.hostname, parts.port or 443), CONNECT_TIMEOUT)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNSENT_TIMEOUT)
        secured = tls.wrap_socket(plain, server_hostname=parts.hostname)
        link = websocket.WebSocket(skip_utf8_validation=True)
        # An origin is what browsers name; behind a name of one's own, the server would take it for a foreign page's.
        link.connect(url, header=dict(headers), socket=secured, redirect_limit=0, suppress_origin=True)
    except websocket.WebSocketBadStatusException as error:
        if error.status_code in (401, 403, 404):
            raise Refused(f"{name} refused the tunnel ({error.status_code})") from error
        raise Unreachable(f"{name} answered {error.status_code} to the tunnel") from error
    except (OSError, websocket.WebSocketException, ValueError) as error:
        raise Unreachable(f"can't open the tunnel to {name}: {error}") from error
    return link, secured


def _frame(opcode: int, data: bytes, *, last: bool) -> bytes:
    """Write a frame (RFC 6455, section 5.2) with a mask of zeros.

    Masks keep a browser's script from choosing the bytes that a proxy sees (section 10.3). Here no script chooses, and
    TLS lets nobody see; masking for real was two fifths of the agent's work on a large list.
    """
    first = (0x80 if last else 0) | opcode
    if len(data) < 126:
        return struct.pack("!BB4x", first, 0x80 | len(data)) + data
    if len(data) < 65536:
        return struct.pack("!BBH4x", first, 0x80 | 126, len(data)) + data
    return struct.pack("!BBQ4x", first, 0x80 | 127, len(data)) + data
