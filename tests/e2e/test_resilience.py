"""Processes that are killed, stopped and replaced while they work: what was acknowledged stays, what was lost says so."""

from __future__ import annotations

import queue
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from tests.kubernetes.cluster import Cluster
from tests.support.lariat import PASSWORD, Client, Imported, Lariat, Process, eventually, running
from tests.support.scripted import Api, Peer, Request, serving

pytestmark = pytest.mark.cluster

RECONNECT_SECONDS = 10.0
LOSS_SECONDS = 2.0
STOP_SECONDS = 5.0
FIRST_PASSWORD = re.compile(r"The first administrator is `admin` with the password (\S+)")


class Acknowledged(NamedTuple):
    """A write that the server said it has."""

    path: str
    answer: dict[str, object]


def store(
    client: Client, path: str, body: Callable[[int], dict[str, object]], until: threading.Event
) -> list[Acknowledged]:
    """Write until the server dies; return all that was acknowledged."""
    done: list[Acknowledged] = []
    number = 0
    while not until.is_set():
        number += 1
        try:
            answer = client.post(path, json=body(number), timeout=10)
        except requests.RequestException:
            until.set()
            return done
        assert answer.status_code == 201, answer.text
        done.append(Acknowledged(f"{path}/{answer.json()['id']}", answer.json()))
    return done


def lose(attempt: Callable[[], object]) -> None:
    """A write that was not acknowledged may fail in any way that requests knows."""
    with pytest.raises(requests.RequestException):
        attempt()


def works(imported: Imported, cluster: Cluster, kubeconfig: Path) -> bool:
    """The whole way is open again: kubectl through server, tunnel and agent."""
    return cluster.kubectl("get", "namespace", "default", kubeconfig=kubeconfig).code == 0


class TestKilledServer:
    def test_every_acknowledged_write_survives_and_the_agent_comes_back(self, tmp_path: Path, cluster: Cluster) -> None:
        with running(tmp_path) as lariat, lariat.log_in() as admin:
            imported = Imported(lariat, admin, "real")
            try:
                agent = imported.connect(cluster.kubeconfig)
                kubeconfig = imported.kubeconfig()
                token = str(admin.headers["Authorization"]).removeprefix("Bearer ")
                acknowledged = self._storm(lariat, token, imported)
                lariat.start()
                since = time.monotonic()
                eventually(lambda: works(imported, cluster, kubeconfig), "kubectl works again", RECONNECT_SECONDS)
                assert time.monotonic() - since < RECONNECT_SECONDS
                assert imported.show()["state"] == "active"
                assert agent.ended is None
                self._check(lariat, token, acknowledged)
            finally:
                imported.stop()

    def _storm(self, lariat: Lariat, token: str, imported: Imported) -> list[Acknowledged]:
        """Kill the server while many threads write; return what it had acknowledged."""

        def cluster(number: int) -> dict[str, object]:
            return {"name": f"storm-{threading.get_ident()}-{number}"}

        def user(number: int) -> dict[str, object]:
            return {"username": f"user-{threading.get_ident()}-{number}", "password": PASSWORD}

        writes: list[tuple[str, Callable[[int], dict[str, object]]]] = [
            ("/v3/clusters", cluster),
            ("/v3/clusters", cluster),
            ("/v3/users", user),
            ("/v3/tokens", lambda number: {"description": f"token {number}"}),
            ("/v3/tokens", lambda number: {"description": f"token {number}"}),
            ("/v3/clusterregistrationtokens", lambda _: {"clusterId": imported.id}),
        ]
        dead = threading.Event()
        with ThreadPoolExecutor(len(writes)) as pool:
            clients = [lariat.client(token) for _ in writes]
            storms = [
                pool.submit(store, client, path, body, dead)
                for client, (path, body) in zip(clients, writes, strict=True)
            ]
            time.sleep(1.5)
            assert not dead.is_set(), lariat.output
            lariat.kill()
            done = [each for storm in storms for each in storm.result(30)]
            for client in clients:
                client.close()
        assert {each.path.split("/")[2] for each in done} == {path.split("/")[2] for path, _ in writes}
        assert len(done) > 50
        return done

    def _check(self, lariat: Lariat, token: str, acknowledged: list[Acknowledged]) -> None:
        missing = []
        with lariat.client(token) as client:
            for path, before in acknowledged:
                answer = client.get(path)
                now = answer.json()
                same = all(now.get(name) == before.get(name) for name in ("name", "username", "description", "uuid"))
                if answer.status_code != 200 or not same:
                    missing.append((path, answer.text))
        assert missing == []
        keys = [str(each.answer["token"]) for each in acknowledged if each.path.startswith("/v3/tokens/")]
        for key in (keys[0], keys[-1]):
            with lariat.client(key) as client:
                assert client.get("/v3/users").status_code == 200
        users = [str(each.answer["username"]) for each in acknowledged if each.path.startswith("/v3/users/")]
        lariat.log_in(users[-1]).close()


def test_a_terminated_server_ends_cleanly_and_the_agent_comes_back(tmp_path: Path, cluster: Cluster) -> None:
    with running(tmp_path) as lariat, lariat.log_in() as admin:
        imported = Imported(lariat, admin, "real")
        try:
            agent = imported.connect(cluster.kubeconfig)
            kubeconfig = imported.kubeconfig()
            stop(lariat, signal.SIGTERM)
            lariat.start()
            eventually(lambda: works(imported, cluster, kubeconfig), "kubectl works again", RECONNECT_SECONDS)
            imported.await_state("active")
            assert agent.ended is None
            assert "Traceback" not in lariat.output + agent.output
        finally:
            imported.stop()
        assert agent.wait() == 0
        imported.await_state("unavailable")


def stop(lariat: Lariat, number: signal.Signals) -> None:
    process = lariat.process
    assert process is not None
    process.signal(number)
    assert process.wait(STOP_SECONDS) == 0, process.output


class TestStoppedServer:
    @pytest.fixture
    def generated(self, tmp_path: Path) -> Iterator[Lariat]:
        """A server that made up the first administrator's password."""
        with running(tmp_path, LARIAT_ADMIN_PASSWORD="") as lariat:
            yield lariat

    def test_ctrl_c_ends_it_though_a_watch_is_open(self, generated: Lariat, cluster: Cluster) -> None:
        (password,) = FIRST_PASSWORD.findall(generated.output)
        with generated.log_in("admin", password) as admin:
            imported = Imported(generated, admin, "real")
            try:
                imported.connect(cluster.kubeconfig)
                path = f"/k8s/clusters/{imported.id}/api/v1/configmaps?watch=true"
                with admin.get(path, stream=True) as watch:
                    lines = watch.iter_lines()
                    assert b'"type":"ADDED"' in next(lines)
                    stop(generated, signal.SIGINT)
                    with pytest.raises(requests.RequestException):
                        list(lines)
                assert "Traceback" not in generated.output
                generated.start()
                assert FIRST_PASSWORD.findall(generated.output) == [password]
                assert generated.output.count("It is shown this once only") == 1
                assert imported.await_state("active")["name"] == "real"
                generated.log_in("admin", password).close()
            finally:
                imported.stop()

    def test_ctrl_c_ends_it_though_an_idle_connection_is_open(self, generated: Lariat) -> None:
        with generated.client() as idle:
            assert idle.get("/v3/settings/cacerts").status_code == 200
            stop(generated, signal.SIGINT)
        assert "Traceback" not in generated.output

    def test_an_idle_connection_is_no_error(self, generated: Lariat) -> None:
        with generated.client() as idle:
            assert idle.get("/v3/settings/cacerts").status_code == 200
            stop(generated, signal.SIGINT)
        assert "ERROR" not in generated.output

    def test_ctrl_c_ends_it_though_half_a_request_is_there(self, generated: Lariat) -> None:
        begun, ended = threading.Event(), threading.Event()

        def slowly() -> Iterator[bytes]:
            yield b'{"name": '
            begun.set()
            ended.wait(20)

        with ThreadPoolExecutor(1) as pool, generated.client() as half:
            upload = pool.submit(lose, lambda: half.post("/v3/clusters", data=slowly()).raise_for_status())
            assert begun.wait(10)
            try:
                stop(generated, signal.SIGINT)
            finally:
                ended.set()
            upload.result(30)
        assert "Traceback" not in generated.output

    def test_a_second_ctrl_c_does_no_harm(self, generated: Lariat) -> None:
        process = generated.process
        assert process is not None
        process.signal(signal.SIGINT)
        process.signal(signal.SIGINT)
        assert process.wait(STOP_SECONDS) == 0
        assert "Traceback" not in generated.output


class Held(NamedTuple):
    """Requests that the cluster's API server has taken and does not answer."""

    api: Api
    arrived: queue.Queue[str]
    release: threading.Event


@contextmanager
def holding() -> Iterator[Held]:
    """An API server that never answers ``/held``, and answers ``/begun`` with a beginning only."""
    arrived: queue.Queue[str] = queue.Queue()
    release = threading.Event()

    def hold(peer: Peer, request: Request) -> None:
        arrived.put(request.path)
        release.wait(60)

    def begin(peer: Peer, request: Request) -> None:
        peer.begin()
        peer.chunk(b'{"type":"ADDED"}\n')
        hold(peer, request)

    with serving(Api(held=hold, begun=begin)) as api:
        try:
            yield Held(api, arrived, release)
        finally:
            release.set()


class TestKilledAgent:
    def test_a_request_in_flight_is_answered_502(self, lariat: Lariat, admin: Client) -> None:
        with self._held(lariat, admin, "held") as (imported, agent, held), ThreadPoolExecutor(8) as pool:
            path = f"/k8s/clusters/{imported.id}/held"
            token = str(admin.headers["Authorization"]).removeprefix("Bearer ")

            def ask(method: str) -> requests.Response:
                with lariat.client(token) as client:
                    return client.request(method, path, data=b"{}" if method == "POST" else None)

            methods = ["GET", "GET", "GET", "POST", "DELETE"]
            waiting = [pool.submit(ask, method) for method in methods]
            for _ in methods:
                assert held.arrived.get(timeout=10) == "/held"
            seen = len(lariat.output)
            agent.kill()
            eventually(lambda: "its agent is disconnected" in lariat.output[seen:], "the server notices the loss")
            noticed = time.monotonic()
            for each in waiting:
                answer = each.result(LOSS_SECONDS)
                assert answer.status_code == 502
                assert answer.headers["content-type"] == "application/json"
                document = answer.json()
                assert (document["kind"], document["status"]) == ("Status", "Failure")
                assert (document["code"], document["reason"]) == (502, "BadGateway")
                assert "agent was disconnected" in document["message"]
            assert time.monotonic() - noticed < LOSS_SECONDS

    def test_an_answer_that_has_begun_is_cut_and_not_ended(self, lariat: Lariat, admin: Client) -> None:
        def begin(imported: Imported) -> requests.Response:
            return admin.get(f"/k8s/clusters/{imported.id}/begun?watch=true", stream=True)

        with self._held(lariat, admin, "begun") as (imported, agent, held), begin(imported) as watch:
            assert watch.status_code == 200
            lines = watch.iter_lines()
            assert next(lines) == b'{"type":"ADDED"}'
            assert held.arrived.get(timeout=10) == "/begun"
            agent.kill()
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                list(lines)

    @contextmanager
    def _held(self, lariat: Lariat, admin: Client, name: str) -> Iterator[tuple[Imported, Process, Held]]:
        with holding() as held:
            imported = Imported(lariat, admin, name)
            try:
                agent = imported.connect(held.api.kubeconfig(lariat.folder / f"{name}.upstream"))
                yield imported, agent, held
            finally:
                imported.stop()

    def test_the_cluster_is_unavailable_until_a_new_agent_comes(
        self, lariat: Lariat, admin: Client, cluster: Cluster
    ) -> None:
        imported = Imported(lariat, admin, "real")
        try:
            agent = imported.connect(cluster.kubeconfig)
            kubeconfig = imported.kubeconfig()
            path = f"/k8s/clusters/{imported.id}/api/v1/configmaps?watch=true"
            with admin.get(path, stream=True) as watch:
                lines = watch.iter_lines()
                assert b'"type":"ADDED"' in next(lines)
                agent.kill()
                with pytest.raises(requests.exceptions.ChunkedEncodingError):
                    list(lines)
            shown = imported.await_state("unavailable")
            ready = {condition["type"]: condition for condition in shown["conditions"]}["Ready"]
            assert (ready["status"], ready["reason"]) == ("False", "AgentDisconnected")
            assert "agent is not connected" in ready["message"]
            assert "agent is not connected" in shown["transitioningMessage"]
            self._is_refused(admin, imported, cluster, kubeconfig)
            imported.connect(cluster.kubeconfig)
            assert works(imported, cluster, kubeconfig)
            assert {condition["status"] for condition in imported.show()["conditions"]} == {"True"}
        finally:
            imported.stop()

    def _is_refused(self, admin: Client, imported: Imported, cluster: Cluster, kubeconfig: Path) -> None:
        for method in ("GET", "POST", "DELETE"):
            refused = admin.request(method, f"/k8s/clusters/{imported.id}/api/v1/namespaces/default/pods", json={})
            assert refused.status_code == 503
            document = refused.json()
            assert (document["kind"], document["code"]) == ("Status", 503)
            assert document["reason"] == "ServiceUnavailable"
            assert "agent is not connected" in document["message"]
        shown = cluster.kubectl("get", "namespaces", kubeconfig=kubeconfig)
        assert shown.code == 1
        assert "agent is not connected" in shown.err


def connected(agent: Process) -> int:
    """How often the agent has connected."""
    return agent.output.count("is connected to")


class TestPlannedReconnect:
    """The agent replaces its connection before the server's limit cuts it off; nobody is to notice."""

    REPLACEMENTS = 3

    def test_no_request_fails_and_a_long_answer_goes_on(self, tmp_path: Path) -> None:
        go_on = threading.Event()

        def slow(peer: Peer, request: Request) -> None:
            peer.body(request)
            time.sleep(0.05)
            peer.answer(200, request.target.encode())

        def long(peer: Peer, request: Request) -> None:
            peer.begin()
            peer.chunk(b"first\n")
            go_on.wait(60)
            peer.chunk(b"last\n")
            peer.chunk(b"")

        with (
            serving(Api(slow=slow, long=long)) as api,
            running(tmp_path, LARIAT_TUNNEL_LIFETIME="1") as lariat,
            lariat.log_in() as admin,
        ):
            imported = Imported(lariat, admin, "short")
            try:
                agent = imported.connect(api.kubeconfig(tmp_path / "upstream"))
                with admin.get(f"/k8s/clusters/{imported.id}/long", stream=True) as answer:
                    lines = answer.iter_lines()
                    assert next(lines) == b"first"
                    counts = self._hammer(lariat, admin, imported, agent)
                    go_on.set()
                    assert list(lines) == [b"last"]
                assert min(counts) > 20
                assert "the tunnel is lost" not in agent.output
                # What comes goes, each once its requests are done: one connection stays, or two for a moment.
                came = lariat.output.count("its agent is connected")
                eventually(
                    lambda: lariat.output.count("its agent is disconnected") >= came - 1,
                    "the replaced connections are closed",
                )
            finally:
                go_on.set()
                imported.stop()

    def _hammer(self, lariat: Lariat, admin: Client, imported: Imported, agent: Process) -> list[int]:
        """Ask without a pause until the connection was replaced often enough; return how often each thread asked."""
        token = str(admin.headers["Authorization"]).removeprefix("Bearer ")
        goal = connected(agent) + self.REPLACEMENTS
        enough = threading.Event()

        def ask(thread: int) -> int:
            number = 0
            with lariat.client(token) as client:
                while not enough.is_set():
                    number += 1
                    target = f"/slow?n={thread}-{number}"
                    if thread % 2:
                        answer = client.post(f"/k8s/clusters/{imported.id}{target}", data=b"x" * 1000)
                    else:
                        answer = client.get(f"/k8s/clusters/{imported.id}{target}")
                    assert (answer.status_code, answer.text) == (200, target)
            return number

        with ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(ask, thread) for thread in range(4)]
            try:
                eventually(
                    lambda: connected(agent) >= goal or any(each.done() for each in asking),
                    "the connection is replaced",
                    30,
                )
            finally:
                enough.set()
            return [each.result(10) for each in asking]
