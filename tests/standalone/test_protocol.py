"""How long a connection is kept on which nothing is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from uvicorn.server import ServerState

from standalone.protocol import LariatProtocol
from standalone.proxy import Scope, Sender
from standalone.whole import Receive

REQUEST = b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n"
SECONDS = 20.0


async def application(scope: Scope, receive: Receive, send: Sender) -> None:
    """Takes longer than a connection may be idle if asked for ``/slow``."""
    if scope["path"] == "/slow":
        await asyncio.sleep(2.5)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    config = uvicorn.Config(application, interface="asgi3", lifespan="off", log_config=None, timeout_keep_alive=1)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: LariatProtocol(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()
        server.close()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: bytes = b"") -> bytes:
    writer.write(REQUEST % path)
    return await reader.readuntil(b"ok")


def test_an_idle_connection_is_closed() -> None:
    async def scene() -> None:
        async with asyncio.timeout(SECONDS), connected() as (reader, writer):
            await ask(reader, writer)
            await ask(reader, writer)
            assert await reader.read() == b""

    asyncio.run(scene())


def test_one_that_waits_for_an_answer_is_not() -> None:
    async def scene() -> None:
        async with asyncio.timeout(SECONDS), connected() as (reader, writer):
            for path in (b"", b"slow", b""):
                assert (await ask(reader, writer, path)).startswith(b"HTTP/1.1 200 ")

    asyncio.run(scene())


def test_requests_in_one_piece_are_answered_in_order() -> None:
    async def scene() -> None:
        async with asyncio.timeout(SECONDS), connected() as (reader, writer):
            writer.write(REQUEST % b"" * 5)
            for _ in range(5):
                await reader.readuntil(b"ok")

    asyncio.run(scene())
