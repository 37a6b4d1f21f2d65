"""``/k8s/clusters/<id>/…`` for plain HTTP: the request goes into the tunnel and the answer comes out as it is produced.

``asgi.py`` calls it for each such request; upgrades go to ``switch.py`` instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any

from chalicelib.errors import LariatError, TooLarge
from chalicelib.proxy import status
from chalicelib.proxy.gatekeeper import LARGEST_BODY, Admitted, Gatekeeper
from chalicelib.proxy.namespaces import LARGEST, Namespaces, Write, concerns
from chalicelib.proxy.policy import response_headers
from chalicelib.tunnel.exchange import Broken
from chalicelib.tunnel.frames import DOCUMENT
from chalicelib.tunnel.heads import Headers, dump_request
from chalicelib.tunnel.streams import Deliver
from standalone import whole
from standalone.tunnel import Caller, Tunnel, Tunnels
from standalone.whole import Message, Receive

Scope = MutableMapping[str, Any]
Sender = Callable[[Message], Awaitable[None]]

TOO_LARGE = f"the request is larger than the {LARGEST // 1024} KB that this one may have"
BUSY = "the request's headers are too large for the tunnel"


class Refusal(Exception):
    """Lariat's own answer to a proxied request."""

    def __init__(self, code: int, body: bytes, headers: Headers = ()) -> None:
        super().__init__(code)
        self.code = code
        self.body = body
        self.headers: Headers = (status.CONTENT_TYPE, *headers)

    @classmethod
    def of(cls, error: LariatError) -> Refusal:
        return cls(*status.from_error(error), error.headers)


class Proxy:
    def __init__(self, gatekeeper: Gatekeeper, tunnels: Tunnels, namespaces: Namespaces) -> None:
        self._gatekeeper = gatekeeper
        self._tunnels = tunnels
        self._namespaces = namespaces

    def admit(self, scope: Scope) -> tuple[Admitted, Tunnel, str]:
        """Decide about a request; return the tunnel to use and the head to send. Raises ``Refusal``."""
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        try:
            _check_length(headers)
            admitted = self._gatekeeper.admit(scope["method"], path, query, headers, False)
            tunnel = self._tunnels.find(admitted.target.cluster)
            if tunnel is None:
                raise self._gatekeeper.unavailable(admitted.target.cluster)
        except LariatError as error:
            raise Refusal.of(error) from None
        document = dump_request(admitted.head._replace(deflate=tunnel.deflate))
        if len(document) > DOCUMENT:
            raise Refusal(431, status.status(431, BUSY))
        return admitted, tunnel, document

    def answering(self, scope: Scope, code: int) -> None:
        """A connection that leaves HTTP is about to get its answer. Raises ``Refusal`` if it must not."""

    def ended(self, scope: Scope) -> None:
        """Such a connection has ended."""

    async def __call__(self, scope: Scope, receive: Receive, send: Sender) -> None:
        try:
            admitted, tunnel, document = self.admit(scope)
            write, receive = await self._judge(admitted, receive)
        except Refusal as refusal:
            await refuse(send, refusal)
            return
        exchange = tunnel.open()
        caller = _Caller(scope, receive, send, exchange, partial(self._namespaces.done, write) if write else None)
        try:
            await caller.forward(document)
        finally:
            caller.leave()
            exchange.abort("the caller has left")

    async def _judge(self, admitted: Admitted, receive: Receive) -> tuple[Write | None, Receive]:
        """Look at a write to a namespace, which asks more than the cluster does. Raises ``Refusal``."""
        if not concerns(admitted):
            return None, receive
        try:
            body = await whole.read(receive, LARGEST, TOO_LARGE)
            # It may ask the cluster, by this loop.
            return await asyncio.to_thread(self._namespaces.judge, admitted, body), whole.again(body, receive)
        except LariatError as error:
            raise Refusal.of(error) from None


class _Caller:
    """One caller that waits for an answer; ``answered`` is told its status, if anybody asks."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Sender,
        exchange: Caller,
        answered: Callable[[int], None] | None,
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._exchange = exchange
        self._answered = answered
        self._started = False
        self._background: asyncio.Task[None] | None = None
        self._connection = scope["state"]["connection"]

    async def forward(self, document: str) -> None:
        self._connection.on_leaving(self._give_up)
        try:
            if has_body(self._scope["headers"]):
                await self._send_first(document)
            else:
                await self._exchange.send(b"", True, document)
            await self._answer()
        except Broken as broken:
            await self._break_off(Refusal(502, status.status(502, str(broken))))
        except Refusal as refusal:
            await self._break_off(refusal)

    def leave(self) -> None:
        self._connection.on_leaving(None)
        if self._background is not None:
            self._background.cancel()

    async def _send_first(self, document: str) -> None:
        """Send the body's first piece with the head; the rest follows while the answer may come already."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            # What a caller did not finish saying is not done.
            raise Broken("the caller went away")
        data, more = message.get("body", b""), message.get("more_body", False)
        if len(data) > LARGEST_BODY:
            raise _too_large()
        await self._exchange.send(data, not more, document)
        if more:
            self._background = asyncio.create_task(self._upload(len(data)))

    async def _upload(self, size: int) -> None:
        more = True
        try:
            while more:
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    self._give_up()
                    return
                data, more = message.get("body", b""), message.get("more_body", False)
                size += len(data)
                if size > LARGEST_BODY:
                    self._exchange.abort("the request is too large", _too_large())
                    return
                await self._exchange.send(data, not more)
        except Broken:
            # Whoever waits for the answer hears of it.
            return

    def _give_up(self) -> None:
        self._exchange.abort("the caller went away")

    async def _answer(self) -> None:
        head, delivery = await self._exchange.head()
        if head.status < 200:
            raise Broken(f"the cluster answered {head.status}, which nobody asked for")
        headers = response_headers(head.headers)
        if self._answered is not None:
            await asyncio.to_thread(self._answered, head.status)
        left = _length(headers) if self._scope["method"] != "HEAD" else None
        await self._start(head.status, headers)
        if head.status in (204, 304):
            await self._send({"type": "http.response.body", "body": b""})
            return
        while True:
            left = _subtract(left, delivery)
            await self._send({"type": "http.response.body", "body": delivery.data, "more_body": not delivery.fin})
            if delivery.fin:
                return
            delivery = await self._exchange.receive()

    async def _start(self, code: int, headers: Headers) -> None:
        self._started = True
        if code in (204, 304):
            headers = tuple(pair for pair in headers if pair[0] != "content-length")
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": code, "headers": raw})

    async def _break_off(self, refusal: Refusal) -> None:
        """Say why there is no answer; one that has begun can only be cut, so that nobody takes it for whole."""
        if not self._started:
            await refuse(self._send, refusal)
            return
        self._connection.cut()
        # A request counts as ended by us before the server has noticed the cut, and it would complain.
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _length(headers: Headers) -> int | None:
    """The length that an answer promises; one that promises two, or no number, is none."""
    lengths = [value for name, value in headers if name == "content-length"]
    if not lengths:
        return None
    if len(lengths) > 1 or not (lengths[0].isascii() and lengths[0].isdecimal()):
        raise Broken("the cluster's answer has no clear length")
    return int(lengths[0])


def _subtract(left: int | None, delivery: Deliver) -> int | None:
    """Hold an answer to its promise: bytes beyond it would be read as the next answer."""
    if left is None:
        return None
    left -= len(delivery.data)
    if left < 0 or (delivery.fin and left):
        raise Broken("the cluster's answer has another length than it promised")
    return left


def has_body(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers)


def _too_large() -> Refusal:
    message = f"the request is larger than {LARGEST_BODY // 1024 // 1024} MB"
    return Refusal.of(TooLarge(message))


def _check_length(headers: list[tuple[str, str]]) -> None:
    for name, value in headers:
        if name == "content-length" and value.isdecimal() and int(value) > LARGEST_BODY:
            raise TooLarge(f"the request is larger than {LARGEST_BODY // 1024 // 1024} MB")


async def refuse(send: Sender, refusal: Refusal) -> None:
    headers = [(name.encode(), value.encode()) for name, value in refusal.headers]
    headers.append((b"content-length", str(len(refusal.body)).encode()))
    if refusal.code == 413:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refusal.code, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.body})
