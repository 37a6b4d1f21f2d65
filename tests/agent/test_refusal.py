"""The agent's account may impersonate anybody, so the agent lets nothing through that would run as the agent itself."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from agent.session import Session
from agent.upstream import Address, Upstream
from chalicelib.tunnel.frames import Frame, Kind, decode, encode
from chalicelib.tunnel.heads import Headers, RequestHead, dump_request, load_response
from tests.support.recorder import TOKEN, Recorder, recording

ALICE = (("impersonate-user", "alice"),)
SECONDS = 10.0


class Told(NamedTuple):
    """How a stream ended: ``status`` is 0 if it was reset."""

    status: int
    body: bytes
    reason: str = ""


class Server:
    """The server's end of a tunnel to a session, with nothing between them. Whoever waits lets the session work."""

    def __init__(self, recorder: Recorder) -> None:
        self.failures: list[dict[str, Any]] = []
        self._runner = asyncio.Runner()
        self._runner.get_loop().set_exception_handler(lambda _, context: self.failures.append(context))
        self._messages: asyncio.Queue[bytes] = asyncio.Queue()
        self._upstream = Upstream(Address("127.0.0.1", recorder.port), None, self._authorization)
        self._session = Session(self, self._upstream)

    async def _authorization(self) -> str:
        return f"Bearer {TOKEN}"

    full = False

    def send(self, message: bytes) -> None:
        """What the session says, as its ``Outlet``."""
        self._messages.put_nowait(message)

    async def drain(self) -> None:
        """There is always room."""

    def open(self, head: str, data: bytes = b"", *, fin: bool = True, stream: str = "s-1") -> None:
        self.say(Frame(Kind.OPEN, stream, 0, fin, head, data))

    def say(self, frame: Frame) -> None:
        async def say() -> None:
            for message in encode(frame):
                self._session.receive(message)

        self._runner.run(say())

    def told(self, stream: str = "s-1") -> Told:
        """Wait for the whole answer of a stream."""
        return self._runner.run(asyncio.wait_for(self._told(stream), SECONDS))

    async def _told(self, stream: str) -> Told:
        status, body = 0, b""
        while True:
            frame = decode(await self._messages.get())
            if frame.stream != stream or frame.kind is Kind.CREDIT:
                continue
            if frame.kind is Kind.RESET:
                return Told(0, body, json.loads(frame.document)["reason"])
            if frame.document:
                status = load_response(frame.document).status
            body += frame.data
            if frame.fin:
                return Told(status, body)

    def ask(self, headers: Headers, *, method: str = "GET", target: str = "/api", stream: str = "s-1") -> Told:
        self.open(dump_request(RequestHead(method, target, headers)), stream=stream)
        return self.told(stream)

    def drop(self) -> None:
        """The connection is lost."""

        async def drop() -> None:
            self._session.close()
            self._upstream.close()
            # Transports close on the loop's next turn.
            await asyncio.sleep(0)

        self._runner.run(drop())

    def close(self) -> None:
        self.drop()
        self._runner.close()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture
def server(recorder: Recorder) -> Iterator[Server]:
    server = Server(recorder)
    try:
        yield server
    finally:
        server.close()


def test_a_request_that_impersonates_somebody_reaches_the_cluster(server: Server, recorder: Recorder) -> None:
    assert server.ask(ALICE) == Told(200, b"{}")
    (request,) = recorder.requests()
    assert request.values("impersonate-user") == ["alice"]
    assert request.values("authorization") == [f"Bearer {TOKEN}"]


HEADERS: dict[str, Headers] = {
    "no headers": (),
    "no user": (("accept", "*/*"),),
    "a group alone": (("impersonate-group", "system:masters"),),
    "a uid alone": (("impersonate-uid", "1"),),
    "an extra alone": (("impersonate-extra-scopes", "x"),),
    "an empty user": (("impersonate-user", ""),),
    "a user of spaces": (("impersonate-user", "   "),),
    "two users": (("impersonate-user", "alice"), ("impersonate-user", "bob")),
    "the same user twice": (("impersonate-user", "alice"), ("impersonate-user", "alice")),
    "a user and an empty one": (("impersonate-user", "alice"), ("impersonate-user", "")),
    "two users in different case": (("impersonate-user", "alice"), ("Impersonate-User", "bob")),
    "an underscore": (("impersonate_user", "alice"),),
    "another header's name": (("x-impersonate-user", "alice"), ("x-remote-user", "alice")),
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS.keys())
def test_a_request_that_does_not_impersonate_exactly_one_user_is_refused(
    server: Server, recorder: Recorder, headers: Headers
) -> None:
    told = server.ask(headers)
    assert told.status == 403
    document = json.loads(told.body)
    assert (document["kind"], document["reason"], document["code"]) == ("Status", "Forbidden", 403)
    assert "impersonates nobody" in document["message"]
    assert recorder.requests() == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT"])
def test_no_method_is_excepted(server: Server, recorder: Recorder, method: str) -> None:
    assert server.ask((), method=method).status == 403
    assert recorder.requests() == []


@pytest.mark.parametrize("target", ["/", "/version", "/healthz", "/readyz", "/livez", "/metrics", "/openapi/v2"])
def test_no_path_is_excepted(server: Server, recorder: Recorder, target: str) -> None:
    assert server.ask((), target=target).status == 403
    assert recorder.requests() == []


@pytest.mark.parametrize("protocol", ["websocket", "SPDY/3.1"])
def test_no_upgrade_is_excepted(server: Server, recorder: Recorder, protocol: str) -> None:
    assert server.ask((("connection", "Upgrade"), ("upgrade", protocol))).status == 403
    assert recorder.requests() == []


def test_a_body_that_is_still_coming_does_not_pass_a_refusal(server: Server, recorder: Recorder) -> None:
    server.open(dump_request(RequestHead("POST", "/api", ())), b"begin", fin=False)
    assert server.told().status == 403
    server.say(Frame(Kind.DATA, "s-1", 5, True, data=b"end"))
    assert server.ask(ALICE, target="/after", stream="s-2").status == 200
    assert [request.target for request in recorder.requests()] == ["/after"]


def test_a_refused_stream_is_not_opened_again_by_a_better_head(server: Server, recorder: Recorder) -> None:
    assert server.ask(()).status == 403
    server.open(dump_request(RequestHead("GET", "/again", ALICE)))
    assert server.ask(ALICE, target="/after", stream="s-2").status == 200
    assert [request.target for request in recorder.requests()] == ["/after"]


HEADS = {
    "no JSON": "{",
    "a list": "[]",
    "no method": json.dumps({"target": "/", "headers": ALICE}),
    "a method of two words": json.dumps({"method": "GET /x", "target": "/", "headers": ALICE}),
    "a line break in the method": json.dumps({"method": "GET\r\n", "target": "/", "headers": ALICE}),
    "another server": json.dumps({"method": "GET", "target": "http://elsewhere/", "headers": ALICE}),
    "a line break in the target": json.dumps({"method": "GET", "target": "/\r\nx: y", "headers": ALICE}),
    "a space in the target": json.dumps({"method": "GET", "target": "/ HTTP/1.1", "headers": ALICE}),
    "a line break in a value": json.dumps(
        {"method": "GET", "target": "/", "headers": [["impersonate-user", "a\r\nimpersonate-group: system:masters"]]}
    ),
    "a line break in a name": json.dumps(
        {"method": "GET", "target": "/", "headers": [*ALICE, ["a\r\nimpersonate-group", "system:masters"]]}
    ),
    "a colon in a name": json.dumps({"method": "GET", "target": "/", "headers": [*ALICE, ["a:b", "c"]]}),
    "a value that is no text": json.dumps({"method": "GET", "target": "/", "headers": [["impersonate-user", ["a"]]]}),
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
def test_a_head_that_is_none_ends_the_stream(server: Server, recorder: Recorder, head: str) -> None:
    server.open(head)
    assert server.told().status == 0
    assert recorder.requests() == []


@pytest.mark.parametrize("name", ["authorization", "Authorization", "host", "content-length", "transfer-encoding"])
def test_the_agents_own_header_replaces_the_servers(server: Server, recorder: Recorder, name: str) -> None:
    assert server.ask((*ALICE, (name, "forged"))).status == 200
    (request,) = recorder.requests()
    assert "forged" not in repr(request)
    assert request.values("authorization") == [f"Bearer {TOKEN}"]


def test_a_body_longer_than_its_content_length_is_no_second_request(server: Server, recorder: Recorder) -> None:
    head = RequestHead("POST", "/first", (*ALICE, ("content-length", "5")))
    server.open(dump_request(head), b"hello", fin=False)
    server.say(Frame(Kind.DATA, "s-1", 5, True, data=b"GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n"))
    server.told()
    server.drop()
    recorder.settle()
    assert recorder.requests("smuggled") == []


def test_a_body_shorter_than_its_content_length_does_not_reach_the_cluster(server: Server, recorder: Recorder) -> None:
    head = RequestHead("POST", "/cut", (*ALICE, ("content-length", "10")))
    server.open(dump_request(head), b"hello", fin=False)
    server.say(Frame(Kind.DATA, "s-1", 5, True))
    assert server.told().reason == "the request's body is shorter than its length"
    server.drop()
    recorder.settle()
    assert recorder.requests("cut") == []


def test_a_caller_who_leaves_amid_his_body_is_no_failure(server: Server, recorder: Recorder) -> None:
    head = RequestHead("POST", "/left", (*ALICE, ("content-length", "10")))
    server.open(dump_request(head), b"hello", fin=False)
    assert server.ask(ALICE, target="/meanwhile", stream="s-2").status == 200
    server.say(Frame(Kind.RESET, "s-1", document='{"reason":"the caller went away"}'))
    assert server.ask(ALICE, target="/after", stream="s-3").status == 200
    server.drop()
    # A task that failed unheard says so when it is collected.
    gc.collect()
    assert server.failures == []
