"""The loopback endpoint: closed to strangers, and HTTP as kubectl expects it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field

import pytest

from agent.errors import UpstreamError
from chalicelib.tunnel.heads import Headers, RequestHead, ResponseHead
from cli.endpoint import Call, Endpoint

BASE = "/k8s/clusters/c-abcde"
JSON: Headers = (("content-type", "application/json"),)


@dataclass
class Script:
    """A ``Call`` whose answer is prepared. An error in ``pieces`` is raised; an empty text waits for ever."""

    status: int = 200
    headers: Headers = JSON
    pieces: list[bytes | Exception] = field(default_factory=list)
    asked: RequestHead | None = None
    body: bytes = b""
    written: bytes = b""
    finished: bool = False
    closed: bool = False

    async def send(self, head: RequestHead, body: bytes) -> ResponseHead:
        self.asked, self.body = head, body
        return ResponseHead(self.status, self.headers)

    @property
    def switched(self) -> bool:
        return self.status == 101

    @property
    def complete(self) -> bool:
        return not self.pieces

    def taken(self) -> bytes:
        return b""

    async def read(self) -> bytes:
        if not self.pieces:
            return b""
        piece = self.pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        if not piece:
            await asyncio.Event().wait()
        return piece

    async def write(self, data: bytes) -> None:
        self.written += data
        self.pieces.append(data.upper())

    def finish(self) -> None:
        self.finished = True

    def close(self) -> None:
        self.closed = True


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def converse(talk: Talk, plain: Script, stream: Script | None = None) -> None:
    """Open an endpoint, and talk to it as kubectl would."""

    async def run() -> None:
        make: Callable[[], Call] | None = (lambda: stream) if stream is not None else None
        endpoint = Endpoint(BASE, "s3cret", lambda: plain, make)
        reader, writer = await asyncio.open_connection("127.0.0.1", await endpoint.open())
        try:
            await talk(reader, writer)
        finally:
            writer.close()
            await endpoint.close()

    asyncio.run(_within(run()))


async def _within(work: Coroutine[None, None, None]) -> None:
    await asyncio.wait_for(work, 20)


def exchange(request: bytes, plain: Script, stream: Script | None = None) -> bytes:
    """Send a request, say that no other comes, and read all that is answered."""
    heard = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(request)
        heard.append(await reader.read())

    converse(talk, plain, stream)
    return heard[0]


def get(path: str, *headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: x", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


@pytest.mark.parametrize("path", ["/api", "/s3cre/api", "/S3CRET/api", "/s3cret", "//s3cret/api", "/%733cret/api"])
def test_strangers_are_refused(path: str) -> None:
    plain = Script()
    answer = exchange(get(path), plain)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 403 Forbidden")
    assert json.loads(body)["kind"] == "Status"
    assert plain.asked is None


def test_a_request_goes_to_the_cluster_without_what_belongs_to_this_connection() -> None:
    plain = Script(headers=(*JSON, ("content-length", "2"), ("connection", "close")), pieces=[b"{}"])
    shown = ("Accept: application/json", "Authorization: Bearer stale", "Keep-Alive: 5")
    answer = exchange(get("/s3cret/api/v1/pods?limit=5", *shown), plain)
    assert plain.asked == RequestHead("GET", f"{BASE}/api/v1/pods?limit=5", (("accept", "application/json"),))
    assert answer == b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
    assert plain.closed


def test_bodies_of_both_kinds_are_read() -> None:
    for framed in (
        b"Content-Length: 5\r\n\r\nhello",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    ):
        plain = Script(status=201)
        exchange(b"POST /s3cret/api HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + framed, plain)
        assert plain.body == b"hello"


@pytest.mark.parametrize(
    ("path", "streams"),
    [
        ("/api/v1/pods?watch=true", True),
        ("/apis/apps/v1/watch/deployments", True),
        ("/api/v1/namespaces/a/pods/b/log?follow=true", True),
        ("/api/v1/namespaces/a/pods/b/log", False),
        ("/api/v1/pods", False),
    ],
)
def test_what_lasts_is_streamed(path: str, streams: bool) -> None:
    plain, stream = Script(), Script(pieces=[b"one", b"two"])
    answer = exchange(get(f"/s3cret{path}"), plain, stream)
    assert ((plain.asked is None), (stream.asked is not None)) == (streams, streams)
    if streams:
        assert answer.endswith(b"transfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


def test_an_answer_too_large_for_rest_comes_by_the_stream() -> None:
    plain, stream = Script(status=413), Script(pieces=[b"large"])
    assert b"5\r\nlarge\r\n0\r\n" in exchange(get("/s3cret/api/v1/pods"), plain, stream)
    assert plain.closed


def test_an_answer_that_breaks_is_cut() -> None:
    answer = exchange(get("/s3cret/api"), Script(pieces=[b"half", UpstreamError("lost")]))
    assert answer.endswith(b"4\r\nhalf\r\n")


def test_a_server_that_is_not_there_is_a_status() -> None:
    class Absent(Script):
        async def send(self, head: RequestHead, body: bytes) -> ResponseHead:
            raise UpstreamError("can't reach Lariat")

    answer = exchange(get("/s3cret/api"), Absent())
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"can't reach Lariat" in answer


def test_a_watcher_that_leaves_ends_the_watch() -> None:
    stream = Script(pieces=[b"event", b""])

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(get("/s3cret/api/v1/pods?watch=1"))
        await reader.readuntil(b"event\r\n")
        writer.write_eof()
        assert await reader.read() == b""
        assert stream.closed

    converse(talk, Script(), stream)


def test_raw_bytes_pass_after_a_switch() -> None:
    stream = Script(status=101, headers=(("upgrade", "SPDY/3.1"), ("connection", "Upgrade")), pieces=[b"first"])
    upgrade = b"POST /s3cret/exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\nhasty"

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(upgrade)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: SPDY/3.1\r\n")
        assert await reader.readexactly(5) == b"first"

    converse(talk, Script(), stream)
    assert stream.asked is not None
    assert ("upgrade", "SPDY/3.1") in stream.asked.headers
    assert stream.closed


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"garbage\r\n\r\n",
        b"GET /s3cret/api HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"POST /s3cret/api HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        get("/s3cret/api").replace(b"Connection: close\r\n", b"") * 2,
    ],
)
def test_what_is_no_request_is_refused(request_bytes: bytes) -> None:
    plain = Script()
    assert exchange(request_bytes, plain).startswith(b"HTTP/1.1 400 Bad Request")
    assert plain.asked is None
