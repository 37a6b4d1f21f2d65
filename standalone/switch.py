"""A connection that leaves HTTP: ``kubectl exec``, ``attach``, ``port-forward`` and ``cp`` switch to SPDY/3.1 or WebSocket.

The switch is not ours to understand: after the cluster's 101 raw bytes flow both ways. ``protocol.py`` hands the connection
over, since ASGI knows no such thing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from chalicelib.proxy import status
from chalicelib.proxy.policy import response_headers, upgrade_headers
from chalicelib.tunnel.exchange import Broken
from chalicelib.tunnel.heads import Headers
from standalone.proxy import Proxy, Refusal
from standalone.tunnel import Caller

LINGER = 10.0
"""Seconds in which the last bytes of a caller who has left may still reach the cluster."""

LARGEST_REFUSAL = 1024 * 1024
"""Bytes of an answer that is not the switch; more of it is not passed on."""

_PAUSE = 256 * 1024

log = logging.getLogger("lariat.server")


class Switch(asyncio.Protocol):
    """One connection that is being switched, and then carries raw bytes."""

    def __init__(
        self,
        proxy: Proxy,
        scope: Any,
        transport: asyncio.Transport,
        connections: set[Any],
        linger: float = LINGER,
    ) -> None:
        self._proxy = proxy
        self._scope = scope
        self._transport = transport
        self._connections = connections
        self._linger = linger
        self._incoming = bytearray()
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._over = False
        self._switched = False
        self._exchange: Caller | None = None
        self._tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")

    async def run(self) -> None:
        """Carry the connection to its end. Whatever happens, it does not stay open without anybody behind it."""
        try:
            await self._switch()
        except Exception:
            log.exception("switching protocols failed")
            self._answer(500, (status.CONTENT_TYPE,), status.status(500, "the server failed; its log says why"))
        finally:
            self._transport.close()
            self._proxy.ended(self._scope)

    async def _switch(self) -> None:
        try:
            _, tunnel, document = self._proxy.admit(self._scope)
        except Refusal as refusal:
            self._answer(refusal.code, refusal.headers, refusal.body)
            return
        self._exchange = tunnel.open()
        try:
            await self._exchange.send(b"", False, document)
            await self._relay(self._exchange)
        except Broken as broken:
            self._answer(502, (status.CONTENT_TYPE,), status.status(502, str(broken)))
        finally:
            self._exchange.abort("the caller has left")

    async def _relay(self, exchange: Caller) -> None:
        head, delivery = await exchange.head()
        if head.status != 101:
            # A connection whose switch failed is used for nothing else (CVE-2018-1002105).
            body = delivery.data
            while not delivery.fin and len(body) < LARGEST_REFUSAL:
                delivery = await exchange.receive()
                body += delivery.data
            self._answer(head.status, response_headers(head.headers), body)
            return
        try:
            self._proxy.answering(self._scope, 101)
        except Refusal as refusal:
            self._write(refusal.code, refusal.headers, refusal.body)
            return
        self._write_head(101, upgrade_headers(head.headers))
        self._switched = True
        upward = asyncio.create_task(self._upward(exchange))
        try:
            self._transport.write(delivery.data)
            while not delivery.fin:
                delivery = await exchange.receive()
                self._transport.write(delivery.data)
                await self._writable.wait()
        except Broken:
            # Raw bytes have no place for an error: the connection ends.
            return
        finally:
            upward.cancel()

    async def _upward(self, exchange: Caller) -> None:
        over = False
        try:
            while not over:
                await self._arrived.wait()
                self._arrived.clear()
                data, over = bytes(self._incoming), self._over
                self._incoming.clear()
                self._transport.resume_reading()
                await exchange.send(data, over)
        except Broken:
            self._transport.close()

    def _answer(self, code: int, headers: Headers, body: bytes) -> None:
        try:
            self._proxy.answering(self._scope, code)
        except Refusal as refusal:
            code, headers, body = refusal.code, refusal.headers, refusal.body
        self._write(code, headers, body)

    def _write(self, code: int, headers: Headers, body: bytes) -> None:
        kept = tuple((name, value) for name, value in headers if name != "content-length")
        self._write_head(code, (*kept, ("content-length", str(len(body))), ("connection", "close")))
        self._transport.write(body)
        self._transport.close()

    def _write_head(self, code: int, headers: Headers) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self._transport.write(STATUS_LINE[code] + lines.encode("latin-1") + b"\r\n")

    def data_received(self, data: bytes) -> None:
        self._incoming += data
        if len(self._incoming) > _PAUSE:
            self._transport.pause_reading()
        self._arrived.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._incoming += self._unread()
        self._over = True
        self._arrived.set()
        self._writable.set()
        if self._exchange is not None:
            # The agent passes on what it has, then ends the stream; ``_relay`` sees that.
            patience = self._linger if self._switched else 0
            asyncio.get_running_loop().call_later(patience, self._exchange.abort, "the caller went away")

    def _unread(self) -> bytes:
        """What had come when reading was paused: the transport forgets it with the connection, TLS still has it."""
        pieces = []
        with contextlib.suppress(ssl.SSLError):
            while self._tls is not None and (piece := self._tls.read(_PAUSE)):
                pieces.append(piece)
        return b"".join(pieces)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def shutdown(self) -> None:
        """uvicorn stops: raw bytes have no other goodbye than the end."""
        self._transport.close()
