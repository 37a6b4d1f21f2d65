"""Projects that are isolated from each other: the NetworkPolicies in the real cluster, and what the API says of it."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.controllers.placement import PROJECT
from tests.e2e.house import House, Person, soon
from tests.support.lariat import eventually

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def one(house: House) -> str:
    return house.project("one", "isolated-a", "isolated-b")


@pytest.fixture(scope="module")
def two(house: House) -> str:
    return house.project("two", "isolated-c")


def isolate(house: House, wanted: bool) -> None:
    body = {"name": house.imported.name, "enableNetworkPolicy": wanted}
    assert house.admin.put(f"/v3/clusters/{house.imported.id}", json=body).status_code == 200


def policies(house: House) -> dict[str, Any]:
    """Lariat's policies by namespace: the projects whose pods may be heard."""
    found = house.cluster.kubectl("get", "networkpolicies", "-A", "-l", "lariat.io/owner=network", "-o", "json").json
    return {each["metadata"]["namespace"]: each["spec"] for each in found["items"]}


def hears(spec: Any) -> set[str]:
    """By the label that this version of Kubernetes needs."""
    assert (spec["podSelector"], spec["policyTypes"]) == ({}, ["Ingress"])
    (rule,) = spec["ingress"]
    (peer,) = rule["from"]
    (expression,) = peer["namespaceSelector"]["matchExpressions"]
    assert (expression["key"], expression["operator"]) == (PROJECT, "In")
    return set(expression["values"])


def shown(house: House) -> set[str]:
    found = house.admin.get("/v3/projectNetworkPolicies").json()["data"]
    assert {each["state"] for each in found} <= {"active"}
    return {each["projectId"] for each in found}


def test_projects_are_isolated_while_the_cluster_says_so(house: House, one: str, two: str) -> None:
    assert policies(house) == {}
    isolate(house, True)
    soon(lambda: {"isolated-a", "isolated-b", "isolated-c"} <= policies(house).keys(), "the policies are there")
    system = next(each["id"] for each in house.admin.get("/v3/projects").json()["data"] if each["name"] == "System")
    short = {project: project.rpartition(":")[2] for project in (one, two, system)}
    found = policies(house)
    assert "kube-system" not in found
    for namespace, project in (("isolated-a", one), ("isolated-b", one), ("isolated-c", two)):
        assert hears(found[namespace]) == {short[project], short[system]}
        labels = house.cluster.kubectl("get", "namespace", namespace, "-o", "json").json["metadata"]["labels"]
        assert labels[PROJECT] == short[project]
    soon(lambda: {one, two} <= shown(house) and system not in shown(house), "the API says so")
    eventually(lambda: house.imported.show()["appliedEnableNetworkPolicy"] is True, "it is applied")


def test_members_change_neither_the_labels_it_hangs_on_nor_others_policies(house: House, one: str) -> None:
    person = Person(house, "isolated")
    house.bind(person, "project-owner", one)
    soon(lambda: person.can("create", "pods", "-n", "isolated-a"), "he is an owner")
    assert not person.can("update", "namespace/isolated-a")
    assert not person.can("patch", "namespace/isolated-a")
    assert person.can("delete", "namespace/isolated-a")
    assert not person.can("delete", "networkpolicies.networking.k8s.io", "-n", "isolated-c")


def test_a_namespace_that_comes_is_isolated_before_anybody_works_in_it(house: House, two: str) -> None:
    person = Person(house, "isolated-late")
    house.bind(person, "project-owner", two)
    soon(lambda: person.can("create", "namespaces"), "he makes namespaces")
    move = {"name": "isolated-d", "projectId": two}
    assert person.client.post(f"/v3/cluster/{house.imported.id}/namespaces", json=move).status_code == 201
    soon(lambda: person.can("create", "pods", "-n", "isolated-d"), "he works in it")
    assert "isolated-d" in policies(house)


def test_none_is_left_when_it_is_switched_off(house: House) -> None:
    isolate(house, False)
    soon(lambda: policies(house) == {}, "the policies are gone")
    soon(lambda: shown(house) == set(), "the API says so")
    eventually(lambda: house.imported.show()["appliedEnableNetworkPolicy"] is False, "it is applied")
