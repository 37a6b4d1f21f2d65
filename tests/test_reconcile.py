"""Clusters brought to what they should be, over a transport to clusters in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.clusters import desired
from chalicelib.clusters.affected import CONTENTS, woken
from chalicelib.clusters.client import Answer
from chalicelib.controllers.health import PROBE_SECONDS, RETRY_SECONDS, SOON
from chalicelib.controllers.placement import PROJECT
from chalicelib.controllers.readiness import BOUND
from chalicelib.reconcile import Reconciler
from chalicelib.store.removal import AT_ONCE
from chalicelib.tunnel.heads import RequestHead
from chalicelib.types import Key, Resource
from tests.support.server import Caller, Server, serving
from tests.support.transport import VERSION, MemoryCluster, MemoryTransport, answer, failure


class House:
    """An administrator, a cluster that he imports, and the reconciler."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.admin: Caller = server.user("admin", administrator=True)
        self.id = str(self.admin.make("/v3/clusters", {"name": "one"})["id"])
        self.transport = MemoryTransport()
        self.queued: list[Key] = []
        self.reconciler: Reconciler = server.parts.reconciler(self.transport, self.queued.extend)

    @property
    def shown(self) -> Any:
        return self.admin.get(f"/v3/clusters/{self.id}").json

    @property
    def state(self) -> str:
        return str(self.shown["state"])

    def connect(self) -> MemoryCluster:
        return self.transport.add(self.id)

    def reconcile(self) -> float | None:
        self.follow()
        return self.reconciler.reconcile(Key("cluster", self.id))

    def follow(self) -> list[Key]:
        """Work on all that has changed, and on what follows from it, as the edges do; return the keys of contents."""
        done = []
        while self.server.changes or self.queued:
            keys = [*woken(change.key for change in self.server.changes), *self.queued]
            self.server.changes.clear()
            self.queued.clear()
            for key in dict.fromkeys(keys):
                self.reconciler.reconcile(key)
                done += [key] if key.kind == CONTENTS else []
        return done

    def activate(self) -> MemoryCluster:
        cluster = self.connect()
        assert self.reconcile() == PROBE_SECONDS
        assert self.state == "active"
        return cluster


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with serving(tmp_path) as server:
        yield House(server)


def bound(cluster: MemoryCluster) -> list[str]:
    names = cluster.names("clusterrolebindings")
    return [name.removeprefix("globaladmin-") for name in names if name.startswith("globaladmin-")]


def test_a_cluster_that_was_never_connected_is_waited_for(house: House) -> None:
    before = house.shown
    assert house.reconcile() is None
    assert house.shown == before
    assert house.state == "pending"


def test_a_connected_cluster_becomes_active(house: House) -> None:
    house.activate()
    assert house.shown["version"] == VERSION
    assert (house.shown["transitioning"], house.shown["transitioningMessage"]) == ("no", "")


def test_administrators_are_bound_before_the_cluster_is_active(house: House) -> None:
    """Who sees it as active may use it."""
    states = []
    house.follow()
    cluster = house.connect()
    cluster.before = lambda head: states.append((head.method, house.state))
    house.reconcile()
    assert {state for _, state in states} == {"pending"}
    assert states[-1][0] == "POST"
    assert bound(cluster) == [house.admin.user]
    assert house.state == "active"


def test_a_cluster_that_refuses_the_binding_is_not_active(house: House) -> None:
    cluster = house.connect()
    cluster.refusal = failure(403, "closed")
    assert house.reconcile() == RETRY_SECONDS
    assert house.state != "active"
    cluster.refusal = None
    assert house.reconcile() == PROBE_SECONDS
    assert house.state == "active"


def test_looking_again_writes_nothing(house: House) -> None:
    cluster = house.activate()
    before, changes, asked = house.shown, len(house.server.changes), len(cluster.requests)
    house.server.clock.advance(60)
    assert house.reconcile() == PROBE_SECONDS
    assert house.shown == before
    assert len(house.server.changes) == changes
    assert [head.method for head in cluster.requests[asked:]] == ["GET"]


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (failure(500, "etcd is down"), "its API server answers 500 to GET /version"),
        (answer(200, {}), "its API server answers 200 to GET /version"),
        (Answer(502, b"<html>"), "its API server answers 502 to GET /version"),
    ],
)
def test_an_api_server_that_fails_is_named(house: House, version: Answer, words: str) -> None:
    cluster = house.activate()
    cluster.version = version
    assert house.reconcile() == RETRY_SECONDS
    assert house.state == "unavailable"
    assert house.shown["transitioningMessage"] == f"The agent is connected, but {words}"
    assert house.shown["version"] == VERSION


def test_an_agent_that_left_is_named(house: House) -> None:
    house.activate().connected = False
    assert house.reconcile() is None
    assert house.state == "unavailable"
    assert "agent is not connected" in house.shown["transitioningMessage"]


def test_an_agent_that_leaves_in_the_middle_is_gone(house: House) -> None:
    cluster = house.activate()

    def leave(head: RequestHead) -> None:
        cluster.connected = False
        cluster.version = failure(503, "gone")

    cluster.before = leave
    assert house.reconcile() is None
    assert "agent is not connected" in house.shown["transitioningMessage"]


def test_an_agent_that_came_back_makes_the_cluster_active_again(house: House) -> None:
    cluster = house.activate()
    cluster.connected = False
    house.reconcile()
    cluster.connected = True
    assert house.reconcile() == PROBE_SECONDS
    assert house.state == "active"


def test_a_cluster_that_moves_keeps_no_right_of_the_installation_that_it_leaves(house: House, tmp_path: Path) -> None:
    former = house.server.user("former", administrator=True)
    member = house.server.user("member")
    role = {"clusterId": house.id, "userId": member.user, "roleTemplateId": "cluster-owner"}
    house.admin.make("/v3/clusterroletemplatebindings", role)
    cluster = house.activate()
    house.follow()
    assert former.user in bound(cluster)
    (tmp_path / "other").mkdir()
    with serving(tmp_path / "other") as server:
        other = House(server)
        other.transport.clusters[other.id] = cluster
        other.reconcile()
        assert other.state == "active"
        other.follow()
    assert bound(cluster) == [other.admin.user]
    assert former.user not in json.dumps(cluster.objects)
    assert member.user not in json.dumps(cluster.objects)


def test_what_was_lost_meanwhile_is_bound_again(house: House) -> None:
    cluster = house.activate()
    cluster.connected = False
    house.reconcile()
    cluster.objects.clear()
    cluster.connected = True
    house.reconcile()
    assert bound(cluster) == [house.admin.user]


def test_a_later_administrator_is_bound(house: House) -> None:
    cluster = house.activate()
    later = house.server.user("later", administrator=True)
    house.reconcile()
    assert sorted(bound(cluster)) == sorted([house.admin.user, later.user])


@pytest.mark.parametrize("end", ["binding", "user"])
def test_who_is_no_administrator_any_more_is_bound_no_more(house: House, end: str) -> None:
    former = house.server.user("former", administrator=True)
    cluster = house.activate()
    assert former.user in bound(cluster)
    house.admin.delete("/v3/globalrolebindings/grb-former" if end == "binding" else f"/v3/users/{former.user}")
    house.reconcile()
    assert bound(cluster) == [house.admin.user]


def test_who_lost_the_role_while_the_cluster_was_away_is_bound_no_more(house: House) -> None:
    house.server.user("former", administrator=True)
    cluster = house.activate()
    cluster.connected = False
    house.reconcile()
    house.admin.delete("/v3/globalrolebindings/grb-former")
    house.reconcile()
    cluster.connected = True
    house.reconcile()
    assert bound(cluster) == [house.admin.user]


def test_plain_users_are_not_bound(house: House) -> None:
    house.server.user("plain")
    spec = {"userId": "u-plain", "globalRoleId": "user"}
    house.server.resources.create(Resource(kind="globalRoleBinding", id="grb-x", parent="u-plain", spec=spec))
    assert bound(house.activate()) == [house.admin.user]


def test_a_cluster_that_is_deleted_meanwhile_stays_deleted(house: House) -> None:
    cluster = house.connect()

    def delete(head: RequestHead) -> None:
        if house.server.resources.find("cluster", house.id):
            house.server.resources.remove(Key("cluster", house.id))

    cluster.before = delete
    assert house.reconcile() is None
    assert house.admin.get(f"/v3/clusters/{house.id}").status == 404


def test_a_deleted_cluster_is_left_as_it_was(house: House) -> None:
    cluster = house.activate()
    assert "cluster-owner" in cluster.names("clusterroles")
    reply = house.admin.delete(f"/v3/clusters/{house.id}")
    assert (reply.status, reply.json["state"]) == (200, "removing")
    house.follow()
    assert cluster.objects == {}
    assert house.admin.get(f"/v3/clusters/{house.id}").status == 404


@pytest.mark.parametrize("away", [True, False])
def test_a_cluster_that_can_not_be_cleaned_goes_as_well(house: House, away: bool) -> None:
    cluster = house.activate()
    cluster.connected, cluster.refusal = not away, failure(500, "broken")
    house.admin.delete(f"/v3/clusters/{house.id}")
    house.follow()
    assert house.admin.get(f"/v3/clusters/{house.id}").status == 404


def test_a_cluster_is_not_active_before_its_rights_count(house: House) -> None:
    cluster = house.connect()
    cluster.effective = False
    assert house.reconcile() == SOON
    assert house.state == "pending"
    cluster.effective = True
    assert house.reconcile() == PROBE_SECONDS
    assert house.state == "active"


def test_a_cluster_that_is_going_away_is_left_alone(house: House) -> None:
    going = Resource(kind="cluster", id="c-going", finalizers=("x",), removed="2026-11-24T08:00:00Z")
    house.server.resources.create(going)
    cluster = house.transport.add("c-going")
    assert house.reconciler.reconcile(Key("cluster", "c-going")) is None
    assert cluster.requests == []


@pytest.mark.parametrize("key", [Key("user", "u-admin"), Key("token", "x"), Key("cluster", "c-nope")])
def test_other_keys_need_nothing(house: House, key: Key) -> None:
    assert house.reconciler.reconcile(key) is None


def test_a_renaming_meanwhile_is_not_lost(house: House) -> None:
    cluster = house.connect()

    def rename(head: RequestHead) -> None:
        house.admin.put(f"/v3/clusters/{house.id}", {"name": f"renamed-{head.method.lower()}"})

    cluster.before = rename
    house.reconcile()
    assert house.shown["name"].startswith("renamed-")
    assert house.state == "active"


def test_all_clusters_for_a_repair(house: House) -> None:
    house.server.resources.create(Resource(kind="cluster", id="c-0"))
    both = [(kind, id) for id in ("c-0", house.id) for kind in ("cluster", CONTENTS)]
    assert house.reconciler.clusters() == [Key(*each) for each in both]


def test_what_is_being_removed_is_removed_to_the_end(house: House) -> None:
    """More than one pass, and the cluster's agent has never been there."""
    cluster = house.id
    for number in range(3 * AT_ONCE):
        house.server.resources.create(Resource(kind="node", id=f"{cluster}:m-{number:03}", parent=cluster))
    reply = house.admin.delete(f"/v3/clusters/{cluster}")
    assert (reply.status, reply.json["state"], reply.json["transitioning"]) == (200, "removing", "yes")
    assert house.reconcile() == 0.0
    while house.reconcile() == 0.0:
        pass
    assert house.admin.get(f"/v3/clusters/{cluster}").status == 404
    assert house.admin.get("/v3/nodes").ids == []


def namespace(cluster: MemoryCluster, name: str, project: str) -> Any:
    """Make a namespace that says which project it is in; return it as it is in the cluster."""
    metadata = {"name": name, "uid": f"uid-{name}", "annotations": {PROJECT: project}}
    cluster.objects[f"/api/v1/namespaces/{name}"] = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    return lambda: cluster.objects[f"/api/v1/namespaces/{name}"]["metadata"]["annotations"][PROJECT]


def test_a_namespace_is_moved_by_the_record_alone(house: House) -> None:
    cluster = house.activate()
    one, two = (house.admin.make("/v3/projects", {"clusterId": house.id, "name": name})["id"] for name in "ab")
    where = namespace(cluster, "web", one)
    house.follow()
    cluster.objects["/api/v1/namespaces/web"]["metadata"]["annotations"][PROJECT] = two
    house.server.resources.touch(house.id)
    assert house.follow() == [Key(CONTENTS, house.id)]
    assert where() == one
    desired.place(house.server.resources, house.id, "uid-web", two, one)
    house.follow()
    assert where() == two


def test_a_change_touches_the_clusters_concerned_each_once(house: House) -> None:
    house.activate()
    others = [house.admin.make("/v3/clusters", {"name": f"other-{number}"})["id"] for number in range(3)]
    for id in others:
        house.transport.add(id)
    user = house.server.user("u").user
    rules = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}]
    role = house.admin.make("/v3/roletemplates", {"name": "r", "context": "project", "rules": rules})["id"]
    house.follow()
    binding: dict[str, Any] = {}
    for id in (house.id, house.id, others[0]):
        project = house.admin.make("/v3/projects", {"clusterId": id, "name": "p"})["id"]
        house.follow()
        body = {"projectId": project, "userId": user, "roleTemplateId": role}
        binding = house.admin.make("/v3/projectroletemplatebindings", body)
        assert house.follow() == [Key(CONTENTS, id)]
    house.admin.put(f"/v3/roletemplates/{role}", {"description": "changed"})
    assert sorted(house.follow()) == sorted(Key(CONTENTS, id) for id in (house.id, others[0]))
    house.admin.delete(f"/v3/projectroletemplatebindings/{binding['id']}")
    assert house.follow() == [Key(CONTENTS, others[0])]


def test_what_an_older_lariat_bound_is_taken_over(house: House) -> None:
    """Its objects have no label of ours; another's namesake stays as it is."""
    cluster = house.connect()
    users = (house.admin.user, "u-former", "u-foreign")
    for user in users:
        path = f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/globaladmin-{user}"
        metadata = {"name": f"globaladmin-{user}", "labels": {"cattle.io/creator": "norman"}}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
        document = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": metadata}
        cluster.objects[path] = {**document, "roleRef": role, "subjects": [subject]}
    key = Key("cluster", house.id)
    house.server.resources.update(key, lambda stored: replace(stored, status={BOUND: list(users[:2])}))
    house.reconcile()
    assert sorted(bound(cluster)) == sorted([house.admin.user, "u-foreign"])
    assert BOUND not in house.server.resources.get(*key).status
