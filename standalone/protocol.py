"""The HTTP server's protocol class: bounds on what strangers send, and upgrades that ASGI does not know.

``web.py`` gives it to uvicorn.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from chalicelib.proxy.policy import UPGRADES
from chalicelib.tunnel.eager import begin
from standalone.agents import PATH, AgentSocket
from standalone.proxy import has_body
from standalone.subscribers import PATH as SUBSCRIBE
from standalone.subscribers import SubscriberSocket
from standalone.switch import Switch
from standalone.websocket import WebSocket

LARGEST_HEAD = 64 * 1024
"""Bytes of a request line with all headers."""

SMALL = 4 * 1024
"""Bytes of a write that may wait a moment for the next."""

HEAD_SECONDS = 30.0
"""A connection that has not sent a whole head by then is closed."""

PREFIX = b"/k8s/clusters/"


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
        if self._flush is not None:
            self._held += data
            self.flush()
        elif len(data) < SMALL:
            self._held = data
            self._flush = self._loop.call_soon(self.flush)
        else:
            self.bare.write(data)

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
        self._hosts = 0
        self._headed = False
        self._refused = False
        self._deaf = False
        self._deadline: asyncio.TimerHandle | None = None
        self._reading = False
        self._due: RequestResponseCycle | None = None
        self._idle_since = 0.0
        self._lull: asyncio.TimerHandle | None = None
        self._leaving: Callable[[], None] | None = None

    @property
    def busy(self) -> bool:
        """A whole request is here, and its answer is not finished."""
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete and not cycle.more_body  # type: ignore[redundant-expr]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = Gathering(transport, self.loop)  # type: ignore[assignment]
        self._set_deadline()
        self._await_idleness(self.timeout_keep_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers()
        super().connection_lost(exc)
        if self._leaving is not None:
            self._leaving()

    def cut(self) -> None:
        self.transport.abort()

    def on_leaving(self, call: Callable[[], None] | None) -> None:
        """Have ``call`` called if the caller goes away before the answer is finished."""
        self._leaving = call

    def on_message_begin(self) -> None:
        self._size = 0
        self._hosts = 0
        self._headed = False
        super().on_message_begin()
        self.scope["state"]["connection"] = self

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        self._hosts += name.lower() == b"host"
        # What comes behind the body are trailers: they must not pass for headers.
        if not self._headed:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._keep_deadline()
        self._headed = True
        strange = self.parser.should_upgrade() and not self._should_upgrade()
        nameless = self._hosts == 0 and self.parser.get_http_version() == "1.1"
        if self._hosts > 1 or nameless or (strange and has_body(self.headers)):
            self._refuse(b"400 Bad Request")
        if self._refused:
            return
        super().on_headers_complete()
        if strange:
            # The parser takes what follows for another protocol, so a body would pass for a new request.
            self._deaf = True
            self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        """As the super class does it, without a timer for each answer."""
        self.server_state.total_requests += 1
        self._idle_since = self.loop.time()
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    def _await_idleness(self, seconds: float) -> None:
        self._lull = self.loop.call_later(seconds, self._end_idleness)

    def _end_idleness(self) -> None:
        """Close a connection on which nothing was asked for long; look again later at any other."""
        idle = self.loop.time() - self._idle_since if self._idle else 0.0
        if idle < self.timeout_keep_alive:
            self._await_idleness(self.timeout_keep_alive - idle)
        else:
            self.transport.close()

    @property
    def _idle(self) -> bool:
        """No request is under way, nor the head of one; for a head there is a deadline of its own."""
        return self._deadline is None and (self.cycle is None or self.cycle.response_complete)  # type: ignore[redundant-expr]

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self._reading:
            self._due = cycle
        else:
            super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._refused:
            super().on_message_complete()
            if not self.pipeline:
                # That the caller leaves is read as well.
                self.flow.resume_reading()

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > LARGEST_HEAD and not self._refused:
            self._refuse(b"431 Request Header Fields Too Large")

    def _refuse(self, line: bytes) -> None:
        """Answer without a body and close: what follows on this connection is not read."""
        self._refused = True
        self.transport.write(b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % line)
        self.transport.close()

    def _set_deadline(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _keep_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _stop_timers(self) -> None:
        self._keep_deadline()
        if self._lull is not None:
            self._lull.cancel()
            self._lull = None

    def _switches(self) -> bool:
        upgrade = self._get_upgrade()
        return self.url.startswith(PREFIX) and upgrade is not None and upgrade.decode("latin-1") in UPGRADES

    def _brings_a_tunnel(self) -> bool:
        return self._get_upgrade() == b"websocket" and self.url.partition(b"?")[0] == PATH

    def _subscribes(self) -> bool:
        return self._get_upgrade() == b"websocket" and SUBSCRIBE.fullmatch(self.url.partition(b"?")[0]) is not None

    def _should_upgrade(self) -> bool:
        return not self._refused and (self._switches() or self._brings_a_tunnel() or self._subscribes())

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: an upgrade that we don't offer is an ordinary request, and no stranger fills the log with it."""

    def handle_websocket_upgrade(self) -> None:
        self._stop_timers()
        # What follows are no answers any more.
        self.transport.flush()  # type: ignore[attr-defined]
        self.transport = self.transport.bare  # type: ignore[attr-defined]
        if self.cycle is not None and not self.cycle.response_complete:  # type: ignore[redundant-expr]
            # An earlier request is still being answered: the connection can't be two things at once.
            self.transport.close()
            return
        connections: set[Any] = self.server_state.connections
        edge: Any = self.config.app
        if self._brings_a_tunnel():
            self._hand_over(AgentSocket(edge.door, connections, self._keep))
            return
        if self._subscribes():
            self._hand_over(SubscriberSocket(edge.hub, connections, self._keep))
            return
        parsed = httptools.parse_url(self.url)
        self.scope["raw_path"] = parsed.path
        self.scope["query_string"] = parsed.query or b""
        # A hasty client's first bytes, which came behind the request's head.
        upgrade = sys.exc_info()[1]
        rest = self._received[upgrade.args[0] :] if isinstance(upgrade, httptools.HttpParserUpgrade) else b""
        switch = Switch(edge.proxy, self.scope, self.transport, connections)
        connections.discard(self)
        connections.add(switch)
        self.transport.set_protocol(switch)
        if rest:
            switch.data_received(rest)
        self._keep(self.loop.create_task(switch.run()))

    def _hand_over(self, socket: WebSocket) -> None:
        self.server_state.connections.discard(self)
        socket.connection_made(self.transport)
        self.transport.set_protocol(socket)
        lines = b"".join([b"%b: %b\r\n" % pair for pair in self.headers])
        socket.data_received(b"GET %b HTTP/1.1\r\n%b\r\n" % (self.url, lines))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def data_received(self, data: bytes) -> None:
        self._received = data
        if self._deaf:
            return
        self._reading = True
        super().data_received(data)
        self._reading = False
        self._begin()
        if not self._headed:
            self._set_deadline()

    def _begin(self) -> None:
        """Answer a request at once, after all that came with it was read."""
        cycle, self._due = self._due, None
        if cycle is None:
            return
        task = begin(cycle.run_asgi(self.app))
        if task is not None:
            self._keep(task)
