"""The HTTP server's protocol class: bounds on what strangers send, and upgrades that ASGI does not know.

``kubectl exec``, ``attach``, ``port-forward`` and ``cp`` switch the connection to SPDY/3.1 or WebSocket. For a path of a
cluster the switch is not ours to understand: after the cluster's 101 raw bytes flow both ways.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from chalicelib.proxy import status
from chalicelib.proxy.policy import UPGRADES, response_headers, upgrade_headers
from chalicelib.tunnel.exchange import Broken
from chalicelib.tunnel.heads import Headers
from standalone.proxy import Proxy, Refusal
from standalone.tunnel import Caller

LARGEST_HEAD = 64 * 1024
"""Bytes of a request line with all headers."""

HEAD_SECONDS = 30.0
"""A connection that has not sent a whole head by then is closed."""

PREFIX = b"/k8s/clusters/"
_PAUSE = 256 * 1024


class Gathering:
    """A transport that sends an answer's head together with the first bytes of its body.

    The server writes them one after the other, which would be two TLS records and two system calls for every answer.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.bare = transport
        self._loop = loop
        self._held = b""
        self._flush: asyncio.Handle | None = None

    def write(self, data: bytes) -> None:
        if self._flush is None:
            self._held = data
            self._flush = self._loop.call_soon(self.flush)
        else:
            self._held += data
            self.flush()

    def flush(self) -> None:
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
            self.bare.write(self._held)

    def close(self) -> None:
        self.flush()
        self.bare.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bare, name)


class LariatProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with these additions."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._size = 0
        self._refused = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = Gathering(transport, self.loop)  # type: ignore[assignment]
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._keep_deadline()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._size = 0
        self._set_deadline()
        super().on_message_begin()
        self.scope["state"]["cut"] = self.transport.abort

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._keep_deadline()
        if not self._refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._refused:
            super().on_message_complete()

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > LARGEST_HEAD and not self._refused:
            self._refused = True
            self.transport.write(
                b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            self.transport.close()

    def _set_deadline(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _keep_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _switches(self) -> bool:
        upgrade = self._get_upgrade()
        return self.url.startswith(PREFIX) and upgrade is not None and upgrade.decode("latin-1") in UPGRADES

    def _should_upgrade(self) -> bool:
        return not self._refused and (self._switches() or super()._should_upgrade())

    def handle_websocket_upgrade(self) -> None:
        # What follows are no answers any more.
        self.transport = self.transport.bare  # type: ignore[attr-defined]
        if not self._switches():
            super().handle_websocket_upgrade()
            return
        parsed = httptools.parse_url(self.url)
        self.scope["raw_path"] = parsed.path
        self.scope["query_string"] = parsed.query or b""
        # A hasty client's first bytes, which came behind the request's head.
        upgrade = sys.exc_info()[1]
        rest = self._received[upgrade.args[0] :] if isinstance(upgrade, httptools.HttpParserUpgrade) else b""
        connections: set[Any] = self.server_state.connections
        switch = Switch(self.config.app.proxy, self.scope, self.transport, connections)  # type: ignore[union-attr]
        connections.discard(self)
        connections.add(switch)
        self.transport.set_protocol(switch)
        if rest:
            switch.data_received(rest)
        task = self.loop.create_task(switch.run())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def data_received(self, data: bytes) -> None:
        self._received = data
        super().data_received(data)


class Switch(asyncio.Protocol):
    """One connection that is being switched, and then carries raw bytes."""

    def __init__(self, proxy: Proxy, scope: Any, transport: asyncio.Transport, connections: set[Any]) -> None:
        self._proxy = proxy
        self._scope = scope
        self._transport = transport
        self._connections = connections
        self._incoming = bytearray()
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._over = False
        self._exchange: Caller | None = None

    async def run(self) -> None:
        try:
            _, tunnel, document = self._proxy.admit(self._scope)
        except Refusal as refusal:
            self._answer(refusal.code, (status.CONTENT_TYPE,), refusal.body)
            return
        self._exchange = tunnel.open()
        try:
            await self._exchange.send(b"", False, document)
            await self._relay(self._exchange)
        except Broken as broken:
            self._answer(502, (status.CONTENT_TYPE,), status.status(502, str(broken)))
        finally:
            self._exchange.abort("the caller has left")
            self._transport.close()

    async def _relay(self, exchange: Caller) -> None:
        head, delivery = await exchange.head()
        if head.status != 101:
            # A connection whose switch failed is used for nothing else (CVE-2018-1002105).
            body = delivery.data
            while not delivery.fin:
                delivery = await exchange.receive()
                body += delivery.data
            self._answer(head.status, response_headers(head.headers), body)
            return
        self._write_head(101, upgrade_headers(head.headers))
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
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                data = bytes(self._incoming)
                self._incoming.clear()
                self._transport.resume_reading()
                if data or self._over:
                    await exchange.send(data, self._over)
                if self._over:
                    exchange.abort("the caller went away")
                    return
        except Broken:
            self._transport.close()

    def _answer(self, code: int, headers: Headers, body: bytes) -> None:
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
        self._over = True
        self._arrived.set()
        self._writable.set()
        if self._exchange is not None:
            self._exchange.abort("the caller went away")

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def shutdown(self) -> None:
        """uvicorn stops: raw bytes have no other goodbye than the end."""
        self._transport.close()
