"""The agent's HTTP client, against a server whose every byte is the test's."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import NamedTuple, TypeVar

import pytest

from agent.connection import HELD
from agent.errors import UpstreamError
from agent.upstream import Address, Call, Upstream, nobody
from chalicelib.tunnel.heads import Headers, RequestHead
from tests.support.scripted import Peer, Request, Scripted, serving

T = TypeVar("T")
SECONDS = 10.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Got(NamedTuple):
    status: int
    headers: Headers
    body: bytes


def head(method: str = "GET", target: str = "/a?b=c", headers: Headers = ()) -> RequestHead:
    return RequestHead(method, target, headers)


async def finish(call: Call) -> bytes:
    body = call.taken()
    while not call.complete:
        body += await call.read()
    return body


async def ask(upstream: Upstream, request: RequestHead, body: bytes | AsyncIterator[bytes] = b"") -> Got:
    call = upstream.call()
    try:
        answer = await call.send(request, body)
        return Got(answer.status, answer.headers, await finish(call))
    finally:
        call.close()


def run(server: Scripted, use: Callable[[Upstream], Awaitable[T]]) -> T:
    """Run ``use`` with an upstream to a started server."""

    async def main() -> T:
        upstream = Upstream(Address("127.0.0.1", server.port), None, nobody)
        try:
            async with asyncio.timeout(SECONDS):
                return await use(upstream)
        finally:
            upstream.close()
            await asyncio.sleep(0)

    return asyncio.run(main())


def once(answer: bytes, *, method: str = "GET", reset: bool = False) -> Got:
    """Ask a server that sends these bytes and closes."""

    def serve(peer: Peer) -> None:
        request = peer.request()
        assert request is not None
        peer.send(answer)
        if reset:
            peer.reset()

    with serving(Scripted(serve)) as server:
        return run(server, lambda upstream: ask(upstream, head(method)))


class TestRequest:
    @pytest.fixture
    def seen(self) -> Iterator[Callable[[RequestHead, bytes | AsyncIterator[bytes]], tuple[Request, bytes]]]:
        """Send a request; return what arrived."""
        arrived: queue.Queue[tuple[Request, bytes]] = queue.Queue()

        def serve(peer: Peer) -> None:
            while (request := peer.request()) is not None:
                arrived.put((request, peer.body(request)))
                peer.answer()

        def see(request: RequestHead, body: bytes | AsyncIterator[bytes]) -> tuple[Request, bytes]:
            run(server, lambda upstream: ask(upstream, request, body))
            return arrived.get(timeout=SECONDS)

        with serving(Scripted(serve)) as server:
            yield see

    def test_line_and_headers_arrive_as_given(self, seen: Callable[..., tuple[Request, bytes]]) -> None:
        request, body = seen(head("GET", "/x%2Fy?z=%20", (("accept", "a/b"), ("accept", "c/d"))), b"")
        assert (request.method, request.target, body) == ("GET", "/x%2Fy?z=%20", b"")
        assert [value for name, value in request.headers if name == "accept"] == ["a/b", "c/d"]
        assert request.value("host").startswith("127.0.0.1:")
        assert "content-length" not in dict(request.headers)
        assert "transfer-encoding" not in dict(request.headers)

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
    def test_a_write_without_a_body_says_so(self, seen: Callable[..., tuple[Request, bytes]], method: str) -> None:
        request, body = seen(head(method), b"")
        assert (request.value("content-length"), body) == ("0", b"")

    @pytest.mark.parametrize("method", ["POST", "DELETE", "GET"])
    def test_a_whole_body_has_its_length(self, seen: Callable[..., tuple[Request, bytes]], method: str) -> None:
        request, body = seen(
            head(method, headers=(("content-length", "99"), ("transfer-encoding", "chunked"))), b"12345"
        )
        assert (request.value("content-length"), body) == ("5", b"12345")
        assert "transfer-encoding" not in dict(request.headers)

    def test_a_body_that_comes_in_pieces_is_chunked(self, seen: Callable[..., tuple[Request, bytes]]) -> None:
        request, body = seen(head("POST"), pieces(b"one", b"", b"two", b"x" * 100_000))
        assert request.value("transfer-encoding") == "chunked"
        assert body == b"onetwo" + b"x" * 100_000

    def test_pieces_of_a_known_length_keep_it(self, seen: Callable[..., tuple[Request, bytes]]) -> None:
        request, body = seen(head("POST", headers=(("content-length", "6"),)), pieces(b"one", b"", b"two"))
        assert (request.value("content-length"), body) == ("6", b"onetwo")

    @pytest.mark.parametrize(("length", "part"), [("5", "longer"), ("7", "shorter")])
    def test_pieces_that_belie_their_length_are_not_sent_to_their_end(self, length: str, part: str) -> None:
        def serve(peer: Peer) -> None:
            request = peer.request()
            assert request is not None
            peer.body(request)

        with serving(Scripted(serve)) as server, pytest.raises(UpstreamError, match=part):
            run(server, lambda up: ask(up, head("POST", headers=(("content-length", length),)), pieces(b"one", b"two")))

    def test_the_agents_own_credentials_replace_others(self) -> None:
        arrived: queue.Queue[Request] = queue.Queue()

        def serve(peer: Peer) -> None:
            while (request := peer.request()) is not None:
                arrived.put(request)
                peer.answer()

        async def credential() -> str:
            return "Bearer mine"

        async def use() -> None:
            upstream = Upstream(Address("127.0.0.1", server.port, "/prefix"), None, credential)
            await ask(
                upstream,
                head(headers=(("authorization", "Bearer theirs"), ("host", "elsewhere"), ("expect", "100-continue"))),
            )
            upstream.close()
            await asyncio.sleep(0)

        with serving(Scripted(serve)) as server:
            asyncio.run(use())
        request = arrived.get(timeout=SECONDS)
        assert request.value("authorization") == "Bearer mine"
        assert request.value("host") == f"127.0.0.1:{server.port}"
        assert request.value("expect") == ""
        assert request.target == "/prefix/a?b=c"

    @pytest.mark.parametrize("group", ["админы", "名"])
    def test_a_name_that_headers_can_not_carry_is_not_replaced_by_another(self, group: str) -> None:
        """A question mark for each letter would turn one group into another."""
        with serving(Scripted(Peer.close)) as server, pytest.raises(UpstreamError, match="can't carry"):
            run(server, lambda upstream: ask(upstream, head(headers=(("impersonate-group", group),))))


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece
        await asyncio.sleep(0)


class TestAnswer:
    def test_with_a_length(self) -> None:
        got = once(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Y: a\r\nX-Y: b\r\n\r\nhello")
        assert got == (200, (("content-length", "5"), ("x-y", "a"), ("x-y", "b")), b"hello")

    def test_in_chunks(self) -> None:
        assert (
            once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n").body
            == b"abcde"
        )

    def test_until_the_connection_is_closed(self) -> None:
        assert once(b"HTTP/1.1 200 OK\r\n\r\nall there is").body == b"all there is"

    def test_http_1_0(self) -> None:
        assert once(b"HTTP/1.0 200 OK\r\n\r\nold").body == b"old"

    def test_an_empty_one(self) -> None:
        assert once(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") == (200, (("content-length", "0"),), b"")

    @pytest.mark.parametrize("status", [204, 304])
    def test_without_a_body_by_its_status(self, status: int) -> None:
        got = once(b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\n" % status)
        assert (got.status, got.body) == (status, b"")

    def test_to_a_head_request(self) -> None:
        got = once(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", method="HEAD")
        assert got == (200, (("content-length", "5000"),), b"")

    @pytest.mark.parametrize("status", [100, 102, 103])
    def test_a_provisional_one_is_not_the_answer(self, status: int) -> None:
        got = once(b"HTTP/1.1 %d Wait\r\nX-Early: yes\r\n\r\n" % status + OK)
        assert got == (200, (("content-length", "2"),), b"ok")

    def test_a_large_one(self) -> None:
        body = b"0123456789abcdef" * 200_000
        assert once(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body).body == body

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"HTTP/1.1 200",
            b"HTTP/1.1 200 OK\r\nContent-Le",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"\x15\x03\x01\x00\x02\x02\x46",
            b"HTTP/1.1 OK 200\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        ],
        ids=["nothing", "half a line", "half a header", "short", "no last chunk", "half a chunk", "bad chunk",
             "only provisional", "ssh", "tls", "no status", "two lengths"],
    )  # fmt: skip
    def test_a_broken_one_is_an_error_and_never_an_end(self, answer: bytes) -> None:
        with pytest.raises(UpstreamError):
            once(answer)

    def test_a_reset_is_no_end(self) -> None:
        with pytest.raises(UpstreamError):
            once(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", reset=True)

    def test_of_two_at_once_the_first_counts(self) -> None:
        got = once(
            b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno"
            + b"HTTP/1.1 200 OK\r\nX-Evil: 1\r\nContent-Length: 4\r\n\r\nevil"
        )
        assert got == (404, (("content-length", "2"),), b"no")

    def test_a_piece_is_there_before_the_next_one_is_sent(self) -> None:
        go = threading.Semaphore(0)

        def serve(peer: Peer) -> None:
            peer.request()
            peer.begin()
            for number in range(5):
                go.acquire(timeout=SECONDS)
                peer.chunk(b"piece %d" % number)
            peer.chunk(b"")

        async def use(upstream: Upstream) -> list[bytes]:
            call = upstream.call()
            assert (await call.send(head(), b"")).status == 200
            assert call.taken() == b""
            read = []
            for _ in range(5):
                assert not call.complete
                go.release()
                read.append(await call.read())
            assert await call.read() == b""
            assert call.complete
            call.close()
            return read

        with serving(Scripted(serve)) as server:
            assert run(server, use) == [b"piece %d" % number for number in range(5)]

    def test_nobody_takes_it_so_the_server_waits(self) -> None:
        sent = 0
        size = 64 * 1024

        def serve(peer: Peer) -> None:
            nonlocal sent
            peer.request()
            peer.begin()
            while sent < 64 * 1024 * 1024:
                peer.chunk(bytes(size))
                sent += size
            peer.chunk(b"")

        async def use(upstream: Upstream) -> int:
            call = upstream.call()
            await call.send(head(), b"")
            held = -1
            while sent != held:
                held = sent
                await asyncio.sleep(0.2)
            assert held < 32 * 1024 * 1024
            assert len(call.taken()) < 2 * HELD
            read = 0
            while not call.complete:
                read += len(await call.read())
            call.close()
            return read

        with serving(Scripted(serve)) as server:
            assert run(server, use) > 60 * 1024 * 1024
        assert sent == 64 * 1024 * 1024


class TestConnections:
    def test_one_is_used_again_and_again(self) -> None:
        def serve(peer: Peer) -> None:
            while (request := peer.request()) is not None:
                peer.answer(200, f"{peer.number} {request.target}".encode())

        async def use(upstream: Upstream) -> list[bytes]:
            return [(await ask(upstream, head(target=f"/{number}"))).body for number in range(5)]

        with serving(Scripted(serve)) as server:
            assert run(server, use) == [b"0 /%d" % number for number in range(5)]
            assert server.connections == 1

    def test_each_of_several_requests_at_once_has_its_own(self) -> None:
        def serve(peer: Peer) -> None:
            while (request := peer.request()) is not None:
                together.wait(SECONDS)
                peer.answer(200, request.target.encode())

        async def use(upstream: Upstream) -> list[Got]:
            return await asyncio.gather(*[ask(upstream, head(target=f"/{number}")) for number in range(8)])

        together = threading.Barrier(8)
        with serving(Scripted(serve)) as server:
            assert [got.body for got in run(server, use)] == [b"/%d" % number for number in range(8)]
            assert server.connections == 8

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
            b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        ],
        ids=["closed", "HTTP/1.0"],
    )
    def test_one_that_is_not_kept_is_not_used_again(self, answer: bytes) -> None:
        def serve(peer: Peer) -> None:
            while peer.request() is not None:
                peer.send(answer)

        async def use(upstream: Upstream) -> None:
            for _ in range(3):
                assert (await ask(upstream, head())).body == b"ok"

        with serving(Scripted(serve)) as server:
            run(server, use)
            assert server.connections == 3

    def test_one_whose_answer_was_not_read_is_not_used_again(self) -> None:
        def serve(peer: Peer) -> None:
            while peer.request() is not None:
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
                if peer.number:
                    peer.send(b"half")

        async def use(upstream: Upstream) -> bytes:
            call = upstream.call()
            await call.send(head(), b"")
            call.close()
            return (await ask(upstream, head())).body

        with serving(Scripted(serve)) as server:
            assert run(server, use) == b"halfhalf"

    def test_one_that_talks_unasked_is_not_used_again(self) -> None:
        def serve(peer: Peer) -> None:
            while peer.request() is not None:
                peer.send(OK)
                if peer.number == 0:
                    talk.wait(SECONDS)
                    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")

        async def use(upstream: Upstream) -> bytes:
            await ask(upstream, head())
            talk.set()
            await asyncio.sleep(0.1)
            return (await ask(upstream, head())).body

        talk = threading.Event()
        with serving(Scripted(serve)) as server:
            assert run(server, use) == b"ok"
            assert server.connections == 2

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
    def test_a_read_on_one_that_was_closed_meanwhile_is_sent_again(self, method: str) -> None:
        with serving(Scripted(self._closing_at_the_second)) as server:
            assert run(server, lambda upstream: self._twice(upstream, method)) == 200
            assert server.connections == 2

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
    def test_a_write_on_one_that_was_closed_meanwhile_is_not_sent_twice(self, method: str) -> None:
        with serving(Scripted(self._closing_at_the_second)) as server:
            with pytest.raises(UpstreamError, match="broke off"):
                run(server, lambda upstream: self._twice(upstream, method))
            assert server.connections == 1

    def _closing_at_the_second(self, peer: Peer) -> None:
        """Take a request on the first connection, answer it, take another one, and close without an answer."""
        request = peer.request()
        assert request is not None
        peer.body(request)
        peer.send(OK if request.method != "HEAD" else b"HTTP/1.1 200 OK\r\n\r\n")
        if peer.number == 0:
            peer.request()

    async def _twice(self, upstream: Upstream, method: str) -> int:
        await ask(upstream, head())
        return (await ask(upstream, head(method))).status

    def test_one_that_was_closed_while_idle_is_replaced_for_any_method(self) -> None:
        def serve(peer: Peer) -> None:
            request = peer.request()
            assert request is not None
            peer.body(request)
            peer.send(OK)

        async def use(upstream: Upstream) -> None:
            for method in ("GET", "POST", "DELETE"):
                assert (await ask(upstream, head(method), b"x" if method == "POST" else b"")).status == 200
                await asyncio.sleep(0.05)

        with serving(Scripted(serve)) as server:
            run(server, use)
            assert server.connections == 3

    def test_a_server_that_always_closes_is_tried_twice_at_most(self) -> None:
        def serve(peer: Peer) -> None:
            if peer.number == 0:
                peer.request()
                peer.send(OK)
            peer.request()

        async def use(upstream: Upstream) -> None:
            await ask(upstream, head())
            await ask(upstream, head())

        with serving(Scripted(serve)) as server:
            with pytest.raises(UpstreamError, match="closed the connection"):
                run(server, use)
            assert server.connections == 2

    def test_nobody_listens(self) -> None:
        with serving(Scripted(Peer.close)) as server:
            port = server.port

        async def use() -> None:
            await ask(Upstream(Address("127.0.0.1", port), None, nobody), head())

        with pytest.raises(UpstreamError, match=f"can't reach the cluster's API server at 127.0.0.1:{port}"):
            asyncio.run(use())


class TestEarlyAnswer:
    """An API server may answer before it has read the whole body, for instance that it is too large."""

    def test_it_ends_the_upload(self) -> None:
        def serve(peer: Peer) -> None:
            request = peer.request()
            assert request is not None
            assert peer.piece() == b"first"
            peer.send(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig")
            answered.set()

        async def body() -> AsyncIterator[bytes]:
            yield b"first"
            await asyncio.to_thread(answered.wait, SECONDS)
            await asyncio.sleep(0.05)
            yield b"second"
            raise AssertionError("the upload goes on")

        answered = threading.Event()
        with serving(Scripted(serve)) as server:
            got = run(server, lambda upstream: ask(upstream, head("POST"), body()))
        assert (got.status, got.body) == (413, b"big")

    def test_it_is_seen_though_the_caller_sends_no_more(self) -> None:
        def serve(peer: Peer) -> None:
            request = peer.request()
            assert request is not None
            assert peer.piece() == b"first"
            peer.begin()
            peer.chunk(b"an answer")
            peer.chunk(b"")

        async def body() -> AsyncIterator[bytes]:
            yield b"first"
            await asyncio.sleep(SECONDS)
            yield b"too late"

        async def use(upstream: Upstream) -> Got:
            async with asyncio.timeout(1):
                return await ask(upstream, head("POST"), body())

        with serving(Scripted(serve)) as server:
            assert run(server, use).body == b"an answer"

    def test_the_next_request_is_not_taken_for_the_rest_of_the_body(self) -> None:
        """Else one user's request, with the agent's own token, would become another user's data."""

        def serve(peer: Peer) -> None:
            while (request := peer.request()) is not None:
                if request.method == "POST":
                    # As an API server does that refuses by the head alone, and then reads on for a while.
                    peer.exactly(5)
                    peer.answer(403)
                    swallowed.put(peer.exactly(int(request.value("content-length")) - 5))
                else:
                    peer.answer(200, b"mine")

        async def body() -> AsyncIterator[bytes]:
            yield b"first"
            await asyncio.sleep(0.1)
            yield b"rest"

        async def use(upstream: Upstream) -> None:
            refused = await ask(upstream, head("POST", headers=(("content-length", "100"),)), body())
            assert refused.status == 403
            async with asyncio.timeout(1):
                got = await ask(upstream, head(headers=(("x-secret", "of somebody else"),)))
            assert got.body == b"mine"

        swallowed: queue.Queue[bytes] = queue.Queue()
        with serving(Scripted(serve)) as server:
            run(server, use)
            assert swallowed.get(timeout=SECONDS) == b""


class TestSwitch:
    def test_bytes_flow_both_ways_after_it(self) -> None:
        def serve(peer: Peer) -> None:
            peer.request()
            peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\n\r\nhello")
            while data := peer.read():
                peer.send(data)

        async def use(upstream: Upstream) -> None:
            call = upstream.call()
            switched = await call.send(head("POST", headers=(("upgrade", "SPDY/3.1"),)), b"")
            assert (switched.status, call.switched) == (101, True)
            received = call.taken()
            while len(received) < len(b"hello"):
                received += await call.read()
            assert received == b"hello"
            sent = bytes(range(256)) * 400
            await call.write(sent)
            received = b""
            while len(received) < len(sent):
                received += await call.read()
            assert received == sent
            assert not call.complete
            call.close()

        with serving(Scripted(serve)) as server:
            run(server, use)

    def test_its_end_is_an_end(self) -> None:
        def serve(peer: Peer) -> None:
            peer.request()
            peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nbye")

        async def use(upstream: Upstream) -> bytes:
            call = upstream.call()
            await call.send(head(), b"")
            received = b""
            while data := await call.read():
                received += data
            assert call.complete
            call.close()
            return received

        with serving(Scripted(serve)) as server:
            assert run(server, use) == b"bye"

    def test_it_is_never_given_back(self) -> None:
        def serve(peer: Peer) -> None:
            peer.request()
            if peer.number == 0:
                peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
                peer.ends()
            else:
                peer.send(OK)

        async def use(upstream: Upstream) -> bytes:
            call = upstream.call()
            await call.send(head(), b"")
            call.close()
            return (await ask(upstream, head())).body

        with serving(Scripted(serve)) as server:
            assert run(server, use) == b"ok"
            assert server.connections == 2


class TestAddress:
    @pytest.mark.parametrize(
        ("url", "address", "secure"),
        [
            ("https://a.test", Address("a.test", 443), True),
            ("http://a.test", Address("a.test", 80), False),
            ("https://a.test:6443/", Address("a.test", 6443), True),
            ("https://a.test/k8s/clusters/c-1/", Address("a.test", 443, "/k8s/clusters/c-1"), True),
            ("https://[::1]:6443", Address("::1", 6443), True),
        ],
    )
    def test_it_is_taken_apart(self, url: str, address: Address, secure: bool) -> None:
        assert Address.parse(url) == (address, secure)

    @pytest.mark.parametrize(
        "url",
        ["", "a.test:6443", "ftp://a.test", "https://", "https://user@a.test", "https://a.test?x=y", "https://a.test:99999",
         "https://a.test:x", "https://[::1"],
    )  # fmt: skip
    def test_what_is_none_is_refused(self, url: str) -> None:
        with pytest.raises(ValueError):  # noqa: PT011
            Address.parse(url)

    def test_an_ipv6_authority_has_brackets(self) -> None:
        assert Address("::1", 6443).authority == "[::1]:6443"
        assert Address("a.test", 443).authority == "a.test:443"
