"""Namespaces that come, move and go by the real kubectl through the proxy, and which project they are in."""

from __future__ import annotations

import pytest

from chalicelib.controllers.placement import PROJECT
from tests.e2e.house import House, Person, namespaced, soon
from tests.support.lariat import eventually

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def mine(house: House) -> str:
    return house.project("mine")


@pytest.fixture(scope="module")
def theirs(house: House) -> str:
    return house.project("theirs", "ns-theirs")


@pytest.fixture(scope="module")
def owner(house: House, mine: str, theirs: str) -> Person:
    """Owns one project, and only reads in the other."""
    person = Person(house, "ns-owner")
    house.bind(person, "project-owner", mine)
    house.bind(person, "read-only", theirs)
    soon(lambda: person.can("create", "namespaces"), "an owner makes namespaces")
    return person


@pytest.fixture(scope="module")
def other(house: House, theirs: str) -> Person:
    person = Person(house, "ns-other")
    house.bind(person, "project-owner", theirs)
    soon(lambda: person.can("create", "pods", "-n", "ns-theirs"), "the other one owns the other project")
    return person


def where(house: House, namespace: str) -> str:
    found = house.cluster.kubectl("get", "namespace", namespace, "-o", "json").json["metadata"]
    labels, annotations = found.get("labels") or {}, found.get("annotations") or {}
    project = str(annotations.get(PROJECT, ""))
    assert labels.get(PROJECT, "") == project.rpartition(":")[2]
    return project


def test_one_made_by_kubectl_is_usable_at_once(house: House, owner: Person, mine: str) -> None:
    manifest = namespaced("ns-made", mine)
    assert owner.kubectl("create", "-f", "-", stdin=manifest).code == 0
    soon(lambda: owner.can("create", "deployments.apps", "-n", "ns-made"), "its owner works in it")
    assert owner.may("create", "configmap", "one", "-n", "ns-made")
    assert where(house, "ns-made") == mine
    for how in (("apply",), ("apply", "--server-side", "--force-conflicts"), ("replace",)):
        assert owner.kubectl(*how, "-f", "-", stdin=manifest).code == 0
    assert where(house, "ns-made") == mine
    assert owner.may("delete", "namespace", "ns-made")


def test_nobody_makes_one_in_a_project_of_others(house: House, owner: Person, theirs: str) -> None:
    refused = owner.kubectl("create", "-f", "-", stdin=namespaced("ns-intruder", theirs))
    assert refused.code == 1
    assert f"you may not manage namespaces of project {theirs}" in refused.err
    assert house.cluster.kubectl("get", "namespace", "ns-intruder").code == 1


def test_one_in_no_project_is_nobodys(owner: Person) -> None:
    assert owner.kubectl("create", "-f", "-", stdin=namespaced("ns-nobodys")).code == 0
    assert not owner.can("create", "configmaps", "-n", "ns-nobodys")
    assert not owner.may("delete", "namespace", "ns-nobodys")


def test_to_move_one_needs_rights_in_both_projects(
    house: House, owner: Person, other: Person, mine: str, theirs: str
) -> None:
    assert owner.kubectl("create", "-f", "-", stdin=namespaced("ns-moved", mine)).code == 0
    soon(lambda: owner.can("create", "configmaps", "-n", "ns-moved"), "it is its owner's")
    move = f"/v3/cluster/{house.imported.id}/namespaces/ns-moved?action=move"
    for person, target in ((owner, theirs), (other, theirs), (other, mine)):
        assert person.kubectl("annotate", "--overwrite", "namespace", "ns-moved", f"{PROJECT}={target}").code == 1
        assert person.client.post(move, json={"projectId": target}).status_code in (403, 404)
    assert owner.client.post(move, json={"projectId": theirs}).status_code == 403
    assert where(house, "ns-moved") == mine
    house.bind(owner, "project-member", theirs)
    soon(lambda: owner.can("create", "configmaps", "-n", "ns-theirs"), "he is a member there too")
    assert owner.kubectl("annotate", "--overwrite", "namespace", "ns-moved", f"{PROJECT}={theirs}").code == 0
    soon(lambda: other.can("create", "configmaps", "-n", "ns-moved"), "it is the other project's")
    assert where(house, "ns-moved") == theirs
    assert not owner.can("create", "rolebindings", "-n", "ns-moved"), "a member does less than an owner"
    assert owner.client.post(move, json={"projectId": mine}).status_code == 200
    soon(lambda: owner.can("create", "rolebindings", "-n", "ns-moved"), "it is its owner's again")
    soon(lambda: not other.can("get", "configmaps", "-n", "ns-moved"), "and no longer the other's")


def test_what_somebody_writes_past_lariat_moves_nothing(
    house: House, owner: Person, other: Person, mine: str, theirs: str
) -> None:
    """A namespace says something else than Lariat knows: the next pass puts that right, and nobody gains anything."""
    assert owner.kubectl("create", "-f", "-", stdin=namespaced("ns-forged", mine)).code == 0
    soon(lambda: owner.can("create", "configmaps", "-n", "ns-forged"), "it is its owner's")
    for change in ("annotate", "label"):
        value = theirs if change == "annotate" else theirs.rpartition(":")[2]
        assert house.cluster.kubectl(change, "--overwrite", "namespace", "ns-forged", f"{PROJECT}={value}").code == 0
        assert owner.kubectl("create", "-f", "-", stdin=namespaced(f"ns-{change}", mine)).code == 0
        eventually(lambda: is_in(house, "ns-forged", mine), "it says again where it is")
    assert not other.can("get", "configmaps", "-n", "ns-forged")


@pytest.mark.parametrize("away", [False, True])
def test_a_deleted_project_takes_along_what_was_made_through_the_api(house: House, away: bool) -> None:
    """Also if its cluster can't be reached then: as soon as it is back. What kubectl made stays, in no project."""
    made, kept = f"ns-goes-{away}".lower(), f"ns-stays-{away}".lower()
    project = house.project(f"goes-{away}", kept)
    house.make(f"/v3/cluster/{house.imported.id}/namespaces", {"name": made, "projectId": project})
    eventually(lambda: is_in(house, kept, project) and is_in(house, made, project), "both are in the project")
    if away:
        house.imported.stop()
        house.imported.await_state("unavailable")
    assert house.admin.delete(f"/v3/projects/{project}").status_code in (200, 204)
    if away:
        house.imported.connect(house.cluster.kubeconfig)
    gone = ("get", "namespace", made)
    eventually(lambda: "NotFound" in house.cluster.kubectl(*gone).err, "what the API made is gone")
    eventually(lambda: where(house, kept) == "", "what kubectl made is nobody's")


def is_in(house: House, namespace: str, project: str) -> bool:
    found = house.cluster.kubectl("get", "namespace", namespace, "-o", "json").json["metadata"]
    said = ((found.get(part) or {}).get(PROJECT) for part in ("annotations", "labels"))
    return [*said] == [project, project.rpartition(":")[2]]
