"""A TLS connection on the event loop, under websocket-client, which knows blocking sockets only.

websocket-client connects and frames; it asks for bytes when some are there and is told to come again when not, so it never
waits. ``agent/connect.py`` puts this in the place of its socket.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

BACKLOG = 1024 * 1024
"""Unsent bytes above which producers are made to wait."""

_CHUNK = 256 * 1024


class Wire:
    """``readable`` is called when there is something to ``recv``, if only the end."""

    def __init__(self, sock: ssl.SSLSocket, readable: Callable[[], None]) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._readable = readable
        self._loop = asyncio.get_running_loop()
        self._incoming = b""
        self._position = 0
        self._ended = False
        self._outgoing = bytearray()
        self._writing = False
        self._room = asyncio.Event()
        self._room.set()
        self._closed = False

    def start(self) -> None:
        self._loop.add_reader(self._socket.fileno(), self._fill)
        self._fill()

    def recv(self, size: int) -> bytes:
        """Return up to ``size`` bytes, empty at the end. Raises ``BlockingIOError`` when there are none now."""
        if self._position == len(self._incoming):
            if self._ended:
                return b""
            raise BlockingIOError
        data = self._incoming[self._position : self._position + size]
        self._position += len(data)
        return data

    def send(self, data: bytes) -> int:
        """Take all of ``data``; what does not leave now leaves later."""
        self._outgoing += data
        if not self._writing:
            self._flush()
        return len(data)

    async def drain(self) -> None:
        """Wait until what was sent has mostly left."""
        await self._room.wait()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._ended = True
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        self._room.set()
        self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def gettimeout(self) -> float:
        """Zero tells websocket-client not to wait."""
        return 0.0

    def _fill(self) -> None:
        """Read what is there, then let the reader at it."""
        rest = self._incoming[self._position :]
        pieces = [rest] if rest else []
        try:
            while True:
                data = self._socket.recv(_CHUNK)
                if not data:
                    self._ended = True
                    break
                pieces.append(data)
                if not self._socket.pending():
                    break
        except ssl.SSLWantReadError:
            pass
        except OSError:
            self._ended = True
        self._incoming, self._position = b"".join(pieces), 0
        if self._incoming or self._ended:
            self._readable()

    def _flush(self) -> None:
        try:
            while self._outgoing and not self._closed:
                with memoryview(self._outgoing) as view:
                    sent = self._socket.send(view)
                del self._outgoing[:sent]
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass
        except OSError:
            # The reader sees the end as well, and closes.
            self._outgoing.clear()
        self._watch()

    def _watch(self) -> None:
        """Ask the loop to call again while something is unsent."""
        if self._closed:
            return
        if self._outgoing and not self._writing:
            self._loop.add_writer(self._socket.fileno(), self._flush)
        elif not self._outgoing and self._writing:
            self._loop.remove_writer(self._socket.fileno())
        self._writing = bool(self._outgoing)
        if len(self._outgoing) > BACKLOG:
            self._room.clear()
        elif len(self._outgoing) < BACKLOG // 2:
            self._room.set()
