"""Kinds that live in a cluster: what is asked of the cluster, as whom, and what becomes of its answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.api.behaviour import Call, Services
from chalicelib.api.http import Request, Response
from chalicelib.api.live import LARGEST, Live, cluster_of, understood
from chalicelib.api.registry import Registry
from chalicelib.api.resources import handle_collection, handle_resource
from chalicelib.api.sealing import Sealing
from chalicelib.auth.identity import Identity
from chalicelib.clusters.client import Answer, ClusterClient
from chalicelib.errors import ClusterUnavailable, LariatError
from chalicelib.schema.field import text
from chalicelib.schema.kind import Kind
from chalicelib.schema.version import Version
from chalicelib.tunnel.heads import RequestHead
from chalicelib.types import Resource
from tests.support.server import BASE, Server

PLACE = Kind(id="place", fields={"name": text(63, required=True, update=False), "note": text()})
CONTEXT = Version("/v3/cluster", "cluster.cattle.io", (PLACE,), context="cluster")
BOB = Identity("u-bob", ("system:authenticated",), "token-x")
ROOT = "/api/v1/namespaces"


class Places:
    """A mapper, as small as one can be."""

    def collection(self, namespace: str) -> str:
        return ROOT

    def path(self, id: str) -> str:
        return f"{ROOT}/{id}"

    def read(self, found: Mapping[str, Any]) -> Resource:
        meta = found["metadata"]
        return Resource(kind="place", id=meta["name"], spec={"note": meta.get("annotations", {}).get("note")})

    def create(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"metadata": {"name": values["name"], "annotations": {"note": values.get("note")}}}

    def update(self, found: Mapping[str, Any], values: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**found, "metadata": {**found["metadata"], "annotations": dict(values)}}


@dataclass
class Cluster:
    """A cluster's namespaces, and what was asked of it."""

    objects: dict[str, Any] = field(default_factory=dict)
    heads: list[RequestHead] = field(default_factory=list)

    def connected(self, cluster: str) -> bool:
        return cluster == "c-1"

    def call(self, cluster: str, head: RequestHead, body: bytes, timeout: float) -> Answer:
        assert cluster == "c-1"
        self.heads.append(head)
        name = head.target.removeprefix(ROOT).strip("/")
        if head.method in ("POST", "PUT"):
            document = json.loads(body)
            self.objects[document["metadata"]["name"]] = document
            return Answer(201, body)
        if not name:
            return Answer(200, json.dumps({"items": list(self.objects.values())}).encode())
        if name not in self.objects:
            refusal = {"kind": "Status", "code": 404, "reason": "NotFound", "message": f'namespaces "{name}" not found'}
            return Answer(404, json.dumps(refusal).encode())
        found = self.objects.pop(name) if head.method == "DELETE" else self.objects[name]
        return Answer(200, json.dumps(found).encode())


@pytest.fixture
def cluster(server: Server) -> Cluster:
    server.resources.create(Resource(kind="cluster", id="c-1", spec={"name": "one"}))
    return Cluster()


@pytest.fixture
def live(server: Server, cluster: Cluster) -> Live:
    parts = server.parts
    services = Services(
        parts.resources, parts.removal, parts.random, parts.clock, Sealing(server.seal), parts.authenticator.rights
    )
    return Live(PLACE, services, Places(), lambda: ClusterClient(cluster))


def call(live: Live, method: str, id: str = "", body: Any = None, context: str = "c-1") -> Response:
    content = b"" if body is None else json.dumps(body).encode()
    request = Request(method, f"/v3/cluster/{context}/places", (), (), content, BASE)
    asked = Call(request, BOB, CONTEXT, context)
    registry = Registry({"place": live})
    return handle_resource(registry, live, asked, id) if id else handle_collection(registry, live, asked)


def test_its_whole_life_is_in_the_cluster(server: Server, live: Live, cluster: Cluster) -> None:
    before = len(server.changes)
    made = json.loads(call(live, "POST", body={"name": "web", "note": "a"}).body)
    assert (made["id"], made["note"]) == ("web", "a")
    assert made["links"]["self"] == f"{BASE}/v3/cluster/c-1/places/web"
    assert [each["id"] for each in json.loads(call(live, "GET").body)["data"]] == ["web"]
    assert json.loads(call(live, "PUT", "web", {"note": "b"}).body)["note"] == "b"
    assert json.loads(call(live, "GET", "web").body)["note"] == "b"
    assert call(live, "DELETE", "web").status == 204
    assert cluster.objects == {}
    assert len(server.changes) == before


def test_every_request_goes_as_the_caller(live: Live, cluster: Cluster) -> None:
    call(live, "POST", body={"name": "web"})
    call(live, "GET")
    for head in cluster.heads:
        assert [value for name, value in head.headers if name == "impersonate-user"] == ["u-bob"]
        assert [value for name, value in head.headers if name == "impersonate-group"] == ["system:authenticated"]


def test_what_the_cluster_says_passes_through(live: Live, cluster: Cluster) -> None:
    with pytest.raises(LariatError) as caught:
        call(live, "GET", "nosuch")
    error = caught.value
    assert (error.status, error.code, error.message) == (404, "NotFound", 'namespaces "nosuch" not found')


def test_an_unknown_cluster_is_unavailable(live: Live, cluster: Cluster) -> None:
    with pytest.raises(ClusterUnavailable):
        call(live, "GET", context="c-nope")
    assert cluster.heads == []


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'"x"', b"[" * 100_000, b" " * (LARGEST + 1)])
def test_an_answer_that_is_no_object(body: bytes) -> None:
    with pytest.raises(ClusterUnavailable):
        understood(Answer(200, body))


@pytest.mark.parametrize(("context", "cluster"), [("c-1", "c-1"), ("c-1:p-1", "c-1"), ("", "")])
def test_a_context_is_in_a_cluster(context: str, cluster: str) -> None:
    assert cluster_of(context) == cluster
