"""SPDY/3.1 as a kubelet speaks it, for the real kubectl: as much as exec, attach, cp and port-forward need.

Kubernetes uses neither its flow control nor its priorities.
"""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tests.support.scripted import Peer

SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY = 1, 2, 3, 6, 7
FIN = 1
LARGEST_DATA = 60_000

# What header blocks are compressed against (SPDY/3, section 2.6.10.1): words with their lengths, then plain text.
_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie "
    "keep-alive origin"
)
_TEXT = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = (
    b"".join(struct.pack("!I", len(word)) + word.replace("_", " ").encode() for word in _WORDS.split()) + _TEXT.encode()
)


class Opened(NamedTuple):
    """The client opens a stream."""

    stream: int
    headers: Mapping[str, str]


class Said(NamedTuple):
    """Bytes on a stream; ``fin`` with the last ones."""

    stream: int
    data: bytes
    fin: bool


class Connection:
    """The server's end. Several threads may write."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._lock = threading.Lock()
        self._inflater = zlib.decompressobj(zdict=DICTIONARY)
        self._deflater = zlib.compressobj(zdict=DICTIONARY)

    def events(self) -> Iterator[Opened | Said]:
        """Yield what the client does, until it leaves."""
        while len(head := self._peer.exactly(8)) == 8:
            first, second = struct.unpack("!II", head)
            flags, payload = second >> 24, self._peer.exactly(second & 0xFFFFFF)
            if not first & 0x80000000:
                yield Said(first, payload, bool(flags & FIN))
            elif (kind := first & 0xFFFF) == SYN_STREAM:
                yield self._opened(payload)
            elif kind == PING:
                self._control(PING, payload)
            elif kind == GOAWAY:
                return

    def say(self, stream: int, data: bytes, *, fin: bool = False) -> None:
        pieces = [data[start : start + LARGEST_DATA] for start in range(0, len(data), LARGEST_DATA)] or [b""]
        for number, piece in enumerate(pieces):
            last = fin and number == len(pieces) - 1
            self._send(struct.pack("!II", stream, (FIN if last else 0) << 24 | len(piece)) + piece)

    def _opened(self, payload: bytes) -> Opened:
        (stream,) = struct.unpack("!I", payload[:4])
        headers = self._headers(self._inflater.decompress(payload[10:]))
        with self._lock:
            block = self._deflater.compress(struct.pack("!I", 0)) + self._deflater.flush(zlib.Z_SYNC_FLUSH)
            self._peer.send(_control(SYN_REPLY, struct.pack("!I", stream) + block))
        return Opened(stream, headers)

    @staticmethod
    def _headers(block: bytes) -> Mapping[str, str]:
        def text(at: int) -> tuple[str, int]:
            (size,) = struct.unpack_from("!I", block, at)
            return block[at + 4 : at + 4 + size].decode(), at + 4 + size

        headers, at = {}, 4
        for _ in range(struct.unpack_from("!I", block)[0]):
            name, at = text(at)
            headers[name.lower()], at = text(at)
        return headers

    def _control(self, kind: int, payload: bytes) -> None:
        self._send(_control(kind, payload))

    def _send(self, data: bytes) -> None:
        with self._lock:
            self._peer.send(data)


def _control(kind: int, payload: bytes) -> bytes:
    return struct.pack("!HHI", 0x8003, kind, len(payload)) + payload
