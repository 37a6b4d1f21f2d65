"""A stream that goes on for long: its answers' address changes, and the server asks after it."""

from __future__ import annotations

import asyncio

from agent.session import Session
from agent.upstream import Address, Upstream, nobody
from chalicelib.tunnel.frames import Frame, Kind, decode, encode
from chalicelib.tunnel.heads import RequestHead, dump_request
from tests.support.scripted import Api, Peer, Request, serving


class Outlet:
    def __init__(self) -> None:
        self.said: asyncio.Queue[Frame] = asyncio.Queue()

    @property
    def full(self) -> bool:
        return False

    def send(self, message: bytes) -> None:
        self.said.put_nowait(decode(message))

    async def drain(self) -> None:
        return


def tell(session: Session, frame: Frame) -> None:
    for message in encode(frame):
        session.receive(message)


def slow(peer: Peer, request: Request) -> None:
    """Say a word, and another one after each that is heard."""
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\n\r\n")
    while data := peer.read():
        peer.send(data)


HEAD = RequestHead("POST", "/slow", (("upgrade", "SPDY/3.1"), ("connection", "Upgrade"), ("impersonate-user", "u-1")))


def test_answers_go_to_the_newest_address() -> None:
    async def run(port: int) -> None:
        outlet = Outlet()
        session = Session(outlet, Upstream(Address("127.0.0.1", port), None, nobody))
        # A hasty word, which overtakes the request and knows no address.
        tell(session, Frame(Kind.DATA, "s", 0, data=b"one"))
        tell(session, Frame(Kind.OPEN, "s", document=dump_request(HEAD), reply="first"))
        head, word = await outlet.said.get(), await outlet.said.get()
        assert (head.kind, head.reply, word.data, word.reply) == (Kind.HEAD, "first", b"one", "first")
        tell(session, Frame(Kind.PING, "s", reply="second"))
        tell(session, Frame(Kind.DATA, "s", 3, data=b"two"))
        word = await outlet.said.get()
        assert (word.data, word.reply) == (b"two", "second")
        session.close()

    with serving(Api(slow=slow)) as api:
        asyncio.run(asyncio.wait_for(run(api.port), 20))


def test_a_stream_that_is_unknown_is_reset() -> None:
    """The server asks because frames may have got lost: without an answer the caller would wait for ever."""

    async def run() -> None:
        outlet = Outlet()
        session = Session(outlet, Upstream(Address("127.0.0.1", 1), None, nobody))
        tell(session, Frame(Kind.PING, "absent", reply="caller"))
        reset = outlet.said.get_nowait()
        assert (reset.kind, reset.stream, reset.reply) == (Kind.RESET, "absent", "caller")
        tell(session, Frame(Kind.PING, reply="asker"))
        assert outlet.said.get_nowait() == Frame(Kind.PONG, reply="asker")

    asyncio.run(run())
