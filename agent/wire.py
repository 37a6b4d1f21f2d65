"""A TLS connection under websocket-client, which knows blocking sockets only; ``agent/link.py`` puts this in its place.

At first it blocks, for the handshakes, in a thread. From ``start`` on it belongs to the event loop: websocket-client asks
for bytes when some are there and is told to come again when not, so it never waits.

TLS works in memory here: one system call moves what would be dozens as OpenSSL writes each record of 16 KB by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable

BACKLOG = 1024 * 1024
"""Unsent bytes above which producers are made to wait."""

_CHUNK = 256 * 1024
_RECORD = 16 * 1024


class Wire:
    """TLS over ``plain``, which is connected and has a timeout for the time until ``start``."""

    def __init__(self, plain: socket.socket, trust: ssl.SSLContext, name: str) -> None:
        self._plain = plain
        self._received, self._sealed = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = trust.wrap_bio(self._received, self._sealed, server_hostname=name)
        self._space = bytearray(_CHUNK)
        self._incoming = b""
        self._position = 0
        self._ended = False
        self._outgoing = memoryview(b"")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._readable: Callable[[], None] | None = None
        self._writing = False
        self._room = asyncio.Event()
        self._room.set()
        self._closed = False

    def shake_hands(self) -> None:
        """Begin TLS, waiting. Raises ``OSError`` (``ssl.SSLError`` among them)."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._send_waiting()
                self._receive_waiting()
            else:
                self._send_waiting()
                return

    def start(self, readable: Callable[[], None]) -> None:
        """Wait no more. ``readable`` is called when there is something to ``recv``, if only the end."""
        self._plain.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._readable = readable
        self._loop.add_reader(self._plain.fileno(), self._fill)
        if self.buffered or self._ended:
            readable()
        self._fill()

    @property
    def buffered(self) -> bool:
        """There are bytes for ``recv``."""
        return self._position < len(self._incoming)

    @property
    def full(self) -> bool:
        """So much is unsent that producers should ``drain`` first."""
        return not self._room.is_set()

    def recv(self, size: int) -> bytes:
        """Return up to ``size`` bytes, empty at the end. After ``start`` raises ``BlockingIOError`` when there are none."""
        while not self.buffered and not self._ended:
            if self._loop is not None:
                raise BlockingIOError
            self._receive_waiting()
            self._open()
        data = self._incoming[self._position : self._position + size]
        self._position += len(data)
        return data

    def send(self, data: bytes) -> int:
        """Take all of ``data``, as websocket-client asks for; what does not leave now leaves later."""
        self.write(data)
        return len(data)

    def write(self, *pieces: bytes) -> None:
        """Send pieces in one go."""
        if self._closed:
            return
        # A connection that failed takes nothing more; the reader sees that as well, and closes.
        with contextlib.suppress(ssl.SSLError):
            for piece in pieces:
                self._tls.write(piece)
        if self._loop is None:
            self._send_waiting()
        elif not self._writing:
            self._flush()

    async def drain(self) -> None:
        """Wait until what was sent has mostly left."""
        await self._room.wait()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._ended = True
        if self._loop is not None:
            self._loop.remove_reader(self._plain.fileno())
            self._loop.remove_writer(self._plain.fileno())
        self._room.set()
        self._plain.close()

    def fileno(self) -> int:
        return self._plain.fileno()

    def gettimeout(self) -> float | None:
        """Zero tells websocket-client not to wait."""
        return self._plain.gettimeout()

    def _send_waiting(self) -> None:
        self._plain.sendall(self._sealed.read())

    def _receive_waiting(self) -> None:
        size = self._plain.recv_into(self._space)
        if not size:
            raise ConnectionError("the connection was closed")
        self._received.write(memoryview(self._space)[:size])

    def _fill(self) -> None:
        """Read what is there, then let the reader at it."""
        try:
            size = self._plain.recv_into(self._space)
        except BlockingIOError:
            return
        except OSError:
            size = 0
        if size:
            self._received.write(memoryview(self._space)[:size])
            self._open()
        else:
            self._ended = True
        if self._readable is not None and (self.buffered or self._ended):
            self._readable()

    def _open(self) -> None:
        """Take the records that are whole."""
        pieces = [self._incoming[self._position :]] if self.buffered else []
        try:
            while self._received.pending or self._tls.pending():
                piece = self._tls.read(_RECORD)
                if not piece:
                    self._ended = True
                    break
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self._ended = True
        self._incoming, self._position = pieces[0] if len(pieces) == 1 else b"".join(pieces), 0

    def _flush(self) -> None:
        try:
            while not self._closed and (self._outgoing or self._sealed.pending):
                if not self._outgoing:
                    self._outgoing = memoryview(self._sealed.read(_CHUNK))
                sent = self._plain.send(self._outgoing)
                self._outgoing = self._outgoing[sent:]
        except BlockingIOError:
            pass
        except OSError:
            # The reader sees the end as well, and closes.
            self._outgoing = memoryview(b"")
            self._sealed.read()
        self._watch()

    def _watch(self) -> None:
        """Ask the loop to call again while something is unsent."""
        if self._closed or self._loop is None:
            return
        unsent = len(self._outgoing) + self._sealed.pending
        if unsent and not self._writing:
            self._loop.add_writer(self._plain.fileno(), self._flush)
        elif not unsent and self._writing:
            self._loop.remove_writer(self._plain.fileno())
        self._writing = bool(unsent)
        if unsent > BACKLOG:
            self._room.clear()
        elif unsent < BACKLOG // 2:
            self._room.set()
