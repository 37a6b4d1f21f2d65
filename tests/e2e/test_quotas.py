"""A project's quota shared over its namespaces, and what its containers get, as the real API server enforces them."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from chalicelib.controllers.quotas import FITS
from tests.e2e.house import House, Person, namespaced, soon
from tests.support.lariat import eventually

pytestmark = pytest.mark.cluster

SPACES = ("quota-first", "quota-second", "quota-third")
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "pod"},
    "spec": {"containers": [{"name": "one", "image": "example.test/one"}]},
}


def quota(whole: str, each: str) -> dict[str, Any]:
    return {
        "resourceQuota": {"limit": {"services": whole}},
        "namespaceDefaultResourceQuota": {"limit": {"services": each}},
    }


@pytest.fixture(scope="module")
def project(house: House) -> str:
    """Three services, two for a namespace unless it asks for something else."""
    limits = {"limitsCpu": "500m", "limitsMemory": "64Mi", "requestsCpu": "100m"}
    return house.project("quota", **quota("3", "2"), containerDefaultResourceLimit=limits)


@pytest.fixture(scope="module")
def owner(house: House, project: str) -> Person:
    person = Person(house, "quota-owner")
    house.bind(person, "project-owner", project)
    soon(lambda: person.can("create", "namespaces"), "an owner makes namespaces")
    for name in SPACES:
        assert person.kubectl("create", "-f", "-", stdin=_wishing(name, project)).code == 0
        soon(partial(person.can, "create", "services", "-n", name), "its owner works in it")
    return person


def _wishing(name: str, project: str) -> str:
    """The second namespace asks for one service."""
    document = json.loads(namespaced(name, project))
    if name == SPACES[1]:
        document["metadata"]["annotations"]["field.cattle.io/resourceQuota"] = '{"limit":{"services":"1"}}'
    return json.dumps(document)


def shares(house: House) -> list[str]:
    found = []
    for name in SPACES:
        made = house.cluster.kubectl("get", "resourcequota", "default-quota", "-n", name, "-o", "json")
        found.append(made.json["spec"]["hard"]["services"] if made.code == 0 else "")
    return found


def _shared(house: House, expected: list[str]) -> bool:
    return shares(house) == expected


def serve(owner: Person, space: str, name: str) -> Any:
    return owner.kubectl("create", "service", "clusterip", name, "--tcp=80:80", "-n", space)


def test_each_namespace_gets_its_share_and_no_more(house: House, owner: Person, project: str) -> None:
    soon(lambda: shares(house) == ["2", "1", "0"], "what is left is shared")
    for space, most in zip(SPACES, (2, 1, 0), strict=True):
        for number in range(most):
            assert serve(owner, space, f"one-{number}").code == 0
        refused = serve(owner, space, "beyond")
        assert (refused.code, "exceeded quota: default-quota" in refused.err) == (1, True), refused
    shown = house.admin.get(f"/v3/projects/{project}").json()
    assert shown["resourceQuota"]["usedLimit"]["services"] == "3"
    fits = next(each for each in shown["conditions"] if each["type"] == FITS)
    assert (fits["status"], fits["message"].rpartition(": ")[2]) == ("False", SPACES[2])


def test_who_works_in_a_namespace_does_not_change_its_share(house: House, owner: Person) -> None:
    assert owner.can("get", "resourcequotas", "-n", SPACES[0])
    for verb in ("create", "update", "patch", "delete"):
        assert not owner.can(verb, "resourcequotas", "-n", SPACES[0])
        assert not owner.can(verb, "limitranges", "-n", SPACES[0])
    wish = 'field.cattle.io/resourceQuota={"limit":{"services":"100"}}'
    assert owner.kubectl("annotate", "--overwrite", "namespace", SPACES[1], wish).code == 0
    soon(lambda: shares(house)[1] == "0", "what does not fit is not given")
    wish = 'field.cattle.io/resourceQuota={"limit":{"services":"1"}}'
    assert owner.kubectl("annotate", "--overwrite", "namespace", SPACES[1], wish).code == 0
    soon(lambda: shares(house) == ["2", "1", "0"], "the share is back")


def test_containers_get_the_projects_defaults(house: House, owner: Person) -> None:
    assert owner.kubectl("create", "-n", SPACES[0], "-f", "-", stdin=json.dumps(POD)).code == 0
    made = owner.kubectl("get", "pod", "pod", "-n", SPACES[0], "-o", "json").json
    assert made["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "500m", "memory": str(64 * 2**20)},
        "requests": {"cpu": "100m", "memory": str(64 * 2**20)},
    }


def test_a_changed_quota_is_shared_anew_and_none_takes_it_away(house: House, owner: Person, project: str) -> None:
    for spec, expected in (
        (quota("5", "2"), ["2", "1", "2"]),
        ({"resourceQuota": None, "namespaceDefaultResourceQuota": None}, ["", "", ""]),
    ):
        assert house.admin.put(f"/v3/projects/{project}", json=spec).status_code == 200
        soon(partial(_shared, house, expected), f"the shares are {expected}")
    assert serve(owner, SPACES[2], "free").code == 0


def test_a_namespace_that_leaves_takes_neither_along(house: House, owner: Person, project: str) -> None:
    move = f"/v3/cluster/{house.imported.id}/namespaces/{SPACES[0]}?action=move"
    assert house.admin.post(move, json={"projectId": None}).status_code == 200
    left = "resourcequotas,limitranges,rolebindings"
    eventually(
        lambda: not house.cluster.kubectl("get", left, "-n", SPACES[0], "-l", "lariat.io/owner", "-o", "name").out,
        "nothing of the project is left in it",
    )
