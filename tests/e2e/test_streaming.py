"""What goes on for as long as it is wanted: logs, exec, attach and port-forward, large answers, slow readers."""

from __future__ import annotations

import contextlib
import hashlib
import queue
import random
import re
import select
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
import websocket
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side
from websockets.utils import accept_key

from tests.kubernetes.cluster import Cluster
from tests.support.kubelet import CONTAINER, Kubelet, node
from tests.support.lariat import PASSWORD, Client, Imported, Lariat, eventually
from tests.support.scripted import Api, Peer, Request, serving

pytestmark = pytest.mark.cluster

MEGABYTE = 1024 * 1024
SPDY = ("Upgrade: SPDY/3.1", "Connection: Upgrade", "X-Stream-Protocol-Version: v4.channel.k8s.io")
EXEC = "exec?command=cat&stdin=true&stdout=true"


def noise(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.fixture(scope="module")
def kubelet(cluster: Cluster) -> Iterator[Kubelet]:
    with node(cluster, "talker", "echo") as kubelet:
        yield kubelet


def token_of(client: Client) -> str:
    return str(client.headers["Authorization"]).removeprefix("Bearer ")


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]


class Wire:
    """A raw TLS connection to Lariat, for what no HTTP client would send."""

    def __init__(self, lariat: Lariat) -> None:
        context = ssl.create_default_context(cafile=str(lariat.authority))
        self._socket = context.wrap_socket(
            socket.create_connection(("127.0.0.1", lariat.port), timeout=20), server_hostname="127.0.0.1"
        )
        self._host = f"127.0.0.1:{lariat.port}"
        self._reader = self._socket.makefile("rb")

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, method: str, path: str, token: str, *headers: str, then: bytes = b"") -> None:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}", f"Authorization: Bearer {token}", *headers]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + then)

    def answer(self) -> Answer:
        """Read the head of an answer."""
        line = self._reader.readline().decode()
        assert line.startswith("HTTP/1.1 "), line
        headers = {}
        while header := self._reader.readline().decode().rstrip("\r\n"):
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        return Answer(int(line.split()[1]), headers)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read(self, size: int) -> bytes:
        return self._reader.read(size)

    def swap(self, sent: bytes) -> bytes:
        """Send and read at the same time, until as much came as went. One thread: TLS objects don't bear two."""
        received, position = bytearray(), 0
        self._socket.setblocking(False)
        while len(received) < len(sent):
            unsent = [self._socket] if position < len(sent) else []
            assert any(select.select([self._socket], unsent, [], 20)), f"stuck: {position} sent, {len(received)} came"
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                if unsent:
                    position += self._socket.send(sent[position : position + 37_777])
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                while data := self._socket.recv(100_000):
                    received += data
                return bytes(received)
        return bytes(received)

    def ends(self) -> bool:
        """Wait for the end; false if something comes instead."""
        try:
            return self._reader.read(1) == b""
        except (ConnectionError, ssl.SSLError):
            return True

    def close(self) -> None:
        self._reader.close()
        self._socket.close()


class TestLogs:
    def test_a_line_arrives_before_the_next_one_is_said(
        self, cluster: Cluster, kubeconfig: Path, kubelet: Kubelet
    ) -> None:
        command = [str(cluster.binaries / "kubectl"), "--kubeconfig", str(kubeconfig), "logs", "-f", "talker"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(cluster.environment())
        ) as logs:
            assert logs.stdout is not None
            try:
                assert "follow=true" in kubelet.asked("/containerLogs/default/talker/main").target
                for number in range(5):
                    kubelet.lines.put(f"line {number}")
                    assert logs.stdout.readline() == f"line {number}\n"
                kubelet.lines.put("the last one")
                kubelet.lines.put(None)
                assert logs.stdout.read() == "the last one\n"
                assert logs.wait(20) == 0
            finally:
                logs.kill()

    def test_logs_without_follow_are_whole(self, cluster: Cluster, kubeconfig: Path, kubelet: Kubelet) -> None:
        said = [f"{number} {'ä' * 1000}" for number in range(500)]
        for line in said:
            kubelet.lines.put(line)
        kubelet.lines.put(None)
        assert cluster.kubectl("logs", "talker", kubeconfig=kubeconfig).out.splitlines() == said


class TestUpgrade:
    """Through Lariat, the agent and the API server to the kubelet and back, byte for byte."""

    @pytest.fixture
    def base(self, imported: Imported, kubelet: Kubelet) -> str:
        kubelet.requests.clear()
        return f"/k8s/clusters/{imported.id}/api/v1/namespaces/default/pods/echo"

    @pytest.fixture
    def open(self, lariat: Lariat, admin: Client, base: str) -> Iterator[Wire]:
        """A connection that was switched."""
        with Wire(lariat) as wire:
            wire.ask("POST", f"{base}/{EXEC}", token_of(admin), *SPDY, "Content-Length: 0")
            answer = wire.answer()
            assert answer.status == 101
            assert answer.headers["upgrade"] == "SPDY/3.1"
            assert answer.headers["connection"].lower() == "upgrade"
            assert answer.headers["x-stream-protocol-version"] == "v4.channel.k8s.io"
            yield wire

    def test_the_kubelet_is_asked_for_what_the_caller_wants(self, open: Wire, kubelet: Kubelet) -> None:
        request = kubelet.asked("/exec/")
        assert (request.method, request.path) == ("POST", f"/exec/default/echo/{CONTAINER}")
        assert "command=cat" in request.target
        assert request.value("upgrade") == "SPDY/3.1"
        assert not [name for name, _ in request.headers if name.startswith("impersonate") or name == "authorization"]

    def test_each_byte_comes_back_before_the_next_is_sent(self, open: Wire) -> None:
        for byte in (b"a", b"\x00", b"\xff", b"\r\n", b"0\r\n\r\n"):
            open.send(byte)
            assert open.read(len(byte)) == byte

    def test_megabytes_in_both_directions_at_once(self, open: Wire) -> None:
        sent = noise(4 * MEGABYTE, 1)
        received = open.swap(sent)
        assert len(received) == len(sent)
        assert hashlib.sha256(received).digest() == hashlib.sha256(sent).digest()

    def test_the_kubelet_hears_when_the_caller_leaves(self, open: Wire, kubelet: Kubelet) -> None:
        open.send(b"hello")
        assert open.read(5) == b"hello"
        _forget(kubelet)
        open.close()
        assert kubelet.ended.get(timeout=10) == f"/exec/default/echo/{CONTAINER}"

    def test_the_caller_hears_when_the_kubelet_hangs_up(self, open: Wire) -> None:
        open.send(b"hello")
        assert open.read(5) == b"hello"
        open.send(b"hang up")
        assert open.ends()

    @pytest.mark.parametrize("size", [100, 100_000, 400_000, 4_000_000])
    def test_what_was_sent_right_before_leaving_still_arrives(self, lariat: Lariat, admin: Client, size: int) -> None:
        arrived: queue.Queue[bytes] = queue.Queue()

        def switch(peer: Peer, request: Request) -> None:
            peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\n\r\n")
            received = b""
            with contextlib.suppress(OSError):
                while data := peer.read():
                    received += data
                    time.sleep(0.001)
            arrived.put(received)

        with serving(Api(switch=switch)) as api:
            other = Imported(lariat, admin, f"last-words-{size}")
            try:
                other.connect(api.kubeconfig(lariat.folder / "last-words"))
                sent = noise(size, 2)
                for _ in range(4):
                    with Wire(lariat) as wire:
                        wire.ask("POST", f"/k8s/clusters/{other.id}/switch", token_of(admin), *SPDY)
                        assert wire.answer().status == 101
                        wire.send(sent)
                    received = arrived.get(timeout=10)
                    assert len(received) == size
                    assert received == sent
            finally:
                other.stop()

    def test_bytes_sent_with_the_request_go_after_the_switch(self, lariat: Lariat, admin: Client, base: str) -> None:
        with Wire(lariat) as wire:
            wire.ask("POST", f"{base}/{EXEC}", token_of(admin), *SPDY, then=b"hasty")
            assert wire.answer().status == 101
            assert wire.read(5) == b"hasty"

    @pytest.mark.parametrize("what", ["attach?stdin=true&stdout=true", "portforward"])
    def test_attach_and_port_forward_are_switched_too(
        self, lariat: Lariat, admin: Client, base: str, what: str
    ) -> None:
        with Wire(lariat) as wire:
            wire.ask("POST", f"{base}/{what}", token_of(admin), *SPDY)
            assert wire.answer().status == 101
            wire.send(b"ping")
            assert wire.read(4) == b"ping"

    def test_many_at_once_are_not_mixed_up(self, lariat: Lariat, admin: Client, base: str) -> None:
        def talk(number: int) -> bool:
            sent = noise(200_000, number)
            with Wire(lariat) as wire:
                wire.ask("POST", f"{base}/{EXEC}", token_of(admin), *SPDY)
                assert wire.answer().status == 101
                return wire.swap(sent) == sent

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(talk, range(16)))


def _forget(kubelet: Kubelet) -> None:
    while not kubelet.ended.empty():
        kubelet.ended.get_nowait()


class TestRefusedUpgrade:
    """CVE-2018-1002105: after a refusal, the connection into the cluster must not stay open for the caller."""

    @pytest.fixture(scope="class")
    @classmethod
    def newcomer(cls, lariat: Lariat, admin: Client, imported: Imported) -> str:
        """The token of a user who may enter the cluster and do nothing there."""
        created = admin.post("/v3/users", json={"username": "streamer", "password": PASSWORD})
        assert created.status_code == 201, created.text
        binding = {"clusterId": imported.id, "userId": created.json()["id"], "roleTemplateId": "cluster-member"}
        assert admin.post("/v3/clusterroletemplatebindings", json=binding).status_code == 201
        with lariat.log_in("streamer") as client:
            return token_of(client)

    @pytest.fixture
    def base(self, imported: Imported, kubelet: Kubelet) -> str:
        kubelet.requests.clear()
        return f"/k8s/clusters/{imported.id}/api/v1/namespaces/default/pods/echo"

    def test_kubernetes_own_refusal_is_an_ordinary_answer(
        self, lariat: Lariat, newcomer: str, base: str, kubelet: Kubelet
    ) -> None:
        smuggled = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
        with Wire(lariat) as wire:
            wire.ask("POST", f"{base}/{EXEC}", newcomer, *SPDY, then=smuggled)
            answer = wire.answer()
            assert answer.status == 403
            assert answer.headers["connection"] == "close"
            body = wire.read(int(answer.headers["content-length"]))
            assert b'cannot create resource \\"pods/exec\\"' in body
            assert wire.ends()
        assert kubelet.requests == []

    @pytest.mark.parametrize(
        ("path", "status"), [("exec?command=cat&container=absent", 400), ("log", 405), ("nothing", 404)]
    )
    def test_the_clusters_complaint_is_an_ordinary_answer(
        self, lariat: Lariat, admin: Client, base: str, kubelet: Kubelet, path: str, status: int
    ) -> None:
        with Wire(lariat) as wire:
            wire.ask("POST", f"{base}/{path}", token_of(admin), *SPDY)
            answer = wire.answer()
            assert answer.status == status
            assert answer.headers["connection"] == "close"
            assert b'"Status"' in wire.read(int(answer.headers["content-length"]))
            assert wire.ends()
        assert kubelet.requests == []

    def test_nothing_sent_after_a_refusal_reaches_the_cluster(self, lariat: Lariat, admin: Client) -> None:
        def refuse(peer: Peer, request: Request) -> None:
            # As an API server does that keeps the connection open.
            peer.answer(403, b'{"kind":"Status"}')

        with serving(Api(switch=refuse)) as api:
            other = Imported(lariat, admin, "refusing")
            try:
                other.connect(api.kubeconfig(lariat.folder / "refusing"))
                path = f"/k8s/clusters/{other.id}/switch"
                with Wire(lariat) as wire:
                    wire.ask("GET", path, token_of(admin), *SPDY)
                    assert wire.answer().status == 403
                    wire.read(17)
                    assert wire.ends()
                    with contextlib.suppress(OSError):
                        for _ in range(20):
                            wire.send(b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
                            time.sleep(0.005)
                assert admin.get(f"/k8s/clusters/{other.id}/after").status_code == 200
                assert not [request for request in api.requests if "smuggled" in request.target]
            finally:
                other.stop()

    @pytest.mark.parametrize("protocol", ["h2c", "tls/1.0", "SPDY/3.1, websocket"])
    def test_other_protocols_are_not_switched_to(
        self, lariat: Lariat, admin: Client, base: str, kubelet: Kubelet, protocol: str
    ) -> None:
        with Wire(lariat) as wire:
            wire.ask("GET", f"{base}/log", token_of(admin), f"Upgrade: {protocol}", "Connection: Upgrade, close")
            assert wire.answer().status == 400
        assert kubelet.requests == []

    def test_a_websocket_for_nobody_is_refused(self, lariat: Lariat, base: str, kubelet: Kubelet) -> None:
        with Wire(lariat) as wire:
            wire.ask("POST", f"{base}/{EXEC}", "no-such:token", *SPDY)
            answer = wire.answer()
            assert (answer.status, answer.headers["connection"]) == (401, "close")
        assert kubelet.requests == []


class TestWebSocket:
    def test_messages_are_echoed_and_the_protocol_is_the_clusters_choice(self, lariat: Lariat, admin: Client) -> None:
        with serving(Api(echo=_serve_websocket)) as api:
            other = Imported(lariat, admin, "websocket")
            try:
                other.connect(api.kubeconfig(lariat.folder / "websocket"))
                client = websocket.create_connection(
                    f"wss://127.0.0.1:{lariat.port}/k8s/clusters/{other.id}/echo?a=b",
                    header={"Authorization": f"Bearer {token_of(admin)}"},
                    subprotocols=["v4.channel.k8s.io", "channel.k8s.io"],
                    sslopt={"ca_certs": str(lariat.authority)},
                    timeout=20,
                )
                try:
                    assert client.getsubprotocol() == "v4.channel.k8s.io"
                    for size in (0, 1, 125, 126, 65_535, 65_536, MEGABYTE):
                        sent = noise(size, size)
                        client.send_binary(sent)
                        assert client.recv() == sent
                    client.send("päng")
                    assert client.recv() == "päng"
                finally:
                    client.close()
                (request,) = [request for request in api.requests if request.path == "/echo"]
                assert request.value("impersonate-user")
                assert "origin" in dict(request.headers)
            finally:
                other.stop()


def _serve_websocket(peer: Peer, request: Request) -> None:
    """Accept and echo each message."""
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    lines.append(f"Sec-WebSocket-Accept: {accept_key(request.value('sec-websocket-key'))}")
    lines.append("Sec-WebSocket-Protocol: v4.channel.k8s.io")
    peer.send("\r\n".join(lines).encode() + b"\r\n\r\n")
    protocol = Protocol(Side.SERVER, max_size=None)
    while data := peer.read():
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                protocol.send_text(bytes(event.data))
            elif isinstance(event, Frame) and event.opcode is Opcode.BINARY:
                protocol.send_binary(bytes(event.data))
        for piece in protocol.data_to_send():
            if piece:
                peer.send(piece)


class Stream:
    """A long answer whose pieces a test lets go, one by one or all at once."""

    SIZE = 50 * MEGABYTE
    PIECE = 64 * 1024

    def __init__(self) -> None:
        self.go = threading.Semaphore(0)
        self.sent = 0
        self.digest = hashlib.sha256()
        self._noise = noise(MEGABYTE, 3)

    def by_piece(self, peer: Peer, request: Request) -> None:
        peer.begin()
        for number in range(20):
            self.go.acquire(timeout=20)
            peer.chunk(self.piece(number))
        peer.chunk(b"")

    def piece(self, number: int) -> bytes:
        start = number * self.PIECE % MEGABYTE
        return self._noise[start : start + self.PIECE]

    def whole(self, peer: Peer, request: Request) -> None:
        peer.begin()
        for number in range(self.SIZE // self.PIECE):
            piece = self.piece(number)
            peer.chunk(piece)
            self.digest.update(piece)
            self.sent += len(piece)
        peer.chunk(b"")

    def counted(self, peer: Peer, request: Request) -> None:
        peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {self.SIZE}\r\n\r\n".encode())
        for number in range(self.SIZE // self.PIECE):
            piece = self.piece(number)
            peer.send(piece)
            self.digest.update(piece)
            self.sent += len(piece)


@pytest.fixture
def stream(lariat: Lariat, admin: Client) -> Iterator[tuple[Stream, Imported]]:
    stream = Stream()
    routes = {"by-piece": stream.by_piece, "whole": stream.whole, "counted": stream.counted}
    with serving(Api(**routes)) as api:
        imported = Imported(lariat, admin, f"stream-{api.port}")
        try:
            imported.connect(api.kubeconfig(lariat.folder / f"stream-{api.port}"))
            yield stream, imported
        finally:
            imported.stop()


def memory(process: int) -> int:
    """Resident bytes of a process."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def settled(look: Callable[[], int]) -> int:
    """Wait until a number stays the same for half a second."""
    before, since = look(), time.monotonic()
    while time.monotonic() - since < 0.5:
        time.sleep(0.05)
        if look() != before:
            before, since = look(), time.monotonic()
    return before


class TestLargeAnswers:
    def test_a_piece_arrives_before_the_next_one_is_produced(
        self, admin: Client, stream: tuple[Stream, Imported]
    ) -> None:
        source, imported = stream
        with admin.get(f"/k8s/clusters/{imported.id}/by-piece", stream=True) as answer:
            for number in range(20):
                source.go.release()
                wanted = source.piece(number)
                assert answer.raw.read(len(wanted)) == wanted
            assert answer.raw.read() == b""

    @pytest.mark.parametrize("path", ["whole", "counted"])
    def test_a_slow_reader_costs_no_memory(
        self, lariat: Lariat, admin: Client, stream: tuple[Stream, Imported], path: str
    ) -> None:
        source, imported = stream
        assert lariat.process is not None
        assert imported.agent is not None
        processes = {"server": lariat.process.pid, "agent": imported.agent.pid}
        before = {name: memory(pid) for name, pid in processes.items()}
        digest = hashlib.sha256()
        with admin.get(f"/k8s/clusters/{imported.id}/{path}", stream=True) as answer:
            assert answer.status_code == 200
            digest.update(answer.raw.read(1000))
            held = settled(lambda: source.sent)
            # Sockets on the way hold some megabytes, the tunnel one.
            assert held < source.SIZE // 2
            for name, pid in processes.items():
                assert memory(pid) - before[name] < 10 * MEGABYTE, name
            while piece := answer.raw.read(MEGABYTE):
                digest.update(piece)
        assert digest.digest() == source.digest.digest()
        assert source.sent == source.SIZE
        for name, pid in processes.items():
            assert memory(pid) - before[name] < 20 * MEGABYTE, name

    def test_a_slow_reader_holds_up_nobody_else(self, admin: Client, stream: tuple[Stream, Imported]) -> None:
        source, imported = stream
        with admin.get(f"/k8s/clusters/{imported.id}/whole", stream=True) as answer:
            answer.raw.read(1000)
            settled(lambda: source.sent)
            for number in range(20):
                assert admin.get(f"/k8s/clusters/{imported.id}/quick-{number}", timeout=5).status_code == 200

    def test_a_reader_that_leaves_ends_the_answer_at_its_source(
        self, admin: Client, stream: tuple[Stream, Imported]
    ) -> None:
        source, imported = stream
        with admin.get(f"/k8s/clusters/{imported.id}/whole", stream=True) as answer:
            answer.raw.read(1000)
            settled(lambda: source.sent)
        agent = imported.agent
        assert agent is not None
        eventually(lambda: "the caller went away" in agent.output, "the agent ends the answer")
        assert settled(lambda: source.sent) < source.SIZE // 2


def test_a_large_upload_to_a_slow_cluster_costs_no_memory(lariat: Lariat, admin: Client) -> None:
    go_on, received = threading.Event(), hashlib.sha256()

    def slow(peer: Peer, request: Request) -> None:
        go_on.wait(30)
        received.update(peer.body(request))
        peer.answer(201)

    with serving(Api(slow=slow)) as api:
        imported = Imported(lariat, admin, "slow-upload")
        try:
            agent = imported.connect(api.kubeconfig(lariat.folder / "slow-upload"))
            before = memory(agent.pid)
            sent = noise(9 * MEGABYTE, 4)
            with ThreadPoolExecutor(1) as pool:
                answer = pool.submit(admin.post, f"/k8s/clusters/{imported.id}/slow", data=sent)
                settled(lambda: memory(agent.pid))
                assert memory(agent.pid) - before < 6 * MEGABYTE
                go_on.set()
                assert answer.result(30).status_code == 201
            assert received.digest() == hashlib.sha256(sent).digest()
        finally:
            go_on.set()
            imported.stop()


def test_a_process_that_was_busy_comes_back_to_rest(lariat: Lariat) -> None:
    assert lariat.process is not None
    assert len(list(Path(f"/proc/{lariat.process.pid}/fd").iterdir())) < 100
