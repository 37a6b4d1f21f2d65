"""One pass over a cluster, in a real one: everything comes, nothing more is to do, everything goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.auth.roles.bindings import read_all
from chalicelib.clusters.client import ClusterClient
from chalicelib.clusters.objects import ANYONE, Objects
from chalicelib.controllers.contents import OURS, WHOLE, Desired, Observed, Outcome, plan
from chalicelib.controllers.objects import OWNER
from chalicelib.controllers.placement import PROJECT
from chalicelib.controllers.podsecurity import SHIPPED
from chalicelib.controllers.secrets import Secret
from chalicelib.types import Resource
from tests.kubernetes.cluster import Cluster
from tests.support.direct import DirectTransport
from tests.support.transport import VERSION
from tests.support.world import bind, library

pytestmark = pytest.mark.cluster

CLUSTER, ONE, TWO = "c-1", "c-1:p-1", "c-1:p-2"
NAMES = {"contents-a": ONE, "contents-b": ONE, "contents-c": TWO, "contents-d": ""}
QUOTA = {"limit": {"pods": "10"}}

PROJECTS = (
    Resource(
        kind="project",
        id=ONE,
        spec={
            "resourceQuota": QUOTA,
            "namespaceDefaultResourceQuota": {"limit": {"pods": "5"}},
            "containerDefaultResourceLimit": {"limitsCpu": "1"},
            "podSecurityPolicyTemplateId": "unrestricted",
        },
    ),
    Resource(kind="project", id=TWO),
)
DESIRED = Desired(
    cluster=Resource(
        kind="cluster",
        id=CLUSTER,
        spec={"enableNetworkPolicy": True, "defaultPodSecurityPolicyTemplateId": "restricted"},
    ),
    library=library(),
    bindings=read_all(
        [bind("admin", user="u-1"), bind("project-owner", ONE, user="u-2"), bind("cluster-member", CLUSTER, group="g")]
    ),
    projects=PROJECTS,
    secrets=[Secret(ONE, "key", "Opaque", {"a": "YQ=="})],
    policies={template.id: template for template in SHIPPED},
)


@pytest.fixture(scope="module")
def transport(cluster: Cluster) -> Iterator[DirectTransport]:
    with DirectTransport(cluster) as transport:
        yield transport


@pytest.fixture(scope="module")
def objects(cluster: Cluster, transport: DirectTransport) -> Iterator[Objects]:
    for name, project in NAMES.items():
        said = {"annotations": {PROJECT: project}} if project else {}
        cluster.request("POST", "/api/v1/namespaces", json={"metadata": {"name": name, **said}})
    objects = Objects(ClusterClient(transport))
    yield objects
    bring(objects, leaving(DESIRED))
    for name in NAMES:
        cluster.request("DELETE", f"/api/v1/namespaces/{name}")


def leaving(desired: Desired) -> Desired:
    return replace(desired, cluster=replace(desired.cluster, removed="2026-11-24T08:00:00Z"))


def bring(objects: Objects, desired: Desired) -> Outcome:
    made = plan(desired, objects.look(CLUSTER, VERSION))
    assert objects.carry_out(CLUSTER, made.plan) == ()
    return made


def kept(objects: Objects) -> list[Any]:
    return [
        (kind, document["metadata"]["name"])
        for kind in (*WHOLE, *OURS)
        for document in objects.observe(CLUSTER, kind, ANYONE)
    ]


def test_all_of_it_in_one_pass_and_none_of_it_afterwards(objects: Objects, transport: DirectTransport) -> None:
    first = bring(objects, DESIRED)
    assert (first.used, first.unfit) == ({ONE: {"pods": "10"}}, {ONE: []})
    assert sorted(first.record.values(), reverse=True)[:3] == [TWO, ONE, ONE]
    kinds = {kind for kind, _ in kept(objects)}
    assert kinds == set(OURS) | {"ClusterRole"}
    before = len(transport.requests)
    again = plan(replace(DESIRED, record=first.record), objects.look(CLUSTER, VERSION))
    assert again.plan.is_empty
    assert again.record == first.record
    assert len(transport.requests) - before <= len(WHOLE) + len(OURS) + 2, "one list a kind, however many objects"
    bring(objects, leaving(DESIRED))
    assert kept(objects) == []
    namespaces = objects.observe(CLUSTER, "Namespace")
    assert not any(PROJECT in (item["metadata"].get("annotations") or {}) for item in namespaces)


def test_a_project_that_goes_takes_along_what_was_made_for_it(objects: Objects, cluster: Cluster) -> None:
    said = {"metadata": {"annotations": {PROJECT: ONE}}}
    headers = {"Content-Type": "application/merge-patch+json"}
    cluster.request("PATCH", "/api/v1/namespaces/contents-a", json=said, headers=headers)
    first = bring(objects, DESIRED)
    assert [name for kind, name in kept(objects) if kind == "Secret"] == ["key"]
    gone = replace(DESIRED, projects=[replace(PROJECTS[0], removed="2026-11-24T08:00:00Z"), PROJECTS[1]])
    bring(objects, replace(gone, record=first.record))
    left = objects.observe(CLUSTER, "RoleBinding", ANYONE) + objects.observe(CLUSTER, "Secret", ANYONE)
    assert [item["metadata"]["name"] for item in left] == []
    bindings = objects.observe(CLUSTER, "ClusterRoleBinding", ANYONE)
    assert {item["roleRef"]["name"] for item in bindings} == {"cluster-admin", "cluster-member"}


def test_the_work_for_one_project_touches_its_cluster_alone() -> None:
    """A binding of another cluster asks for nothing here, so a change of it needs no pass here."""
    other = read_all([bind("project-owner", "c-2:p-9", user="u-2"), bind("cluster-owner", "c-2", user="u-2")])
    nothing = Observed({}, 20, True)
    alone = Desired(cluster=Resource(kind="cluster", id=CLUSTER), library=library(), bindings=other)
    assert plan(alone, nothing).plan.is_empty


@pytest.mark.parametrize(
    ("minor", "policies", "isolated", "verbs"),
    [
        (21, True, True, ["*"]),
        (20, True, False, ["*"]),
        (20, True, True, ["get", "delete"]),
        (25, False, False, ["get", "delete"]),
    ],
)
def test_namespaces_that_policies_hang_on_are_not_their_members_to_change(
    minor: int, policies: bool, isolated: bool, verbs: list[str]
) -> None:
    namespace = {"metadata": {"name": "web", "uid": "uid", "annotations": {PROJECT: ONE}}}
    cluster = replace(DESIRED.cluster, spec={**DESIRED.cluster.spec, "enableNetworkPolicy": isolated})
    made = plan(replace(DESIRED, cluster=cluster), Observed({"Namespace": [namespace]}, minor, policies)).plan
    (role,) = (document for document in made.create if document["metadata"]["name"] == "p-1-namespaces-edit")
    assert role["rules"][0]["verbs"] == verbs


def test_every_object_says_whose_it_is() -> None:
    namespaces = [
        {"metadata": {"name": name, "uid": name, "annotations": {PROJECT: project}}} for name, project in NAMES.items()
    ]
    made = plan(DESIRED, Observed({"Namespace": namespaces}, 20, True)).plan
    owners = {document["metadata"]["labels"][OWNER] for document in made.create}
    assert owners == {"rights", "podsecurity", "network", "quotas", "secrets"}
