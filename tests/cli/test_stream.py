"""One stream against a scripted WebSocket API: routes are shown and renewed, and what goes wrong is an error."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable

import pytest
import trustme
from websockets.asyncio.server import ServerConnection, serve

from agent.errors import UpstreamError
from chalicelib.tunnel.frames import Frame, Kind, decode, encode
from chalicelib.tunnel.heads import RequestHead, ResponseHead, dump_response, load_request
from cli.stream import Socket, StreamCall

BEARER = "Bearer token-a:key"
EXEC = RequestHead("POST", "/k8s/clusters/c-a/exec", (("upgrade", "SPDY/3.1"), ("connection", "Upgrade")))
WATCH = RequestHead("GET", "/k8s/clusters/c-a/api?watch=1", ())


class Api:
    """The server's end of one stream."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        assert connection.request is not None
        self.headers = connection.request.headers

    async def hear(self) -> Frame:
        message = await self._connection.recv()
        assert isinstance(message, str)
        return decode(message.encode())

    async def say(self, frame: Frame) -> None:
        for message in encode(frame):
            await self._connection.send(message.decode())

    async def garble(self, message: str) -> None:
        await self._connection.send(message)

    async def grant(self, opening: Frame, route: str, seconds: float = 300) -> None:
        document = json.dumps({"stream": "named", "seconds": seconds})
        await self.say(Frame(Kind.PONG, opening.stream, document=document, reply=route))

    async def answer(self, status: int, data: bytes = b"", *, fin: bool = False) -> None:
        await self.say(Frame(Kind.HEAD, "named", fin=fin, document=dump_response(ResponseHead(status, ())), data=data))


def play(server: Callable[[Api], Awaitable[None]], client: Callable[[StreamCall], Awaitable[None]]) -> None:
    """Let both ends play to their ends."""
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(trust)

    async def run() -> None:
        served: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def handle(connection: ServerConnection) -> None:
            try:
                await server(Api(connection))
                served.set_result(None)
            except BaseException as error:
                served.set_exception(error)
                raise

        async with serve(handle, "127.0.0.1", 0, ssl=tls) as listening:
            port = next(iter(listening.sockets)).getsockname()[1]
            call = StreamCall(Socket(f"wss://127.0.0.1:{port}/live", "lariat.test", trust, BEARER))
            try:
                await client(call)
            finally:
                call.close()
            await served

    asyncio.run(asyncio.wait_for(run(), 20))


def test_a_request_shows_its_token_and_later_frames_their_route() -> None:
    async def server(api: Api) -> None:
        assert api.headers["Authorization"] == BEARER
        assert "Origin" not in api.headers
        opening = await api.hear()
        assert (opening.kind, opening.fin, opening.reply) == (Kind.OPEN, False, "")
        assert load_request(opening.document) == EXEC._replace(
            headers=(*EXEC.headers, ("authorization", BEARER)),
        )
        # The answer overtakes the grant: what the client says meanwhile waits for its route.
        await api.answer(101, b"hello")
        await asyncio.sleep(0.05)
        await api.grant(opening, "to.route")
        word, end = await api.hear(), await api.hear()
        assert (word.kind, word.stream, word.data, word.reply) == (Kind.DATA, "named", b"word", "to.route")
        assert (end.fin, end.reply) == (True, "to.route")
        await api.say(Frame(Kind.DATA, "named", 5, fin=True, data=b"bye"))

    async def client(call: StreamCall) -> None:
        assert (await call.send(EXEC, b"")).status == 101
        assert call.switched
        assert call.taken() == b"hello"
        await call.write(b"word")
        call.finish()
        assert await call.read() == b"bye"
        assert await call.read() == b""
        assert call.complete

    play(server, client)


def test_a_route_is_renewed_with_the_token() -> None:
    async def server(api: Api) -> None:
        opening = await api.hear()
        assert opening.fin
        await api.grant(opening, "to.first", seconds=0.1)
        renewal = await api.hear()
        assert renewal == Frame(Kind.PING, "named", document=BEARER, reply="to.first")
        await api.grant(renewal, "to.second", seconds=0.1)
        assert (await api.hear()).reply == "to.second"
        await api.answer(200, b"event", fin=True)

    async def client(call: StreamCall) -> None:
        assert (await call.send(WATCH, b"")).status == 200
        assert await call.read() == b"event"

    play(server, client)


def test_whoever_leaves_says_so() -> None:
    async def server(api: Api) -> None:
        await api.grant(await api.hear(), "to.route")
        await api.answer(200, b"event")
        reset = await api.hear()
        assert (reset.kind, reset.stream, reset.reply) == (Kind.RESET, "named", "to.route")

    async def client(call: StreamCall) -> None:
        await call.send(WATCH, b"")
        assert await call.read() == b"event"

    play(server, client)


def test_a_refusal_is_an_ordinary_answer() -> None:
    async def server(api: Api) -> None:
        opening = await api.hear()
        head = dump_response(ResponseHead(403, ()))
        await api.say(Frame(Kind.HEAD, opening.stream, fin=True, document=head, data=b"{}"))

    async def client(call: StreamCall) -> None:
        assert (await call.send(EXEC, b"")).status == 403
        assert not call.switched
        assert await call.read() == b"{}"
        assert call.complete

    play(server, client)


async def _reset(api: Api) -> None:
    await api.say(Frame(Kind.RESET, "named", document='{"reason":"the agent has left"}'))


async def _hang_up(api: Api) -> None:
    """The connection ends when the server's part does."""


@pytest.mark.parametrize(
    ("mishap", "message"),
    [
        (_reset, "the agent has left"),
        (_hang_up, "connection to lariat.test is lost"),
        (lambda api: api.garble("garbage"), "no frame"),
        (lambda api: api.say(Frame(Kind.PONG, "x", document="[]")), "bad grant"),
        (lambda api: api.say(Frame(Kind.HEAD, "named", document="{}")), "bad status"),
    ],
)
def test_a_mishap_is_an_error(mishap: Callable[[Api], Awaitable[None]], message: str) -> None:
    async def server(api: Api) -> None:
        await api.hear()
        await mishap(api)

    async def client(call: StreamCall) -> None:
        with pytest.raises(UpstreamError, match=message):
            await call.send(WATCH, b"")

    play(server, client)


def test_a_server_that_is_not_there_is_an_error() -> None:
    async def run() -> None:
        call = StreamCall(Socket("wss://127.0.0.1:1/live", "lariat.test", ssl.create_default_context(), BEARER))
        with pytest.raises(UpstreamError, match=r"lariat\.test"):
            await call.send(WATCH, b"")
        call.close()

    asyncio.run(run())
