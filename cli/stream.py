"""One request over the WebSocket API, on a connection of its own: the shape of ``agent.upstream.Call``, another way.

The server admits the request, names the stream and hands out a route, which goes into every later frame and has to be
renewed (``chalicelib/gateway/callers.py``). ``cli/endpoint.py`` makes streams.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass

from agent.errors import AgentError, UpstreamError
from agent.link import Link, dial
from agent.server import SMALLEST_FRAME
from agent.site import STRAIGHT
from chalicelib.tunnel.exchange import Broken, Exchange
from chalicelib.tunnel.frames import Frame, FrameError, Kind, decode, encode
from chalicelib.tunnel.heads import RequestHead, ResponseHead, dump_request, load_response
from chalicelib.tunnel.streams import Deliver, Stream

RENEWED_AT = 0.4
"""The part of a route's life after which it is renewed: a renewal that gets lost can be repeated once."""

SHORTEST_LIFE = 1.0

PATIENCE = 30.0
"""Seconds until a server that has said nothing at all counts as deaf; what comes later, renewals look after."""


@dataclass(frozen=True, slots=True)
class Socket:
    """Where streams go, and what is shown there. ``name`` is what errors call the server."""

    url: str
    name: str
    tls: ssl.SSLContext
    authorization: str


class StreamCall:
    """A ``Call``, and the ``Carrier`` of its own exchange."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._asked = secrets.token_hex(16)
        self._exchange = Exchange(Stream(self._asked, Kind.OPEN), self, deflate=True)
        self._link: Link | None = None
        self._status = 0
        self._delivery = Deliver(b"", False)
        self._name = self._route = ""
        self._held: list[tuple[Frame, bool]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def send(self, head: RequestHead, body: bytes) -> ResponseHead:
        """Send a request and wait for the answer's head. Raises ``UpstreamError``."""
        switching = any(name == "upgrade" for name, _ in head.headers)
        document = dump_request(head._replace(headers=(*head.headers, ("authorization", self._socket.authorization))))
        await self._connect()
        deaf = asyncio.get_running_loop().call_later(PATIENCE, self._give_up)
        try:
            await self._exchange.send(body, not switching, document)
            self._delivery = await self._exchange.receive()
            answer = load_response(self._delivery.head)
        except (Broken, FrameError) as error:
            raise UpstreamError(str(error)) from None
        finally:
            deaf.cancel()
        self._status = answer.status
        return answer

    @property
    def switched(self) -> bool:
        return self._status == 101

    @property
    def complete(self) -> bool:
        return self._delivery.fin and not self._delivery.data

    def taken(self) -> bytes:
        data = self._delivery.data
        self._delivery = self._delivery._replace(data=b"")
        return data

    async def read(self) -> bytes:
        """Wait for the next bytes; empty at the end. Raises ``UpstreamError``."""
        try:
            while not self._delivery.data and not self._delivery.fin:
                self._delivery = await self._exchange.receive()
        except Broken as error:
            raise UpstreamError(str(error)) from None
        return self.taken()

    async def write(self, data: bytes) -> None:
        """Send raw bytes after the protocol was switched. Raises ``UpstreamError``."""
        try:
            await self._exchange.send(data, False)
        except Broken as error:
            raise UpstreamError(str(error)) from None

    def finish(self) -> None:
        """No more will be written."""
        self._keep(self._end())

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._exchange.abort("the caller has left")
        if self._link is not None:
            self._link.close()

    @property
    def full(self) -> bool:
        return self._link is not None and self._link.full

    async def drain(self) -> None:
        if self._link is not None:
            await self._link.drain()

    def post(self, frames: Sequence[Frame], deflate: bool) -> None:
        for frame in frames:
            if frame.kind is Kind.OPEN:
                self._say(frame, deflate)
            elif self._route:
                self._say(frame._replace(stream=self._name, reply=self._route), deflate)
            else:
                self._held.append((frame, deflate))

    def forget(self, stream: str) -> None:
        """The exchange is over; so is the connection, once the answer is read."""

    async def _connect(self) -> None:
        socket = self._socket
        headers = {"Authorization": socket.authorization}
        try:
            opened = await asyncio.to_thread(dial, socket.url, socket.name, socket.tls, headers, STRAIGHT)
        except AgentError as error:
            raise UpstreamError(str(error)) from None
        self._link = Link(opened, SMALLEST_FRAME, self._take, self._lose)
        self._link.start()

    def _take(self, message: bytes) -> None:
        """All that comes on this connection belongs to its one stream."""
        try:
            frame = decode(message)
            if frame.kind is Kind.PONG:
                self._be_routed(frame)
            else:
                self._exchange.take(frame)
        except FrameError as error:
            self._exchange.fail(Broken(f"{self._socket.name} sent a message that is no frame: {error}"))

    def _lose(self, reason: str) -> None:
        self._exchange.fail(Broken(f"the connection to {self._socket.name} is lost: {reason}"))

    def _give_up(self) -> None:
        if not self._route:
            self._exchange.fail(Broken(f"{self._socket.name} did not answer within {PATIENCE:.0f} seconds"))

    def _be_routed(self, frame: Frame) -> None:
        name, seconds = _grant(frame.document)
        first = not self._route
        self._name, self._route = name, frame.reply
        if first:
            self._keep(self._renew(max(seconds, SHORTEST_LIFE) * RENEWED_AT))
        held, self._held = self._held, []
        for frame, deflate in held:
            self.post([frame], deflate)

    async def _renew(self, seconds: float) -> None:
        """Show the token again and again; the server also asks the agent whether the stream goes on."""
        while True:
            await asyncio.sleep(seconds)
            self._say(Frame(Kind.PING, self._name, document=self._socket.authorization, reply=self._route), False)

    async def _end(self) -> None:
        try:
            await self._exchange.send(b"", True)
        except Broken:
            # Whoever reads hears of it.
            return

    def _say(self, frame: Frame, deflate: bool) -> None:
        if self._link is not None:
            for message in encode(frame, deflate=deflate):
                self._link.send(message)

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _grant(document: str) -> tuple[str, float]:
    """Read what a stream is called and for how many seconds its route is good. Raises ``FrameError``."""
    try:
        fields = json.loads(document)
        return str(fields["stream"]), float(fields["seconds"])
    except (ValueError, TypeError, KeyError):
        raise FrameError("bad grant") from None
