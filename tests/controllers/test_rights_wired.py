"""The whole way of rights, from what the store holds to what the real API server answers, as the evaluator says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.auth.roles.records import GATHERED
from chalicelib.clusters import desired
from chalicelib.clusters.affected import woken
from chalicelib.clusters.client import ClusterClient
from chalicelib.clusters.objects import Objects
from chalicelib.controllers.readiness import ready
from chalicelib.types import Key, Resource
from tests.controllers.test_rights_on_cluster import (
    EVERY_KIND_OF_RULE,
    ON_A_CLUSTER,
    differences,
    listed_by_owner,
    wait_until_equal,
)
from tests.kubernetes.cluster import Cluster
from tests.support.direct import DirectTransport
from tests.support.lariat import eventually
from tests.support.server import Server, serving
from tests.support.world import CLUSTER, NAMESPACES, NOTHING, PROJECTS, World, worlds

pytestmark = pytest.mark.cluster


class House:
    """A server whose one cluster is real: worlds are written into its store, and its reconciler does the rest."""

    def __init__(self, server: Server, transport: DirectTransport, cluster: Cluster) -> None:
        self.resources = server.resources
        self.transport = transport
        self.objects = Objects(ClusterClient(transport))
        self.queued: list[Key] = []
        self._server = server
        self._reconciler = server.parts.reconciler(transport, self.queued.extend)
        self._uids = {name: _namespace(cluster, name) for name in NAMESPACES}
        self.resources.create(ready(Resource(kind="cluster", id=CLUSTER, spec={"name": "one"}), ""))
        for project in PROJECTS:
            self.resources.create(Resource(kind="project", id=project, parent=CLUSTER, spec={"name": project}))

    def write(self, world: World) -> None:
        for kind in (*GATHERED, "roleTemplate"):
            for stored in list(self.resources.all(kind)):
                self.resources.remove(stored.key)
        for resource in (*world.templates, *map(_stored, world.bindings)):
            self.resources.create(resource)
        known = desired.placement(self.resources, CLUSTER)
        for name, uid in self._uids.items():
            desired.place(self.resources, CLUSTER, uid, world.namespaces.get(name, ""), known.get(uid, ""))
        self._follow()

    def differences(self, world: World, seed: int) -> list[Any]:
        return differences(self.transport, self.objects, world, seed)

    def _follow(self) -> None:
        while self._server.changes or self.queued:
            keys = [*woken(change.key for change in self._server.changes), *self.queued]
            self._server.changes.clear()
            self.queued.clear()
            for key in dict.fromkeys(key for key in keys if key.kind != "cluster"):
                self._reconciler.reconcile(key)


def _namespace(cluster: Cluster, name: str) -> str:
    """Make a namespace, once another test's of that name has ended; return its uid."""

    def make() -> str | None:
        made = cluster.request("POST", "/api/v1/namespaces", json={"metadata": {"name": name}})
        return str(made.json()["metadata"]["uid"]) if made.status_code == 201 else None

    return eventually(make, f"there is room for the namespace {name}", 60)


def _stored(binding: Resource) -> Resource:
    """A binding as the API keeps it: inside of its place."""
    spec = binding.spec
    parent = str(spec.get("projectId") or spec.get("clusterId") or spec.get("userId") or "")
    return replace(binding, parent=parent)


@pytest.fixture(scope="module")
def house(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("wired")
    with DirectTransport(cluster) as transport, serving(folder, transport=transport) as server:
        house = House(server, transport, cluster)
        yield house
        house.write(NOTHING)
    for name in NAMESPACES:
        cluster.request("DELETE", f"/api/v1/namespaces/{name}")


@example(sequence=[EVERY_KIND_OF_RULE], seed=0)
@settings(ON_A_CLUSTER, max_examples=4)
@given(sequence=st.lists(worlds(), min_size=1, max_size=2), seed=st.integers(0, 2**32))
@pytest.mark.slow
def test_the_cluster_answers_as_the_evaluator_after_reconciling(house: House, sequence: list[World], seed: int) -> None:
    for world in sequence:
        house.write(world)
        wait_until_equal(lambda world=world: house.differences(world, seed))  # type: ignore[misc]
    house.write(NOTHING)
    assert listed_by_owner(house.objects) == []
