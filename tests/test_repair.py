"""What a pass over a cluster costs, and what it puts right, counted over a cluster in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.clusters.affected import CONTENTS
from chalicelib.controllers.objects import OWNER
from chalicelib.controllers.podsecurity import ENFORCE
from chalicelib.reconcile import REPAIR_SECONDS
from chalicelib.store.leases import KIND
from chalicelib.types import Key
from tests.support.server import serving
from tests.support.transport import MemoryCluster
from tests.test_reconcile import House, namespace

QUOTA = {"limit": {"pods": "100"}}
PROJECT = {
    "resourceQuota": QUOTA,
    "namespaceDefaultResourceQuota": {"limit": {"pods": "1"}},
    "containerDefaultResourceLimit": {"limitsCpu": "1"},
}
KINDS = {"ClusterRole", "ClusterRoleBinding", "RoleBinding", "ResourceQuota", "LimitRange", "NetworkPolicy"}


class Place(House):
    """An isolated cluster with a project of everything and ``number`` namespaces."""

    def arrange(self, number: int) -> MemoryCluster:
        self.admin.put(f"/v3/clusters/{self.id}", {"name": "one", "enableNetworkPolicy": True})
        cluster = self.activate()
        self.project = self.admin.make("/v3/projects", {"clusterId": self.id, "name": "p", **PROJECT})["id"]
        for each in range(number):
            namespace(cluster, f"ns-{each}", self.project)
        self.bind("first")
        self.follow()
        return cluster

    def bind(self, name: str) -> None:
        user = self.server.user(name).user
        body = {"projectId": self.project, "userId": user, "roleTemplateId": "project-member"}
        self.admin.make("/v3/projectroletemplatebindings", body)

    def look(self) -> float | None:
        return self.reconciler.reconcile(Key(CONTENTS, self.id))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with serving(tmp_path) as server:
        yield Place(server)


def owned(cluster: MemoryCluster) -> dict[str, Any]:
    """What Lariat made, by its path: what each object says."""
    said = ("rules", "subjects", "roleRef", "spec")
    return {
        path: {name: document[name] for name in said if name in document}
        for path, document in cluster.objects.items()
        if OWNER in (document["metadata"].get("labels") or {})
    }


def test_whatever_is_broken_is_restored_by_one_write_each(place: Place) -> None:
    """The clock makes a pass every ten minutes, if nothing else does."""
    cluster = place.arrange(2)
    whole = owned(cluster)
    assert {cluster.objects[path]["kind"] for path in whole} == KINDS
    for path in whole:
        for how in ("deleted", "emptied", "unlabelled"):
            if how == "unlabelled" and cluster.objects[path]["kind"] != "RoleBinding":
                continue
            asked = len(cluster.requests)
            _break(cluster, path, how)
            assert place.look() == REPAIR_SECONDS or how == "unlabelled"
            writes = [head for head in cluster.requests[asked:] if head.method != "GET"]
            if how == "unlabelled":
                # It is somebody else's then, and is told of; the API shows why.
                cluster.objects.pop(path)
                place.look()
            else:
                assert len(writes) == 1, (path, how, writes)
            assert owned(cluster) == whole


def _break(cluster: MemoryCluster, path: str, how: str) -> None:
    if how == "deleted":
        del cluster.objects[path]
        return
    document = dict(cluster.objects[path])
    if how == "emptied":
        document = {name: value for name, value in document.items() if name not in ("rules", "subjects", "spec")}
    else:
        document["metadata"] = {**document["metadata"], "labels": {}}
    cluster.objects[path] = document


def test_a_pass_that_finds_nothing_to_do_writes_nothing(place: Place) -> None:
    cluster = place.arrange(2)
    asked, changes = len(cluster.requests), len(place.server.changes)
    assert place.look() == REPAIR_SECONDS
    assert {head.method for head in cluster.requests[asked:]} == {"GET"}
    assert {change.key.kind for change in place.server.changes[changes:]} == {KIND}, "the lease alone"


@pytest.mark.parametrize("bound", [1, 10])
def test_one_message_and_one_pass_for_a_change_however_many_objects(tmp_path: Path, bound: int) -> None:
    """Reads don't grow with namespaces, and no object is written twice."""
    reads = []
    for number in (1, 40):
        folder = tmp_path / str(number)
        folder.mkdir()
        with serving(folder) as server:
            place = Place(server)
            cluster = place.arrange(number)
            before, asked = len(owned(cluster)), len(cluster.requests)
            for each in range(bound):
                place.bind(f"user-{each}")
            assert place.follow() == [Key(CONTENTS, place.id)]
            asking = cluster.requests[asked:]
            writes = Counter((head.method, head.target) for head in asking if head.method == "PATCH")
            assert set(writes.values()) <= {1}
            made = [head for head in asking if head.method == "POST"]
            assert len(made) == len(owned(cluster)) - before >= number * bound
            reads.append(sum(head.method == "GET" for head in asking))
    assert reads[0] == reads[1] <= 12


def test_pod_security_levels_where_policies_are_gone(place: Place) -> None:
    """As in Kubernetes 1.25: the cluster in memory serves no PodSecurityPolicy."""
    cluster = place.arrange(1)

    def level() -> Any:
        return cluster.objects["/api/v1/namespaces/ns-0"]["metadata"].get("labels", {}).get(ENFORCE)

    assert level() is None
    named = {"name": "one", "defaultPodSecurityPolicyTemplateId": "restricted"}
    place.admin.put(f"/v3/clusters/{place.id}", named)
    place.follow()
    assert level() == "restricted"
    action = f"/v3/projects/{place.project}?action=setpodsecuritypolicytemplate"
    for template, expected in (("unrestricted", "privileged"), (None, "restricted")):
        assert place.admin.post(action, {"podSecurityPolicyTemplateId": template}).status == 200
        place.follow()
        assert level() == expected
    cluster.objects["/api/v1/namespaces/ns-0"]["metadata"]["labels"][ENFORCE] = "privileged"
    place.look()
    assert level() == "restricted"
    place.admin.put(f"/v3/clusters/{place.id}", {**named, "defaultPodSecurityPolicyTemplateId": None})
    place.follow()
    assert level() is None


def test_the_api_shows_which_projects_are_isolated(place: Place) -> None:
    place.arrange(1)
    shown = place.admin.get("/v3/projectNetworkPolicies").json["data"]
    projects = {each["name"]: each["id"] for each in place.admin.get("/v3/projects").json["data"]}
    assert {each["projectId"] for each in shown} == {projects["p"], projects["Default"]}
    assert {each["name"] for each in shown} == {"pnp-default"}
    place.admin.delete(f"/v3/projects/{place.project}")
    place.follow()
    assert [each["projectId"] for each in place.admin.get("/v3/projectNetworkPolicies").json["data"]] == [
        projects["Default"]
    ]
    place.admin.put(f"/v3/clusters/{place.id}", {"name": "one", "enableNetworkPolicy": False})
    place.follow()
    assert place.admin.get("/v3/projectNetworkPolicies").json["data"] == []
