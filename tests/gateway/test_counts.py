"""What AWS bills for what users and agents do; ``counts.json`` has the figures, and a rise is a decision to write down.

A proxied GET is counted in ``tests/proxy/test_buffered.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.keyfile import KeyFile
from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.api.http import Request
from chalicelib.auth.tokens import word
from chalicelib.auth.trust import OVERLAP
from chalicelib.clusters.affected import CONTENTS
from chalicelib.clusters.client import ClusterClient
from chalicelib.controllers import readiness
from chalicelib.gateway.agents import Terms
from chalicelib.gateway.work import Work
from chalicelib.main import build
from chalicelib.reconcile import Reconciler
from chalicelib.store.removal import Removal
from chalicelib.store.resources import timestamp
from chalicelib.tunnel.frames import ASK, Frame, Kind
from chalicelib.tunnel.heads import RequestHead, ResponseHead
from chalicelib.types import Key, Resource
from tests.support.billed import BilledStore
from tests.support.clock import ManualClock
from tests.support.counts import check
from tests.support.gateway import PING
from tests.support.random import SeededRandom
from tests.support.relay import CLUSTER, Edge
from tests.support.transport import MemoryCluster, MemoryTransport

PASSWORD = "correct horse battery staple"
BASE = "https://lariat.example"
CLIENT = "203.0.113.9"
KEY = Key("cluster", CLUSTER)


def grown(cluster: Resource, now: float) -> Resource:
    """A cluster as it is after a while: with a certificate, a sealed token, a version and conditions."""
    version = {"gitVersion": "v1.20.2", "major": "1", "minor": "20", "goVersion": "go1.19.8", "platform": "linux/amd64"}
    status = {"driver": "imported", "apiEndpoint": "https://10.43.0.1:443", "caCert": "c" * 1500, "version": version}
    return readiness.ready(replace(cluster, status=status, sealed={"serviceAccountToken": "t" * 1400}), timestamp(now))


class TestApi:
    """One function's process, which has served its user before."""

    @pytest.fixture
    def billed(self, tmp_path: Path) -> Iterator[BilledStore]:
        self.clock = ManualClock()
        sqlite = SqliteStore(str(tmp_path / "counts.db"), self.clock)
        yield BilledStore(sqlite)
        sqlite.close()

    @pytest.fixture(autouse=True)
    def server(self, billed: BilledStore, tmp_path: Path) -> None:
        seal = KeyFile(tmp_path / "seal.key", fresh=True)
        terms = Terms(keepalive=570, lifetime=7000)
        self.parts = build(billed, seal, self.clock, SeededRandom(), terms, {}, lambda: None, MemoryTransport)
        self.parts.bootstrap(PASSWORD)
        # The administrator's rights were given a while ago.
        self.clock.advance(OVERLAP + 1)
        self.store = billed
        self.token = ""

    def ask(self, method: str, path: str, document: Any = None, *headers: tuple[str, str]) -> Any:
        query: tuple[tuple[str, str], ...] = ()
        if path.endswith("?action=login"):
            path, query = path.removesuffix("?action=login"), (("action", "login"),)
        body = json.dumps(document).encode() if document else b""
        own = (("authorization", f"Bearer {self.token}"),) if self.token else ()
        self.store.counts.clear()
        response = self.parts.api.handle(Request(method, path, query, (*own, *headers), body, BASE, CLIENT))
        assert response.status < 300, response.body
        return json.loads(response.body)

    def log_in(self) -> None:
        credentials = {"username": "admin", "password": PASSWORD}
        self.token = self.ask("POST", "/v3-public/localProviders/local?action=login", credentials)["token"]

    @property
    def counts(self) -> dict[str, int]:
        return {name: self.store.counts[name] for name in ("calls", "reads", "writes")} | {"rest": 1, "invocations": 1}

    def test_a_login(self) -> None:
        self.log_in()
        check("login", self.counts)

    def test_a_list(self) -> None:
        self.log_in()
        for number in range(100):
            cluster = self.ask("POST", "/v3/clusters", {"name": f"cluster-{number}"})["id"]
            self.parts.resources.update(Key("cluster", cluster), lambda found: grown(found, self.clock.now()))
        assert len(self.ask("GET", "/v3/clusters")["data"]) == 100
        check("list of a hundred clusters", self.counts)

    def test_a_registration_without_news(self) -> None:
        self.log_in()
        cluster = self.ask("POST", "/v3/clusters", {"name": "one"})["id"]
        token = self.ask("POST", "/v3/clusterregistrationtokens", {"clusterId": cluster})["token"]
        facts = {"cluster": {"address": "10.43.0.1:443", "caCert": "", "token": ""}}
        for _ in range(2):
            self.ask("POST", "/v3/connect/register", facts, ("x-api-tunnel-token", token))
        check("registration", self.counts)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("heartbeat", PING),
        ("heartbeat that asks for an answer", Frame(Kind.PING, document=ASK)),
    ],
)
def test_a_heartbeat(edge: Edge, name: str, message: bytes | Frame) -> None:
    agent = edge.agent()
    edge.reset_counts()
    if isinstance(message, Frame):
        agent.say(message)
    else:
        edge.gateway.take(agent.name, message)
    edge.gateway.sleep(1)
    check(name, edge.counts)


def test_a_planned_reconnect(edge: Edge) -> None:
    old = edge.agent()
    edge.reset_counts()
    edge.agent()
    old.say(Frame(Kind.GOAWAY))
    edge.gateway.sleep(1)
    old.leave()
    check("planned reconnect", edge.counts)


def test_a_look_at_a_cluster_that_is_well(edge: Edge) -> None:
    """As every day, at its health and at what it holds, by a process that has just begun: it opens its own connection."""
    cluster = MemoryCluster()
    for name in ("default", "kube-system", "cattle-system", "shop"):
        cluster.objects[f"/api/v1/namespaces/{name}"] = {"metadata": {"name": name, "uid": name}}
    edge.user("u-member")

    def serve(head: RequestHead, body: bytes) -> tuple[ResponseHead, list[bytes]]:
        answer = cluster.serve(head, body)
        return ResponseHead(answer.status, ()), [answer.body]

    edge.agent(serve)
    for _ in range(2):
        client, removal = ClusterClient(edge.process()), Removal(edge.resources, {})
        reconciler = Reconciler(
            edge.resources, client, edge.clock, removal, edge.queue.add, lambda: word(edge.random, 5), edge.seal
        )
        work = Work(reconciler, edge.resources, edge.connections, edge.gateway, edge.queue)
        edge.reset_counts()
        edge.queue.add([KEY, Key(CONTENTS, CLUSTER)])
        for key in (KEY, Key(CONTENTS, CLUSTER)):
            work.do(key, 0)
        edge.gateway.sleep(1)
    assert {request.method for request in cluster.requests[-11:]} == {"GET"}
    # The function that works on the keys.
    check("look at a cluster", {**edge.counts, "invocations": edge.counts["invocations"] + 1})


def test_a_sweep(edge: Edge) -> None:
    edge.resources.remove(KEY)
    for number in range(100):
        cluster = f"c-{number:05}"
        edge.resources.create(grown(Resource(kind="cluster", id=cluster), edge.clock.now()))
        edge.connections.add(cluster, f"L0SM9cOFvHc{number:03}=", "crt")
    removal = Removal(edge.resources, {})
    client = ClusterClient(edge.process())
    idle = Reconciler(
        edge.resources, client, edge.clock, removal, edge.queue.add, lambda: word(edge.random, 5), edge.seal
    )
    work = Work(idle, edge.resources, edge.connections, edge.gateway, edge.queue)
    edge.reset_counts()
    work.sweep()
    check("sweep of a hundred clusters", {**edge.counts, "invocations": 1})
