"""Namespaces, and who may put them into which project."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib.clusters.desired import place, placement
from chalicelib.controllers.placement import PROJECT
from tests.api.live.conftest import Scene
from tests.support.lariat import eventually
from tests.support.server import Caller, Reply

pytestmark = pytest.mark.cluster
URL = "/v3/cluster/c-1/namespaces"


def test_one_without_a_name_or_project(admin: Caller) -> None:
    made = admin.make(URL, {})
    assert made["id"].startswith("n-")
    assert made["projectId"] is None
    assert list(made["actions"]) == ["move"]


@pytest.mark.parametrize("project", ["c-1:p-nope", "c-2:p-nope", "nonsense"])
def test_a_project_that_is_not_there(admin: Caller, project: str) -> None:
    assert admin.post(URL, {"projectId": project}).status == 404


def test_it_moves(scene: Scene, admin: Caller) -> None:
    made = admin.make(URL, {"projectId": scene.home})
    itself, move = made["links"]["self"], made["actions"]["move"]
    assert placement(scene.server.resources, "c-1")[made["uuid"]] == scene.home, "before anybody looks at the cluster"
    scene.cluster.kubectl("-n", made["id"], "create", "configmap", "one")
    assert f"{made['id']}:one" in admin.get(scene.url("configMaps")).ids
    moved = admin.post(move, {"projectId": scene.other})
    assert (moved.status, moved.body) == (200, b"")
    assert admin.get(itself).json["projectId"] == scene.other
    assert placement(scene.server.resources, "c-1")[made["uuid"]] == scene.other
    assert f"{made['id']}:one" not in admin.get(scene.url("configMaps")).ids
    assert f"{made['id']}:one" in admin.get(scene.url("configMaps", scene.other)).ids
    assert admin.post(move, {"projectId": None}).status == 200
    assert admin.get(itself).json["projectId"] is None
    assert admin.post(move, {"projectId": "c-1:p-nope"}).status == 404
    assert admin.post(move, {}).error == (422, "MissingRequired", "projectId")


def test_an_update_does_not_move_it(scene: Scene, admin: Caller) -> None:
    made = admin.make(URL, {"projectId": scene.home})
    for change in ({"projectId": scene.other}, {"annotations": {"field.cattle.io/projectId": scene.other}}):
        assert admin.put(made["links"]["self"], change).json["projectId"] == scene.home


def test_each_change_has_the_cluster_looked_at(scene: Scene, admin: Caller) -> None:
    resources, looked_at = scene.server.resources, []
    made = admin.make(URL, {})
    itself = made["links"]["self"]
    changes: list[Callable[[], Reply]] = [
        lambda: admin.put(itself, {"description": "changed"}),
        lambda: admin.post(made["actions"]["move"], {"projectId": scene.home}),
        lambda: admin.delete(itself),
        lambda: admin.get(URL),
    ]
    for change in changes:
        before = set(resources.ids("notice"))
        assert change().status in (200, 204)
        fresh = [each for each in resources.all("notice") if each.id not in before]
        looked_at.append([each.spec.get("place") for each in fresh])
    assert looked_at == [["c-1"], ["c-1"], ["c-1"], []]


def test_a_project_with_a_quota_takes_none(scene: Scene, admin: Caller) -> None:
    quota = {"limit": {"pods": "2"}}
    body = {"name": "tight", "clusterId": "c-1", "resourceQuota": quota, "namespaceDefaultResourceQuota": quota}
    project = admin.make("/v3/projects", body)["id"]
    made = admin.make(URL, {})
    assert admin.post(made["actions"]["move"], {"projectId": project}).error[:2] == (422, "InvalidAction")


def test_rights_in_the_cluster_are_none_in_a_project(scene: Scene) -> None:
    """Who may change namespaces in a cluster can still not take them out of, or put them into, others' projects."""
    mighty = scene.server.user("mighty")
    scene.enter("u-mighty")
    assert (
        scene.cluster.kubectl(
            "create", "clusterrolebinding", "mighty", "--clusterrole=cluster-admin", "--user=u-mighty"
        ).code
        == 0
    )
    free = mighty.make(URL, {})
    assert mighty.post(URL, {"projectId": scene.home}).error[:2] == (403, "PermissionDenied")
    assert mighty.post(free["actions"]["move"], {"projectId": scene.home}).error[:2] == (403, "PermissionDenied")
    taken = f"{URL}/{scene.inside}?action=move"
    assert mighty.post(taken, {"projectId": None}).error[:2] == (403, "PermissionDenied")


def test_who_owns_a_project_has_namespaces_in_it_and_in_no_other(scene: Scene, admin: Caller) -> None:
    owner = scene.server.user("owner")
    body = {"projectId": scene.home, "userId": "u-owner", "roleTemplateId": "project-owner"}
    admin.make("/v3/projectroletemplatebindings", body)
    scene.cluster.kubectl("create", "clusterrole", "owning", "--verb=create,get,update", "--resource=namespaces")
    scene.cluster.kubectl("create", "clusterrolebinding", "owning", "--clusterrole=owning", "--user=u-owner")
    made = owner.make(URL, {"projectId": scene.home})
    assert owner.post(URL, {"projectId": scene.other}).error[:2] == (403, "PermissionDenied")
    sly = owner.make(URL, {"projectId": None, "annotations": {PROJECT: scene.other}, "labels": {PROJECT: "p-x"}})
    assert sly["projectId"] is None
    assert owner.post(made["actions"]["move"], {"projectId": scene.other}).error[:2] == (403, "PermissionDenied")
    assert owner.post(made["actions"]["move"], {"projectId": None}).status == 200


def test_what_a_namespace_says_of_itself_moves_it_nowhere(scene: Scene, admin: Caller) -> None:
    """Who may change any namespace of the cluster can write into it that it is theirs; Lariat knows better."""
    sly = scene.server.user("sly")
    made = admin.make(URL, {"projectId": scene.other})
    place(scene.server.resources, "c-1", made["uuid"], scene.other, "")
    body = {"projectId": scene.home, "userId": "u-sly", "roleTemplateId": "project-owner"}
    admin.make("/v3/projectroletemplatebindings", body)
    scene.cluster.kubectl("create", "clusterrolebinding", "sly", "--clusterrole=cluster-admin", "--user=u-sly")
    note = f"{PROJECT}={scene.home}"
    assert scene.cluster.kubectl("annotate", "--overwrite", "namespace", made["id"], note, "--as=u-sly").code == 0
    assert sly.post(made["actions"]["move"], {"projectId": scene.home}).error[:2] == (403, "PermissionDenied")
    assert placement(scene.server.resources, "c-1")[made["uuid"]] == scene.other


def test_who_may_list_none_sees_those_that_he_may_read(scene: Scene, admin: Caller) -> None:
    member = scene.server.user("member")
    scene.enter("u-member")
    assert member.get(URL).ids == []
    read = ("--verb=get", "--resource=namespaces")
    scene.cluster.kubectl("create", "clusterrole", "reading", *read, f"--resource-name={scene.inside}")
    scene.cluster.kubectl("create", "clusterrolebinding", "reading", "--clusterrole=reading", "--user=u-member")
    for where in (scene.inside, "default"):  # a role inside of a namespace gives no other
        scene.cluster.kubectl("-n", where, "create", "role", "sly", *read, "--resource-name=kube-system")
        scene.cluster.kubectl("-n", where, "create", "rolebinding", "sly", "--role=sly", "--user=u-member")
    eventually(lambda: member.get(URL).ids == [scene.inside], "the member sees the namespace")
    shown, whole = (caller.get(f"{URL}?name={scene.inside}").json["data"] for caller in (member, admin))
    assert shown == whole
    assert member.get(f"{URL}/kube-system").status == 403


def test_backing_namespaces_are_hidden(scene: Scene, admin: Caller) -> None:
    made = admin.make(URL, {})
    note = "management.cattle.io/system-namespace=true"
    assert scene.cluster.kubectl("annotate", "namespace", made["id"], note).code == 0
    assert admin.get(made["links"]["self"]).status == 404
    assert made["id"] not in admin.get(URL).ids


def test_a_cluster_that_is_not_there(scene: Scene, admin: Caller) -> None:
    for path in (
        "/v3/cluster/c-nope/namespaces",
        "/v3/project/c-nope:p-x/pods",
        "/v3/clusters/c-nope/storageClasses/x",
    ):
        assert admin.get(path).error[:2] == (404, "NotFound")


def test_a_namespaces_quota_fits_in_its_projects(scene: Scene, admin: Caller) -> None:
    quota = {"resourceQuota": {"limit": {"pods": "10"}}, "namespaceDefaultResourceQuota": {"limit": {"pods": "4"}}}
    project = admin.make("/v3/projects", {"name": "limited", "clusterId": "c-1", **quota})["id"]

    def create(name: str, **limit: str) -> Reply:
        share = {"resourceQuota": {"limit": limit}} if limit else {}
        return admin.post(URL, {"name": f"quota-{name}", "projectId": project, **share})

    assert create("fits", pods="5").status == 201
    assert create("default").status == 201
    too_much = create("too-much", pods="2")
    assert too_much.error == (422, "MaxLimitExceeded", "resourceQuota")
    assert too_much.json["message"].endswith("exceeds projectLimit on fields: pods=2")
    assert create("no-default").error == (422, "MaxLimitExceeded", "resourceQuota")
    for amount in ("lots", "-5"):
        assert create("no-amount", pods=amount).error == (422, "InvalidFormat", "resourceQuota")
    assert create("other-terms", services="1").error == (422, "MissingRequired", "resourceQuota")
    fits = f"{URL}/quota-fits"
    assert admin.put(fits, {"resourceQuota": {"limit": {"pods": "7"}}}).error == (
        422,
        "MaxLimitExceeded",
        "resourceQuota",
    )
    assert admin.put(fits, {"resourceQuota": {"limit": {"pods": "6"}}}).status == 200
    assert admin.put(fits, {"description": "full, and still changed"}).status == 200
    assert create("none-left", pods="1").error == (422, "MaxLimitExceeded", "resourceQuota")
    assert scene.cluster.get("/api/v1/namespaces/quota-none-left").status_code == 404
