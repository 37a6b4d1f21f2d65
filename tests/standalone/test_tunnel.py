"""Both ends of exchanges as they run in the server and the agent, over a connection that delivers in any order."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest

from chalicelib.clusters.client import Answer
from chalicelib.errors import ClusterUnavailable
from chalicelib.tunnel.exchange import Broken, Exchange
from chalicelib.tunnel.frames import Frame, Kind, decode, encode
from chalicelib.tunnel.heads import RequestHead, ResponseHead, dump_request, dump_response, load_request
from chalicelib.tunnel.streams import WINDOW, Stream
from standalone.tunnel import LOST, Bridge, Caller, Tunnel, Tunnels

T = TypeVar("T")
SECONDS = 20.0
CLUSTER = "c-abcde"
GET = RequestHead("GET", "/version", ())


class Network:
    """Delivers messages after a while, in an order of its own; some come twice."""

    def __init__(self, seed: int, *, doubles: bool = False) -> None:
        self._chance = random.Random(seed)
        self._doubles = doubles
        self._waiting: list[tuple[Callable[[bytes], None], bytes]] = []
        self._came = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._deliver())
        self.carried = 0

    def post(self, target: Callable[[bytes], None], message: bytes) -> None:
        self._waiting.append((target, message))
        if self._doubles and self._chance.random() < 0.2:
            self._waiting.append((target, message))
        self._came.set()

    def stop(self) -> None:
        self._task.cancel()

    async def _deliver(self) -> None:
        while True:
            await self._came.wait()
            self._came.clear()
            while self._waiting:
                # Producers go on meanwhile, so there is something to choose from.
                await asyncio.sleep(0)
                target, message = self._waiting.pop(self._chance.randrange(len(self._waiting)))
                self.carried += 1
                target(message)


class Far:
    """The agent's end: a ``Carrier`` that opens an exchange for each stream and lets ``answer`` talk."""

    def __init__(
        self, network: Network, near: Callable[[bytes], None], answer: Callable[[Exchange], Awaitable[None]]
    ) -> None:
        self._network = network
        self._near = near
        self._answer = answer
        self._exchanges: dict[str, Exchange] = {}
        self._finished: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.broken: list[str] = []
        self.broke = asyncio.Event()

    @property
    def open(self) -> int:
        return len(self._exchanges)

    def receive(self, message: bytes) -> None:
        frame = decode(message)
        exchange = self._exchanges.get(frame.stream)
        if exchange is None:
            if frame.stream in self._finished or frame.kind not in (Kind.OPEN, Kind.DATA):
                self._finished.add(frame.stream)
                return
            exchange = self._exchanges[frame.stream] = Exchange(Stream(frame.stream, Kind.HEAD), self)
            task = asyncio.get_running_loop().create_task(self._talk(exchange))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        exchange.take(frame)

    async def _talk(self, exchange: Exchange) -> None:
        try:
            await self._answer(exchange)
        except Broken as broken:
            self.broken.append(str(broken))
            self.broke.set()

    # Whoever sends lets others work.
    full = True

    async def drain(self) -> None:
        await asyncio.sleep(0)

    def post(self, frames: Sequence[Frame], deflate: bool) -> None:
        for frame in frames:
            for message in encode(frame, deflate=deflate):
                self._network.post(self._near, message)

    def forget(self, stream: str) -> None:
        self._exchanges.pop(stream, None)
        self._finished.add(stream)

    async def finish(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Way:
    """An ``Outlet`` that hands messages to ``send``."""

    full = True

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.send = send

    async def drain(self) -> None:
        await asyncio.sleep(0)


class Pair:
    def __init__(self, tunnel: Tunnel, far: Far, network: Network) -> None:
        self.tunnel = tunnel
        self.far = far
        self.network = network
        self.hung_up = 0


@asynccontextmanager
async def pair(
    answer: Callable[[Exchange], Awaitable[None]], seed: int = 1, *, doubles: bool = False, deflate: bool = False
) -> AsyncIterator[Pair]:
    network = Network(seed, doubles=doubles)

    async def hang_up() -> None:
        made.hung_up += 1

    way = Way(lambda message: network.post(far.receive, message))
    tunnel = Tunnel(CLUSTER, way, hang_up, deflate=deflate)
    far = Far(network, tunnel.receive, answer)
    made = Pair(tunnel, far, network)
    try:
        yield made
    finally:
        network.stop()
        await far.finish()


def run(main: Awaitable[T]) -> T:
    async def limited() -> T:
        async with asyncio.timeout(SECONDS):
            return await main

    return asyncio.run(limited())


async def collect(exchange: Exchange) -> tuple[str, bytes]:
    """Read one direction to its end: head and body."""
    delivery = await exchange.receive()
    document, body = delivery.head, delivery.data
    while not delivery.fin:
        delivery = await exchange.receive()
        body += delivery.data
    return document, body


async def echo(exchange: Exchange) -> None:
    """Answer with what was asked, after all of it has come."""
    document, body = await collect(exchange)
    assert load_request(document).target.startswith("/")
    await exchange.send(body, True, dump_response(ResponseHead(200, (("x-target", load_request(document).target),))))


async def stream_back(exchange: Exchange) -> None:
    """Answer each piece as soon as it comes."""
    delivery = await exchange.receive()
    await exchange.send(delivery.data, delivery.fin, dump_response(ResponseHead(200, ())))
    while not delivery.fin:
        delivery = await exchange.receive()
        await exchange.send(delivery.data, delivery.fin)


def noise(size: int, seed: int = 7) -> bytes:
    return random.Random(seed).randbytes(size)


async def upload(exchange: Caller, body: bytes, chance: random.Random, target: str = "/x") -> None:
    """Send a request in pieces of any size."""
    document, position = dump_request(RequestHead("POST", target, ())), 0
    while True:
        piece = body[position : position + chance.randint(1, 150_000)]
        position += len(piece)
        await exchange.send(piece, position >= len(body), document)
        document = ""
        if position >= len(body):
            return


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("doubles", [False, True], ids=["once", "twice"])
@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflated"])
def test_a_body_comes_back_byte_for_byte(seed: int, doubles: bool, deflate: bool) -> None:
    async def main() -> None:
        sent = noise(700_000, seed) if seed % 2 else b"a text that deflates well \xc3\xa4\n" * 30_000
        async with pair(echo, seed, doubles=doubles, deflate=deflate) as ends:
            exchange = ends.tunnel.open()
            _, (head, delivery) = await asyncio.gather(upload(exchange, sent, random.Random(seed)), _head(exchange))
            body = delivery
            assert head.status == 200
            assert body == sent
            assert ends.far.open == 0
            assert ends.far.broken == []

    run(main())


async def _head(exchange: Caller) -> tuple[ResponseHead, bytes]:
    head, delivery = await exchange.head()
    body = delivery.data
    while not delivery.fin:
        delivery = await exchange.receive()
        body += delivery.data
    return head, body


def test_many_at_once_are_not_mixed_up() -> None:
    async def main() -> None:
        async with pair(echo, 3, doubles=True) as ends:

            async def ask(number: int) -> None:
                exchange = ends.tunnel.open()
                sent = noise(random.Random(number).randint(0, 60_000), number)
                await upload(exchange, sent, random.Random(number), f"/{number}")
                head, body = await _head(exchange)
                assert dict(head.headers)["x-target"] == f"/{number}"
                assert body == sent

            await asyncio.gather(*[ask(number) for number in range(50)])
            assert ends.far.open == 0

    run(main())


def test_both_directions_at_once_beyond_the_window() -> None:
    async def main() -> None:
        sent = noise(5 * WINDOW)
        async with pair(stream_back, 5) as ends:
            exchange = ends.tunnel.open()
            _, (_, body) = await asyncio.gather(upload(exchange, sent, random.Random(1)), _head(exchange))
            assert body == sent

    run(main())


def test_a_sender_waits_for_a_reader_that_does_not_read() -> None:
    async def main() -> None:
        sent = 0
        finished = asyncio.Event()

        async def flood(exchange: Exchange) -> None:
            nonlocal sent
            await exchange.receive()
            document = dump_response(ResponseHead(200, ()))
            for number in range(80):
                await exchange.send(bytes(50_000), number == 79, document)
                document = ""
                sent += 50_000
            finished.set()

        async with pair(flood, 2) as ends:
            exchange = ends.tunnel.open()
            await exchange.send(b"", True, dump_request(GET))
            before = -1
            while sent != before:
                before = sent
                await asyncio.sleep(0.05)
            assert sent <= WINDOW + 100_000
            _, body = await _head(exchange)
            assert len(body) == 4_000_000
            await finished.wait()

    run(main())


def test_one_that_is_not_read_holds_up_no_other() -> None:
    async def main() -> None:
        async def answer(exchange: Exchange) -> None:
            document, _ = await collect(exchange)
            size = 3 * WINDOW if load_request(document).target == "/large" else 10
            await exchange.send(bytes(size), True, dump_response(ResponseHead(200, ())))

        async with pair(answer, 2) as ends:
            large = ends.tunnel.open()
            await large.send(b"", True, dump_request(RequestHead("GET", "/large", ())))
            await large.head()
            for _ in range(20):
                exchange = ends.tunnel.open()
                await exchange.send(b"", True, dump_request(GET))
                assert (await _head(exchange))[1] == bytes(10)
            large.abort("enough")

    run(main())


class TestEnds:
    def test_a_caller_that_leaves_ends_the_answer(self) -> None:
        async def main() -> None:
            async def endless(exchange: Exchange) -> None:
                await exchange.receive()
                await exchange.send(b"x", False, dump_response(ResponseHead(200, ())))
                while True:
                    await exchange.send(b"more", False)
                    await asyncio.sleep(0.001)

            async with pair(endless, 1) as ends:
                exchange = ends.tunnel.open()
                await exchange.send(b"", True, dump_request(GET))
                await exchange.head()
                exchange.abort("seen enough")
                await ends.far.broke.wait()
                assert ends.far.broken == ["seen enough"]
                assert ends.far.open == 0
                with pytest.raises(Broken, match="seen enough"):
                    await collect(exchange)

        run(main())

    def test_an_answerer_that_gives_up_says_why(self) -> None:
        async def main() -> None:
            async def give_up(exchange: Exchange) -> None:
                await exchange.receive()
                exchange.abort("no API server")

            async with pair(give_up) as ends:
                exchange = ends.tunnel.open()
                await exchange.send(b"", True, dump_request(GET))
                with pytest.raises(Broken, match="no API server"):
                    await exchange.head()

        run(main())

    def test_a_head_that_is_none_is_an_error(self) -> None:
        async def main() -> None:
            async def babble(exchange: Exchange) -> None:
                await exchange.receive()
                await exchange.send(b"", True, json.dumps({"status": 9000, "headers": []}))

            async with pair(babble) as ends:
                exchange = ends.tunnel.open()
                await exchange.send(b"", True, dump_request(GET))
                with pytest.raises(Broken, match="the cluster's agent sent a bad status"):
                    await exchange.head()

        run(main())

    def test_a_connection_that_is_lost_fails_all_at_once(self) -> None:
        async def main() -> None:
            async def silence(exchange: Exchange) -> None:
                await asyncio.sleep(SECONDS)

            async with pair(silence) as ends:
                waiting: list[asyncio.Future[object]] = []
                for _ in range(10):
                    exchange = ends.tunnel.open()
                    await exchange.send(b"", True, dump_request(GET))
                    waiting.append(asyncio.ensure_future(exchange.head()))
                blocked = ends.tunnel.open()
                waiting.append(asyncio.ensure_future(_blocked(blocked)))
                await asyncio.sleep(0.05)
                assert not any(each.done() for each in waiting)
                ends.tunnel.close()
                async with asyncio.timeout(1):
                    results = await asyncio.gather(*waiting, return_exceptions=True)
                assert {str(result) for result in results} == {LOST}
                assert all(isinstance(result, Broken) for result in results)

        async def _blocked(exchange: Caller) -> object:
            await exchange.send(bytes(3 * WINDOW), False, dump_request(GET))
            return await exchange.head()

        run(main())

    def test_a_connection_that_was_lost_takes_nothing_new(self) -> None:
        async def main() -> None:
            async with pair(echo) as ends:
                ends.tunnel.close()
                exchange = ends.tunnel.open()
                with pytest.raises(Broken, match="disconnected"):
                    await exchange.send(b"", True, dump_request(GET))
                with pytest.raises(Broken, match="disconnected"):
                    await exchange.head()

        run(main())

    def test_what_is_no_frame_or_nobodys_is_dropped(self, caplog: pytest.LogCaptureFixture) -> None:
        async def main() -> None:
            async with pair(echo) as ends:
                for message in (
                    b"",
                    b"no frame",
                    b"H nobody-1 0 ft 2 0 \n{}",
                    b"D nobody-1 5 t 0 1 \nx",
                    b"C nobody-1 5 t 0 0 \n",
                ):
                    ends.tunnel.receive(message)
                exchange = ends.tunnel.open()
                await exchange.send(b"still works", True, dump_request(GET))
                assert (await _head(exchange))[1] == b"still works"

        run(main())
        assert "no frame" in caplog.text

    def test_a_ping_is_answered(self) -> None:
        async def main() -> None:
            sent: list[bytes] = []

            async def hang_up() -> None:
                """Nobody asks."""

            way = Way(sent.append)
            way.full = False
            tunnel = Tunnel(CLUSTER, way, hang_up, deflate=False)
            (ping,) = encode(Frame(Kind.PING))
            tunnel.receive(ping)
            assert [decode(message).kind for message in sent] == [Kind.PONG]
            way.full = True
            tunnel.receive(ping)
            assert len(sent) == 1, "whoever asks without reading gets no answers piled up"

        run(main())


class TestTunnels:
    """Which of a cluster's connections a request takes."""

    def tunnel(self, cluster: str = CLUSTER) -> Tunnel:
        async def nothing() -> None:
            """Nobody is there."""

        return Tunnel(cluster, Way(lambda _: None), nothing, deflate=False)

    def retire(self, tunnel: Tunnel) -> None:
        (message,) = encode(Frame(Kind.GOAWAY))
        tunnel.receive(message)

    def test_the_newest_that_does_not_retire(self) -> None:
        changes: list[str] = []
        tunnels = Tunnels(changes.append)
        assert tunnels.find(CLUSTER) is None
        old, new, newest = self.tunnel(), self.tunnel(), self.tunnel()
        for tunnel in (old, new, newest):
            tunnels.add(tunnel)
            assert tunnels.find(CLUSTER) is tunnel
        self.retire(newest)
        assert tunnels.find(CLUSTER) is new
        self.retire(new)
        assert tunnels.find(CLUSTER) is old
        self.retire(old)
        assert tunnels.find(CLUSTER) is newest, "better than none"
        assert changes == [CLUSTER] * 3

    def test_one_that_left_is_not_taken(self) -> None:
        changes: list[str] = []
        tunnels = Tunnels(changes.append)
        old, new = self.tunnel(), self.tunnel()
        tunnels.add(old)
        tunnels.add(new)
        tunnels.remove(new)
        assert tunnels.find(CLUSTER) is old
        tunnels.remove(old)
        assert tunnels.find(CLUSTER) is None
        tunnels.remove(old)
        assert tunnels.find(CLUSTER) is None
        assert len(changes) == 5

    def test_each_cluster_has_its_own(self) -> None:
        tunnels = Tunnels(lambda _: None)
        one, other = self.tunnel("c-aaaaa"), self.tunnel("c-bbbbb")
        tunnels.add(one)
        tunnels.add(other)
        assert (tunnels.find("c-aaaaa"), tunnels.find("c-bbbbb")) == (one, other)
        tunnels.remove(one)
        assert tunnels.find("c-bbbbb") is other

    def test_a_deleted_clusters_connections_are_hung_up(self) -> None:
        async def main() -> None:
            async with pair(echo) as one, pair(echo) as two:
                tunnels = Tunnels(lambda _: None)
                tunnels.add(one.tunnel)
                tunnels.add(two.tunnel)
                await tunnels.drop("c-other")
                assert (one.hung_up, two.hung_up) == (0, 0)
                await tunnels.drop(CLUSTER)
                assert (one.hung_up, two.hung_up) == (1, 1)

        run(main())


class TestBridge:
    """Requests of threads beside the event loop."""

    def call(self, answer: Callable[[Exchange], Awaitable[None]] | None, timeout: float = 5.0) -> Answer:
        async def main() -> Answer:
            tunnels = Tunnels(lambda _: None)
            bridge = Bridge(tunnels, asyncio.get_running_loop())
            with ThreadPoolExecutor(1) as pool:
                async with pair(answer or echo, 1) as ends:
                    if answer is not None:
                        tunnels.add(ends.tunnel)
                    assert bridge.connected(CLUSTER) is (answer is not None)
                    work = pool.submit(bridge.call, CLUSTER, GET, b"body", timeout)
                    return await asyncio.wrap_future(work)

        return run(main())

    def test_the_whole_answer_comes_back(self) -> None:
        assert self.call(echo) == Answer(200, b"body")

    def test_without_a_connection_it_says_so(self) -> None:
        with pytest.raises(ClusterUnavailable, match="not connected"):
            self.call(None)

    def test_without_an_answer_too(self) -> None:
        async def silence(exchange: Exchange) -> None:
            await asyncio.sleep(SECONDS)

        with pytest.raises(ClusterUnavailable, match="did not answer within"):
            self.call(silence, 0.2)

    def test_a_reason_is_passed_on(self) -> None:
        async def give_up(exchange: Exchange) -> None:
            exchange.abort("can't reach the cluster's API server")

        with pytest.raises(ClusterUnavailable, match="can't reach the cluster's API server"):
            self.call(give_up)
