"""The agent stays connected, against a server that does what it likes; and what its command line answers."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import queue
import random
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from websockets.frames import Frame as SocketFrame
from websockets.frames import Opcode
from websockets.protocol import Protocol, Side
from websockets.utils import accept_key

from agent.connect import FIRST_DELAY, LONGEST_DELAY, Agent, delays
from agent.errors import Refused
from agent.server import Cluster, Server
from agent.upstream import Address, Upstream, nobody
from chalicelib.tunnel.frames import ASK, Frame, FrameError, Kind, decode, encode
from chalicelib.tunnel.heads import RequestHead, dump_request, load_response
from tests.support.lariat import ROOT, eventually
from tests.support.scripted import Api, Peer, Request, Scripted, serving

SECONDS = 10.0
ALICE = (("impersonate-user", "alice"),)


class TestDelays:
    def test_they_are_spread_from_nothing_to_a_bound_that_doubles(self) -> None:
        delay = delays(random.Random(1))
        for attempt in range(40):
            bound = min(LONGEST_DELAY, FIRST_DELAY * 2**attempt)
            drawn = [delay(attempt) for _ in range(400)]
            assert all(0 <= each <= bound for each in drawn)
            assert min(drawn) < bound * 0.05
            assert max(drawn) > bound * 0.95
            assert abs(sum(drawn) / len(drawn) - bound / 2) < bound * 0.08

    def test_agents_that_lost_one_server_do_not_agree(self) -> None:
        assert len({delays(random.Random(seed))(3) for seed in range(50)}) == 50

    def test_the_tenth_attempt_comes_within_ten_seconds_of_the_ninth(self) -> None:
        assert LONGEST_DELAY < 10


class Socket:
    """The server's end of one agent's WebSocket."""

    def __init__(self, peer: Peer, texts: list[str]) -> None:
        self._texts = texts
        self.frames: queue.Queue[Frame] = queue.Queue()
        self.sizes: list[int] = []
        """Of each WebSocket frame that the agent sent, in bytes."""
        self.closed = threading.Event()
        self._peer = peer
        self._protocol = Protocol(Side.SERVER)
        self._lock = threading.Lock()

    def serve(self) -> None:
        """Read until the end."""
        message = b""
        try:
            while data := self._peer.read():
                self._protocol.receive_data(data)
                for event in self._protocol.events_received():
                    if not isinstance(event, SocketFrame) or event.opcode not in (Opcode.TEXT, Opcode.CONT):
                        continue
                    self.sizes.append(len(event.data))
                    message += event.data
                    if event.fin:
                        self._take(message)
                        message = b""
                self._flush()
        finally:
            self.closed.set()

    def _take(self, message: bytes) -> None:
        try:
            self.frames.put(decode(message))
        except FrameError:
            self._texts.append(message.decode())

    def say(self, frame: Frame) -> None:
        for message in encode(frame):
            self.send_text(message)

    def send_text(self, data: bytes) -> None:
        self._protocol.send_text(data)
        self._flush()

    def send_binary(self, data: bytes) -> None:
        self._protocol.send_binary(data)
        self._flush()

    def close(self) -> None:
        self._peer.close()

    def heard(self, kind: Kind, stream: str = "") -> Frame:
        """Wait for a frame of this kind; skip others."""
        while True:
            frame = self.frames.get(timeout=SECONDS)
            if frame.kind is kind and (not stream or frame.stream == stream):
                return frame

    def ask(self, target: str, stream: str = "s-1") -> None:
        self.say(Frame(Kind.OPEN, stream, 0, True, dump_request(RequestHead("GET", target, ALICE))))

    def _flush(self) -> None:
        with self._lock:
            for data in self._protocol.data_to_send():
                if data:
                    self._peer.send(data)


class Lariat:
    """A server to agents. ``sockets`` are their connections in the order in which they came."""

    def __init__(self, *, keepalive: float = 20, lifetime: float = 3600) -> None:
        self.keepalive = keepalive
        self.lifetime = lifetime
        self.refusal: tuple[int, str] | None = None
        self.sockets: queue.Queue[Socket] = queue.Queue()
        self.registrations = 0
        self.upgrade_status = 101
        self.terms: dict[str, object] = {}
        """More of them, or others."""
        self.texts: list[str] = []
        """What came that was no frame."""
        authority = trustme.CA()
        self._pem = authority.cert_pem.bytes().decode()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(tls)
        self.http = Scripted(self._serve, tls)

    @property
    def checksum(self) -> str:
        return hashlib.sha256(f"{self._pem.strip()}\n".encode()).hexdigest()

    def next(self) -> Socket:
        """Wait for an agent's next connection."""
        return self.sockets.get(timeout=SECONDS)

    def _serve(self, peer: Peer) -> None:
        while (request := peer.request()) is not None:
            if request.value("upgrade") == "websocket":
                self._connect(peer, request)
                return
            peer.body(request)
            if request.target == "/v3/settings/cacerts":
                peer.answer(200, json.dumps({"value": self._pem}).encode())
            else:
                self._register(peer)

    def _register(self, peer: Peer) -> None:
        self.registrations += 1
        if self.refusal is not None:
            status, message = self.refusal
            peer.answer(status, json.dumps({"message": message}).encode())
            return
        url = f"{self.http.url.replace('https', 'wss')}/v3/connect"
        terms = {"clusterId": "c-abcde", "url": url, "keepalive": self.keepalive, "lifetime": self.lifetime}
        peer.answer(200, json.dumps(terms | self.terms).encode())

    def _connect(self, peer: Peer, request: Request) -> None:
        assert request.value("x-api-tunnel-token") == "the-token"
        if self.upgrade_status != 101:
            peer.answer(self.upgrade_status)
            return
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        lines.append(f"Sec-WebSocket-Accept: {accept_key(request.value('sec-websocket-key'))}")
        peer.send("\r\n".join(lines).encode() + b"\r\n\r\n")
        socket = Socket(peer, self.texts)
        self.sockets.put(socket)
        socket.serve()


class Running:
    """An agent in a thread."""

    def __init__(self, lariat: Lariat, api: Api) -> None:
        self._lariat = lariat
        self._api = api
        self._loop: asyncio.AbstractEventLoop | None = None
        self._agent: Agent | None = None
        self.failure: BaseException | None = None
        self.address = "10.0.0.1:6443"
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        eventually(lambda: self._agent is not None or self.failure is not None, "the agent starts")
        if self._loop is not None and self._agent is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._agent.stop)

    def join(self) -> None:
        self._thread.join(SECONDS)
        assert not self._thread.is_alive(), "the agent does not end"

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except Refused as refused:
            self.failure = refused

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = Server(self._lariat.http.url, "the-token", self._lariat.checksum)
        upstream = Upstream(Address("127.0.0.1", self._api.port), None, nobody)
        self._agent = Agent(server, lambda: Cluster(self.address, "", ""), upstream, random.Random(1))
        await self._agent.run()
        # Replaced connections linger, and end when the server does.
        if others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=SECONDS)


@contextmanager
def connected(lariat: Lariat, **routes: Callable[[Peer, Request], None]) -> Iterator[Running]:
    with serving(Api(**routes)) as api:
        agent = Running(lariat, api)
        lariat.http.start()
        agent.start()
        try:
            yield agent
        finally:
            agent.stop()
            lariat.http.stop()
            agent.join()


class TestConnection:
    def test_it_answers_what_it_is_asked(self) -> None:
        lariat = Lariat()
        with connected(lariat):
            socket = lariat.next()
            socket.ask("/version")
            answer = socket.heard(Kind.HEAD, "s-1")
            assert load_response(answer.document).status == 200
            assert b"v1.20.2" in answer.data

    def test_it_answers_a_ping(self) -> None:
        lariat = Lariat()
        with connected(lariat):
            socket = lariat.next()
            socket.say(Frame(Kind.PING, reply="here"))
            assert socket.heard(Kind.PONG).reply == "here"

    def test_it_pings_by_itself(self) -> None:
        lariat = Lariat(keepalive=0.1)
        with connected(lariat):
            socket = lariat.next()
            socket.heard(Kind.PING)

    def test_its_messages_come_in_frames_that_api_gateway_takes(self) -> None:
        def large(peer: Peer, request: Request) -> None:
            peer.answer(200, b"x" * 3_000_000)

        lariat = Lariat()
        with connected(lariat, large=large):
            socket = lariat.next()
            socket.ask("/large")
            size = 0
            while size < 3_000_000:
                frame = socket.frames.get(timeout=SECONDS)
                size += len(frame.data)
                socket.say(Frame(Kind.CREDIT, "s-1", size + 1_000_000))
            assert size == 3_000_000
            assert max(socket.sizes) <= 32 * 1024

    def test_what_is_no_frame_does_no_harm(self) -> None:
        lariat = Lariat()
        with connected(lariat):
            socket = lariat.next()
            socket.send_text(b"no frame")
            socket.ask("/version")
            socket.heard(Kind.HEAD, "s-1")

    @pytest.mark.parametrize(
        "harm",
        [
            Socket.close,
            lambda socket: socket.send_binary(b"binary"),
            lambda socket: socket.send_text(b"x" * (128 * 1024 + 1)),
            lambda socket: socket.send_text(b"\xff\xfe"),
        ],
        ids=["closed", "binary", "too large", "no text"],
    )
    def test_a_connection_that_is_lost_is_replaced(self, harm: Callable[[Socket], None]) -> None:
        lariat = Lariat()
        with connected(lariat):
            first = lariat.next()
            harm(first)
            second = lariat.next()
            assert first.closed.wait(SECONDS)
            second.ask("/version")
            second.heard(Kind.HEAD, "s-1")

    def test_a_server_that_is_silent_is_left(self) -> None:
        lariat = Lariat(keepalive=0.1)
        with connected(lariat):
            first = lariat.next()
            lariat.next()
            assert first.closed.wait(SECONDS)

    def test_a_server_that_answers_pings_is_not_left(self) -> None:
        lariat = Lariat(keepalive=0.05)
        with connected(lariat):
            socket = lariat.next()
            for _ in range(10):
                socket.heard(Kind.PING)
                socket.say(Frame(Kind.PONG))
            assert lariat.sockets.empty()
            assert not socket.closed.is_set()

    def test_it_pings_with_what_the_server_prefers_until_it_wants_an_answer(self) -> None:
        lariat = Lariat(keepalive=0.05)
        lariat.terms = {"ping": '{"action":"ping"}', "patience": 0.22}
        with connected(lariat):
            socket = lariat.next()
            assert socket.heard(Kind.PING).document == ASK
            assert set(lariat.texts) == {'{"action":"ping"}'}
            assert len(lariat.texts) >= 3
            assert not socket.closed.is_set()

    def test_requests_of_a_lost_connection_end_at_the_cluster(self) -> None:
        arrived, ended = threading.Event(), threading.Event()

        def held(peer: Peer, request: Request) -> None:
            arrived.set()
            assert peer.ends()
            ended.set()

        lariat = Lariat()
        with connected(lariat, held=held):
            socket = lariat.next()
            socket.ask("/held")
            assert arrived.wait(SECONDS)
            socket.close()
            assert ended.wait(SECONDS)


class TestStart:
    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_a_refusal_at_first_ends_the_agent(self, status: int) -> None:
        lariat = Lariat()
        lariat.refusal = (status, "unknown token")
        with connected(lariat) as agent:
            agent.join()
            assert isinstance(agent.failure, Refused)
            assert "unknown token" in str(agent.failure)

    def test_a_refused_tunnel_at_first_ends_the_agent(self) -> None:
        lariat = Lariat()
        lariat.upgrade_status = 401
        with connected(lariat) as agent:
            agent.join()
            assert "refused the tunnel (401)" in str(agent.failure)

    def test_trouble_at_first_is_tried_again(self) -> None:
        lariat = Lariat()
        lariat.refusal = (503, "starting")
        with connected(lariat):
            eventually(lambda: lariat.registrations >= 2, "the agent tries again")
            lariat.refusal = None
            lariat.next()

    def test_a_refusal_later_does_not_end_the_agent(self) -> None:
        lariat = Lariat()
        with connected(lariat) as agent:
            socket = lariat.next()
            lariat.refusal = (401, "unknown token")
            socket.close()
            eventually(lambda: lariat.registrations >= 2, "the agent asks again")
            time.sleep(0.1)
            assert agent.failure is None

    def test_it_can_be_stopped_while_it_waits(self) -> None:
        lariat = Lariat()
        lariat.refusal = (503, "starting")
        with connected(lariat):
            eventually(lambda: lariat.registrations >= 3, "the agent tries again")


class TestReplacement:
    """Make before break: a connection is replaced before its end, and leaves when its requests are done."""

    def test_the_new_one_comes_before_the_old_one_goes(self) -> None:
        lariat = Lariat(lifetime=0.3)
        with connected(lariat):
            first = lariat.next()
            second = lariat.next()
            first.heard(Kind.GOAWAY)
            assert first.closed.wait(SECONDS)
            assert not second.closed.is_set()

    def test_without_news_it_does_not_register_again(self) -> None:
        lariat = Lariat(lifetime=0.2)
        with connected(lariat):
            for _ in range(3):
                lariat.next()
            assert lariat.registrations == 1

    def test_with_news_it_does(self) -> None:
        lariat = Lariat(lifetime=0.2)
        with connected(lariat) as agent:
            lariat.next()
            agent.address = "10.0.0.2:6443"
            eventually(lambda: lariat.registrations == 2, "the agent tells its new address")

    def test_after_a_loss_it_does(self) -> None:
        lariat = Lariat()
        with connected(lariat):
            lariat.next().close()
            lariat.next()
            assert lariat.registrations == 2

    def test_terms_that_do_not_work_any_more_are_asked_for_anew(self) -> None:
        lariat = Lariat(lifetime=0.2)
        with connected(lariat):
            first = lariat.next()
            lariat.upgrade_status = 410
            eventually(lambda: lariat.registrations >= 2, "the agent asks for terms")
            assert not first.closed.is_set()
            lariat.upgrade_status = 101
            lariat.next()

    def test_the_old_one_finishes_what_is_under_way(self) -> None:
        go_on = threading.Event()

        def slow(peer: Peer, request: Request) -> None:
            go_on.wait(SECONDS)
            peer.answer(200, b"at last")

        lariat = Lariat(lifetime=0.2)
        with connected(lariat, slow=slow):
            first = lariat.next()
            first.ask("/slow")
            first.heard(Kind.GOAWAY)
            assert not first.closed.wait(0.3)
            go_on.set()
            assert first.heard(Kind.HEAD, "s-1").data == b"at last"
            assert first.closed.wait(SECONDS)

    def test_the_old_one_answers_what_was_sent_before_its_goodbye_arrived(self) -> None:
        """The goodbye is on its way for half a round trip, and the server's last request for the other half."""
        lariat = Lariat(lifetime=0.2)
        with connected(lariat):
            first = lariat.next()
            lariat.next()
            time.sleep(0.02)
            first.ask("/version")
            first.heard(Kind.HEAD, "s-1")

    def test_a_server_that_can_not_take_the_new_one_keeps_the_old_one(self) -> None:
        lariat = Lariat(lifetime=0.1)
        with connected(lariat):
            first = lariat.next()
            lariat.refusal, lariat.upgrade_status = (503, "no room"), 503
            eventually(lambda: lariat.registrations >= 3, "the agent tries to replace its connection")
            first.ask("/version")
            first.heard(Kind.HEAD, "s-1")
            assert not first.closed.is_set()
            lariat.refusal, lariat.upgrade_status = None, 101
            lariat.next()

    def test_a_replacement_that_failed_is_tried_again_soon(self) -> None:
        """The server's limit comes soon after the time for a replacement: by then a new connection must be there."""
        lariat = Lariat(lifetime=1.5)
        with connected(lariat):
            lariat.next()
            lariat.refusal, lariat.upgrade_status = (503, "no room"), 503
            eventually(lambda: lariat.registrations >= 2, "the agent tries to replace its connection")
            lariat.refusal, lariat.upgrade_status = None, 101
            eventually(lambda: lariat.registrations >= 3, "it tries again", 1.0)


class TestCommandLine:
    """``python -m agent``: 2 for what the one who started it has to mend, 1 for a server that says no."""

    OPTIONS = ("--server", "https://127.0.0.1:1", "--token", "t", "--ca-checksum", "0" * 64)

    def start(self, folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        complete = {"PATH": os.environ["PATH"], "HOME": str(folder), **environment}
        command = [sys.executable, "-m", "agent", *arguments]
        return subprocess.run(command, env=complete, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)

    @pytest.fixture
    def kubeconfig(self, tmp_path: Path) -> Path:
        with serving(Api()) as api:
            return api.kubeconfig(tmp_path / "kubeconfig")

    @pytest.mark.parametrize(
        ("arguments", "part"),
        [
            ((), "--server"),
            (("--server", "https://x"), "--token is missing"),
            (("--server", "http://x", "--token", "t"), "an https:// URL is needed"),
            (("--server", "https://x", "--token", "t", "--ca-checksum", "abc"), "--ca-checksum: 64 hexadecimal"),
            (("--server", "https://x", "--token", "t"), "use --kubeconfig FILE outside of a cluster"),
            (("--server", "https://x", "--token", "t", "--kubeconfig", "/no/such"), "can't read the kubeconfig"),
            (("--log-level", "loud"), "--log-level 'loud'"),
            (("--no-such-option",), "--no-such-option"),
            (("--server",), "expected one argument"),
        ],
        ids=["none", "no token", "http", "checksum", "no pod", "no file", "level", "unknown", "half"],
    )
    def test_wrong_options_are_answered_in_one_line(
        self, tmp_path: Path, arguments: tuple[str, ...], part: str
    ) -> None:
        refused = self.start(tmp_path, *arguments)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.count("\n") == 1, refused.stderr
        assert refused.stderr.startswith("agent: ")
        assert part in refused.stderr

    def test_wrong_variables_too(self, tmp_path: Path) -> None:
        refused = self.start(tmp_path, LARIAT_SERVER="ftp://x", LARIAT_TOKEN="t", LARIAT_LOG_LEVEL="debug")
        assert refused.returncode == 2
        assert "--server 'ftp://x'" in refused.stderr
        assert self.start(tmp_path, LARIAT_LOG_LEVEL="loud").returncode == 2

    def test_an_unknown_context(self, tmp_path: Path, kubeconfig: Path) -> None:
        refused = self.start(tmp_path, *self.OPTIONS, "--kubeconfig", str(kubeconfig), "--context", "other")
        assert (refused.returncode, refused.stderr) == (2, "agent: kubeconfig: there is no context 'other'\n")

    def test_a_server_that_refuses_at_first(self, tmp_path: Path, kubeconfig: Path) -> None:
        lariat = Lariat()
        lariat.refusal = (401, "the registration token is unknown")
        with serving(lariat.http):
            refused = self.start(
                tmp_path,
                LARIAT_SERVER=lariat.http.url,
                LARIAT_TOKEN="the-token",
                LARIAT_CA_CHECKSUM=lariat.checksum,
                LARIAT_KUBECONFIG=str(kubeconfig),
            )
        assert refused.returncode == 1
        assert refused.stderr == f"agent: 127.0.0.1:{lariat.http.port} refused: the registration token is unknown\n"

    def test_another_checksum(self, tmp_path: Path, kubeconfig: Path) -> None:
        lariat = Lariat()
        with serving(lariat.http):
            options = ("--server", lariat.http.url, "--token", "t", "--ca-checksum", "0" * 64)
            refused = self.start(tmp_path, *options, "--kubeconfig", str(kubeconfig))
        assert refused.returncode == 1
        assert "not the pinned one" in refused.stderr
        assert lariat.registrations == 0

    def test_registration_and_tunnel_agree_about_a_proxy(self, tmp_path: Path, kubeconfig: Path) -> None:
        """Either both go through it or neither: here the server is reached, but the tunnel never comes."""
        asked = threading.Event()

        def proxy(peer: Peer) -> None:
            peer.request()
            asked.set()

        lariat = Lariat()
        with serving(Scripted(proxy)) as forward, serving(lariat.http):
            command = [sys.executable, "-m", "agent", "--server", lariat.http.url, "--token", "the-token"]
            command += ["--ca-checksum", lariat.checksum, "--kubeconfig", str(kubeconfig)]
            environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "https_proxy": forward.url}
            with subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL) as agent:
                try:
                    eventually(lambda: not lariat.sockets.empty() or asked.is_set(), "the agent connects")
                finally:
                    agent.terminate()
        assert not (asked.is_set() and lariat.registrations)

    def test_help_and_version(self, tmp_path: Path) -> None:
        told = self.start(tmp_path, "--help")
        assert told.returncode == 0
        for variable in ("LARIAT_SERVER", "LARIAT_TOKEN", "LARIAT_CA_CHECKSUM", "LARIAT_KUBECONFIG", "LARIAT_CONTEXT"):
            assert variable in told.stdout
        assert self.start(tmp_path, "--version").stdout.startswith("Lariat agent ")
