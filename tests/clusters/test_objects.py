"""Plans carried out in a real cluster, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.auth.roles.cluster import Place
from chalicelib.clusters.client import ClusterClient
from chalicelib.clusters.objects import COLLECTIONS, Objects, minor
from chalicelib.controllers import network, placement, podsecurity, quotas, secrets
from chalicelib.controllers.objects import Delete, Document, Plan, Ref, compare, metadata
from chalicelib.controllers.secrets import Secret
from chalicelib.errors import ClusterUnavailable
from chalicelib.types import Resource
from tests.kubernetes.cluster import Cluster
from tests.support.direct import DirectTransport
from tests.support.transport import MemoryTransport, failure

pytestmark = pytest.mark.cluster

CLUSTER, PROJECT, NAMESPACE = "c-1", "c-1:p-1", "objects-web"
PLACE = Place(CLUSTER, frozenset((PROJECT,)), {NAMESPACE: PROJECT})
KEY = Secret(PROJECT, "key", "Opaque", {"a": "YQ==", "b": "Yg=="})


@pytest.fixture(scope="module")
def transport(cluster: Cluster) -> Iterator[DirectTransport]:
    with DirectTransport(cluster) as transport:
        yield transport


@pytest.fixture(scope="module")
def objects(cluster: Cluster, transport: DirectTransport) -> Iterator[Objects]:
    cluster.request("POST", "/api/v1/namespaces", json={"metadata": {"name": NAMESPACE}})
    yield Objects(ClusterClient(transport))
    cluster.request("DELETE", f"/api/v1/namespaces/{NAMESPACE}")


def seen(objects: Objects, module: Any) -> list[Document]:
    return [document for kind in module.KINDS for document in objects.observe(CLUSTER, kind, module.OWNER)]


def namespaces(objects: Objects) -> list[Document]:
    return [item for item in objects.observe(CLUSTER, "Namespace") if item["metadata"]["name"] == NAMESPACE]


QUOTAS = Resource(
    kind="project",
    id=PROJECT,
    spec={
        "resourceQuota": {"limit": {"pods": "2000", "limitsCpu": "4000m", "limitsMemory": "2048Mi"}},
        "namespaceDefaultResourceQuota": {"limit": {"pods": "1000", "limitsCpu": "1500m", "limitsMemory": "1024Mi"}},
        "containerDefaultResourceLimit": {"limitsCpu": "1", "requestsMemory": "64Mi"},
    },
)


def planned(objects: Objects, module: Any) -> Plan:
    observed = seen(objects, module)
    match module:
        case _ if module is network:
            return network.plan(PLACE, "", True, False, observed)
        case _ if module is secrets:
            return secrets.plan([KEY], PLACE, observed)
        case _ if module is quotas:
            return quotas.plan([QUOTAS], namespaces(objects), PLACE, observed).plan
    chosen = {PROJECT: podsecurity.STRICT}
    policies = objects.serves(CLUSTER, "PodSecurityPolicy")
    return podsecurity.plan(chosen, PLACE, policies, observed, namespaces(objects))


@pytest.mark.parametrize("module", [network, secrets, quotas, podsecurity])
def test_a_plan_done_twice_is_empty_and_nothing_stays_behind(objects: Objects, module: Any) -> None:
    first = planned(objects, module)
    assert first.create
    assert objects.carry_out(CLUSTER, first) == ()
    assert planned(objects, module).is_empty
    assert objects.carry_out(CLUSTER, compare(module.OWNER, [], seen(objects, module))) == ()
    assert seen(objects, module) == []


def test_drift_is_repaired_in_either_direction(objects: Objects, cluster: Cluster) -> None:
    objects.carry_out(CLUSTER, planned(objects, secrets))
    path = f"/api/v1/namespaces/{NAMESPACE}/secrets/key"
    patch = {"headers": {"Content-Type": "application/merge-patch+json"}}
    for drift in ({"data": {"a": "eA=="}}, {"data": {"c": "eA=="}}, {"data": {"a": None}}):
        assert cluster.request("PATCH", path, json=drift, **patch).status_code == 200
        assert objects.carry_out(CLUSTER, planned(objects, secrets)) == ()
        assert cluster.get(path).json()["data"] == KEY.data
        assert planned(objects, secrets).is_empty
    cluster.request("DELETE", path)
    assert objects.carry_out(CLUSTER, planned(objects, secrets)) == ()
    assert cluster.get(path).json()["data"] == KEY.data
    objects.carry_out(CLUSTER, compare(secrets.OWNER, [], seen(objects, secrets)))


def test_what_others_keep_in_an_object_stays(objects: Objects, cluster: Cluster) -> None:
    objects.carry_out(CLUSTER, planned(objects, network))
    path = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies/{network.NAME}"
    drift = {"metadata": {"annotations": {"theirs": "x"}}, "spec": {"podSelector": {"matchLabels": {"a": "b"}}}}
    cluster.request("PATCH", path, json=drift, headers={"Content-Type": "application/merge-patch+json"})
    assert objects.carry_out(CLUSTER, planned(objects, network)) == ()
    assert planned(objects, network).is_empty
    objects.carry_out(CLUSTER, compare(network.OWNER, [], seen(objects, network)))


def test_a_namespace_is_put_back_where_it_belongs(objects: Objects, cluster: Cluster) -> None:
    (before,) = namespaces(objects)
    record, projects = {before["metadata"]["uid"]: PROJECT}, frozenset((PROJECT, "c-1:p-2"))
    path = f"/api/v1/namespaces/{NAMESPACE}"
    theft = {"metadata": {"annotations": {placement.PROJECT: "c-1:p-2"}}}
    cluster.request("PATCH", path, json=theft, headers={"Content-Type": "application/merge-patch+json"})
    made = placement.place(namespaces(objects), record, projects)
    assert made.namespaces == {NAMESPACE: PROJECT}
    assert objects.carry_out(CLUSTER, made.plan) == ()
    assert placement.place(namespaces(objects), {}, projects).namespaces == {NAMESPACE: PROJECT}
    left = placement.place(namespaces(objects), record, frozenset())
    assert objects.carry_out(CLUSTER, left.plan) == ()
    assert placement.PROJECT not in (namespaces(objects)[0]["metadata"].get("annotations") or {})


def test_a_refused_object_is_told_and_the_others_are_done(objects: Objects) -> None:
    def role(name: str, namespace: str) -> Document:
        made = metadata("tests", name, namespace)
        return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": made, "rules": []}

    wanted = [role("a%b", NAMESPACE), role("good", "no-such-namespace"), role("good", NAMESPACE)]
    refused = objects.carry_out(CLUSTER, Plan(create=tuple(wanted)))
    assert len(refused) == 2
    assert refused[0].startswith(f"creating Role {NAMESPACE}/a%b was answered 422")
    (made,) = objects.observe(CLUSTER, "Role", "tests")
    again = objects.carry_out(CLUSTER, Plan(create=(wanted[2],)))
    assert again[0].startswith(f"creating Role {NAMESPACE}/good was answered 409")
    stranger = Plan(delete=(Delete(Ref(made["apiVersion"], "Role", NAMESPACE, "good"), "another-uid"),))
    assert objects.carry_out(CLUSTER, stranger) == ()
    assert len(objects.observe(CLUSTER, "Role", "tests")) == 1
    assert objects.carry_out(CLUSTER, compare("tests", [], [made])) == ()
    assert objects.observe(CLUSTER, "Role", "tests") == []


def test_an_empty_plan_asks_nothing(objects: Objects, transport: DirectTransport) -> None:
    before = len(transport.requests)
    assert objects.carry_out(CLUSTER, Plan(refused=("something",))) == ("something",)
    assert len(transport.requests) == before


def test_what_a_cluster_serves(objects: Objects) -> None:
    assert objects.serves(CLUSTER, "ClusterRole")
    assert all(collection.plural == kind.lower() + "s" for kind, collection in COLLECTIONS.items() if kind[-1] != "y")


@pytest.mark.parametrize(("text", "number"), [("20", 20), ("20+", 20), ("", 0), ("x", 0)])
def test_minor(text: str, number: int) -> None:
    assert minor({"minor": text}) == number


def test_a_cluster_that_fails_fails_the_pass() -> None:
    memory = MemoryTransport()
    memory.add(CLUSTER).refusal = failure(500, "etcd is down")
    broken = Objects(ClusterClient(memory))
    plan = Plan(delete=(Delete(Ref("v1", "Secret", "web", "key"), "uid"),))
    for attempt in (
        lambda: broken.observe(CLUSTER, "Secret"),
        lambda: broken.serves(CLUSTER, "Secret"),
        lambda: broken.carry_out(CLUSTER, plan),
    ):
        with pytest.raises(ClusterUnavailable, match="answered 500: etcd is down"):
            attempt()
