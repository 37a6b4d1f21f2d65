"""The loopback endpoint that kubectl talks to: one cluster, for whoever knows the secret in the path.

What ends by itself travels as plain REST; what lasts, and what switches protocols, over the WebSocket API where the server
has one. ``cli/kubectl.py`` opens one for as long as kubectl runs.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Protocol

from agent.errors import UpstreamError
from chalicelib.tunnel.heads import Headers, RequestHead, ResponseHead
from chalicelib.tunnel.lasting import follows_log, is_watch
from cli import request as requests
from cli.request import CHUNK, BadRequest, Request

log = logging.getLogger("lariat.cli")

LINGER = 10.0
"""Seconds in which the cluster's last words may still come after kubectl has said its own."""

_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
_OURS = frozenset({"host", "authorization", "content-length", "expect"})
_BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class Call(Protocol):
    """One request and its answer: ``agent.upstream.Call`` over REST, ``cli.stream.StreamCall`` over a WebSocket."""

    async def send(self, head: RequestHead, body: bytes) -> ResponseHead: ...

    @property
    def switched(self) -> bool: ...

    @property
    def complete(self) -> bool: ...

    def taken(self) -> bytes: ...

    async def read(self) -> bytes: ...

    async def write(self, data: bytes) -> None: ...

    def finish(self) -> None: ...

    def close(self) -> None: ...


class Endpoint:
    """``base`` is the cluster's path at the server. ``stream`` is ``None`` where ``plain`` carries everything."""

    def __init__(
        self, base: str, secret: str, plain: Callable[[], Call], stream: Callable[[], Call] | None = None
    ) -> None:
        self._base = base
        self._prefix = f"/{secret}/"
        self._plain = plain
        self._stream = stream
        self._server: asyncio.Server | None = None
        self._conversations: set[asyncio.Task[None]] = set()

    async def open(self) -> int:
        """Begin to listen; return the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for conversation in self._conversations:
            conversation.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)

    def inside(self, target: str) -> tuple[str, str, str] | None:
        """Return the path that the server is asked for, and the cluster's own path and query; ``None`` for strangers."""
        prefix, rest = target[: len(self._prefix)], target[len(self._prefix) :]
        if not hmac.compare_digest(prefix.encode(), self._prefix.encode()):
            return None
        path, _, query = rest.partition("?")
        return f"{self._base}/{rest}", f"/{path}", query

    async def begin(self, head: RequestHead, body: bytes, lasting: bool) -> tuple[Call, ResponseHead]:
        """Send a request the way that fits it. Raises ``UpstreamError``."""
        call, answer = await _send(self._stream if lasting and self._stream else self._plain, head, body)
        if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and head.method == "GET" and self._stream:
            # It was the answer that is too large for REST.
            call.close()
            return await _send(self._stream, head, body)
        return call, answer

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(_Conversation(self, reader, writer).run())
        self._conversations.add(task)
        task.add_done_callback(self._conversations.discard)


class _Conversation:
    """One connection of kubectl's."""

    def __init__(self, endpoint: Endpoint, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._endpoint = endpoint
        self._reader = reader
        self._writer = writer
        self._begun = False
        self._early = b""

    async def run(self) -> None:
        try:
            while (request := await requests.read(self._reader, self._early)) is not None:
                self._early = b""
                if not await self._answer(request) or not request.lasting:
                    break
        except BadRequest as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except ConnectionError:
            log.debug("kubectl went away")
        finally:
            self._writer.close()

    async def _answer(self, request: Request) -> bool:
        """Answer a request; return whether the connection may be used for another."""
        self._begun = False
        found = self._endpoint.inside(request.target)
        if found is None:
            self._refuse(HTTPStatus.FORBIDDEN, "this endpoint is for the kubectl that lariat has started")
            return False
        target, path, query = found
        head = RequestHead(request.method, target, _kept(request))
        if request.switching:
            return await self._carry(request, head, True)
        lasting = is_watch(head.method, path, query) or follows_log(path, query)
        return await self._unless_left(self._carry(request, head, lasting))

    async def _unless_left(self, work: Coroutine[None, None, bool]) -> bool:
        """Do some work, but stop when kubectl goes away meanwhile."""
        answering = asyncio.ensure_future(work)
        leaving = asyncio.ensure_future(self._reader.read(CHUNK))
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done() and not answering.done():
                self._early = leaving.result()
                if not self._early:
                    return False
            return await answering
        finally:
            for task in (answering, leaving):
                task.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)

    async def _carry(self, request: Request, head: RequestHead, lasting: bool) -> bool:
        call: Call | None = None
        try:
            call, answer = await self._endpoint.begin(head, bytes(request.body), lasting)
            if call.switched:
                await self._switch(call, answer, request.rest)
                return False
            await self._pass_on(call, answer, head.method)
        except UpstreamError as error:
            if self._begun:
                # Nobody must take what has come for the whole.
                self._writer.transport.abort()
            else:
                self._refuse(HTTPStatus.BAD_GATEWAY, str(error))
            return False
        finally:
            if call is not None:
                call.close()
        return not request.switching

    async def _pass_on(self, call: Call, answer: ResponseHead, method: str) -> None:
        headers = tuple(pair for pair in answer.headers if pair[0] not in _HOP_BY_HOP)
        bodiless = method == "HEAD" or answer.status in _BODILESS
        chunked = not bodiless and not any(name == "content-length" for name, _ in headers)
        self._write_head(answer.status, headers + ((("transfer-encoding", "chunked"),) if chunked else ()))
        data = call.taken()
        while data or not call.complete:
            if data:
                self._writer.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
                await self._writer.drain()
            data = await call.read()
        if chunked:
            self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def _switch(self, call: Call, answer: ResponseHead, rest: bytes) -> None:
        """Carry raw bytes both ways until either side ends."""
        self._write_head(answer.status, answer.headers)
        upward = asyncio.ensure_future(self._upward(call, rest))
        try:
            self._writer.write(call.taken())
            while data := await call.read():
                self._writer.write(data)
                await self._writer.drain()
        finally:
            upward.cancel()
            await asyncio.gather(upward, return_exceptions=True)

    async def _upward(self, call: Call, data: bytes) -> None:
        try:
            data = data or await self._reader.read(CHUNK)
            while data:
                await call.write(data)
                data = await self._reader.read(CHUNK)
            call.finish()
            await asyncio.sleep(LINGER)
        except (UpstreamError, ConnectionError) as error:
            log.debug("kubectl can't be heard any more: %s", error)
        call.close()

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Say no as Kubernetes does, so that kubectl shows the reason."""
        document = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
        body = json.dumps({**document, "reason": status.phrase.replace(" ", ""), "code": status.value}).encode()
        headers = (("content-type", "application/json"), ("content-length", str(len(body))), ("connection", "close"))
        self._write_head(status.value, headers)
        self._writer.write(body)

    def _write_head(self, status: int, headers: Headers) -> None:
        self._begun = True
        phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self._writer.write(f"HTTP/1.1 {status} {phrase}\r\n{lines}\r\n".encode("latin-1"))


async def _send(make: Callable[[], Call], head: RequestHead, body: bytes) -> tuple[Call, ResponseHead]:
    call = make()
    try:
        return call, await call.send(head, body)
    except BaseException:
        call.close()
        raise


def _kept(request: Request) -> Headers:
    """A request's headers without those of this connection; a switch needs its own."""
    dropped = _OURS if request.switching else _OURS | _HOP_BY_HOP
    return tuple(pair for pair in request.headers if pair[0] not in dropped)
