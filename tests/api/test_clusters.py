"""The life of a cluster, as far as the API goes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from chalicelib.controllers import readiness
from chalicelib.schema.kinds import CLUSTER_CONTEXT
from chalicelib.schema.kinds.clusters import NO_ENGINE
from chalicelib.types import Key, Resource
from tests.support.server import BASE, Caller, Server
from tests.support.transport import MemoryTransport

TAKEN = (422, "NotUnique", "Cluster name")


@pytest.fixture
def one(admin: Caller) -> Any:
    return admin.make("/v3/clusters", {"name": "one"})


def path(cluster: Any) -> str:
    return f"/v3/clusters/{cluster['id']}"


def test_a_new_cluster_waits_for_its_agent(one: Any) -> None:
    assert (one["state"], one["transitioning"]) == ("pending", "yes")
    assert "run the command of a cluster registration token" in one["transitioningMessage"]


def test_one_that_somebody_would_have_to_make_says_so(admin: Caller, one: Any) -> None:
    nodes = [{"address": "192.0.2.7", "user": "root", "role": ["etcd"]}]
    made = admin.make("/v3/clusters", {"name": "two", "rancherKubernetesEngineConfig": {"nodes": nodes}})
    for cluster, expected in ((made, [("False", NO_ENGINE)]), (one, [])):
        unmet = [condition for condition in cluster["conditions"] if condition["type"] == "Implemented"]
        assert [(condition["status"], condition["message"]) for condition in unmet] == expected


def test_a_new_cluster_has_an_id_of_its_own(one: Any) -> None:
    assert re.fullmatch(r"c-[bcdfghjklmnpqrstvwxz2456789]{5}", one["id"])
    assert one["links"]["self"] == f"{BASE}/v3/clusters/{one['id']}"


def test_the_answer_to_the_creation_is_what_is_read_afterwards(admin: Caller, one: Any) -> None:
    assert admin.get(path(one)).json == one


def test_who_and_when(admin: Caller, one: Any) -> None:
    assert one["creatorId"] == admin.user
    assert (one["created"], one["createdTS"]) == ("2026-11-24T08:00:00Z", 1_795_507_200_000)
    assert len(one["uuid"]) == 36
    assert one["labels"] == {"cattle.io/creator": "norman"}


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "MissingRequired", "Cluster name"),
        ({"name": ""}, "MissingRequired", "Cluster name"),
        ({"name": "  "}, "MissingRequired", "Cluster name"),
        ({"name": None}, "MissingRequired", "Cluster name"),
        ({"name": "Two"}, "InvalidFormat", "name"),
        ({"name": "-two"}, "InvalidFormat", "name"),
        ({"name": "two."}, "InvalidFormat", "name"),
        ({"name": "t" * 64}, "InvalidFormat", "name"),
        ({"name": ["two"]}, "InvalidFormat", "name"),
        ({"name": "two", "description": "x" * 4097}, "MaxLengthExceeded", "description"),
        ({"name": "two", "description": {}}, "InvalidFormat", "description"),
    ],
)
def test_what_makes_no_cluster(admin: Caller, body: Any, code: str, field: str) -> None:
    assert admin.post("/v3/clusters", body).error == (422, code, field)
    assert admin.get("/v3/clusters").ids == []


def test_read_only_and_unknown_fields_are_ignored(admin: Caller) -> None:
    body = {"name": "two", "id": "c-mine", "internal": True, "driver": "rke", "state": "active", "nosuch": {"x": 1}}
    made = admin.make("/v3/clusters", body)
    assert made["id"] != "c-mine"
    assert (made["internal"], made["driver"], made["state"]) == (False, None, "pending")
    assert "nosuch" not in made


def test_a_name_is_taken_once(admin: Caller, one: Any) -> None:
    assert admin.post("/v3/clusters", {"name": "one"}).error == TAKEN


def test_a_name_is_taken_in_every_case(server: Server, admin: Caller) -> None:
    """The API makes no names in capitals, but who gave the cluster at the start may have."""
    server.resources.create(Resource(kind="cluster", id="local", spec={"name": "Local"}, unique=("clustername/local",)))
    assert admin.post("/v3/clusters", {"name": "local"}).error == TAKEN


def test_renaming(admin: Caller, one: Any) -> None:
    assert admin.put(path(one), {"name": "two"}).json["name"] == "two"
    assert admin.get(path(one)).json["name"] == "two"


def test_renaming_frees_the_old_name(admin: Caller, one: Any) -> None:
    admin.put(path(one), {"name": "two"})
    admin.make("/v3/clusters", {"name": "one"})


def test_renaming_takes_the_new_name(admin: Caller, one: Any) -> None:
    admin.put(path(one), {"name": "two"})
    assert admin.post("/v3/clusters", {"name": "two"}).error == TAKEN


def test_renaming_to_a_taken_name(admin: Caller, one: Any) -> None:
    two = admin.make("/v3/clusters", {"name": "two"})
    assert admin.put(path(two), {"name": "one"}).error == TAKEN
    assert admin.get(path(two)).json == two


def test_an_update_may_repeat_the_name(admin: Caller, one: Any) -> None:
    assert admin.put(path(one), {"name": "one", "description": "mine"}).status == 200


@pytest.mark.parametrize("body", [{}, {"description": "mine"}, {"name": ""}, {"name": None}])
def test_an_update_needs_the_name(admin: Caller, one: Any, body: Any) -> None:
    assert admin.put(path(one), body).error == (422, "MissingRequired", "Cluster name")
    assert admin.get(path(one)).json == one


def test_an_update_merges(admin: Caller, one: Any) -> None:
    admin.put(path(one), {"name": "one", "description": "mine"})
    assert admin.put(path(one), {"name": "two"}).json["description"] == "mine"


def test_the_whole_resource_may_be_sent_back(admin: Caller, one: Any) -> None:
    assert admin.put(path(one), one).json == one


def test_deletion(admin: Caller, one: Any) -> None:
    reply = admin.delete(path(one))
    assert (reply.status, reply.body) == (204, b"")
    assert admin.get(path(one)).status == 404
    assert admin.get("/v3/clusters").ids == []


def test_an_unreachable_cluster_can_be_deleted(server: Server, admin: Caller, one: Any) -> None:
    now = "2026-11-24T08:00:00Z"
    key = Key("cluster", one["id"])
    server.resources.update(key, lambda stored: readiness.ready(stored, now))
    server.resources.update(key, lambda stored: readiness.unavailable(stored, "AgentDisconnected", "gone", now))
    assert admin.get(path(one)).json["state"] == "unavailable"
    assert admin.delete(path(one)).json["state"] == "removing"
    transport, queued = MemoryTransport(), list[Key]()
    assert server.parts.reconciler(transport, queued.extend).reconcile(key) is None
    assert admin.get(path(one)).status == 404


def test_deletion_takes_the_registration_tokens_along(server: Server, admin: Caller, one: Any) -> None:
    other = admin.make("/v3/clusters", {"name": "two"})
    for cluster in (one, one, other):
        admin.make("/v3/clusterregistrationtokens", {"clusterId": cluster["id"]})
    admin.delete(path(one))
    left = admin.get("/v3/clusterregistrationtokens").json["data"]
    assert [token["clusterId"] for token in left] == [other["id"]]


def test_a_deleted_name_can_be_used_again(admin: Caller, one: Any) -> None:
    admin.delete(path(one))
    again = admin.make("/v3/clusters", {"name": "one"})
    assert again["id"] != one["id"]


def test_deleting_twice(admin: Caller, one: Any) -> None:
    admin.delete(path(one))
    assert admin.delete(path(one)).status == 404


@pytest.fixture
def internal(server: Server) -> Resource:
    return server.resources.create(Resource(kind="cluster", id="local", spec={"name": "local", "internal": True}))


def test_the_cluster_given_at_the_start_stays(admin: Caller, internal: Resource) -> None:
    assert admin.delete("/v3/clusters/local").error == (405, "MethodNotAllow", "")
    assert admin.get("/v3/clusters/local").status == 200


def test_what_can_not_be_deleted_has_no_such_link(admin: Caller, internal: Resource) -> None:
    links = admin.get("/v3/clusters/local").json["links"]
    assert "update" in links
    assert "remove" not in links


def test_links_and_actions_lead_somewhere(admin: Caller, one: Any) -> None:
    itself = f"{BASE}/v3/clusters/{one['id']}"
    assert {name for name, url in one["links"].items() if url == itself} == {"self", "update", "remove"}
    inside = {kind.plural for kind in CLUSTER_CONTEXT.kinds}
    for name, url in one["links"].items():
        # Nobody has connected the cluster yet.
        assert admin.get(url).status == (503 if name in inside else 200), url
    assert one["actions"] == {"generateKubeconfig": f"{BASE}/v3/clusters/{one['id']}?action=generateKubeconfig"}
    assert admin.post(one["actions"]["generateKubeconfig"]).status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
def test_others_see_no_cluster(plain: Caller, one: Any, method: str) -> None:
    query = "?action=generateKubeconfig" if method == "POST" else ""
    reply = plain.call(method, path(one) + query, {"name": "mine"})
    assert reply.error == (404, "NotFound", "")


def test_others_create_no_cluster(plain: Caller) -> None:
    assert plain.post("/v3/clusters", {"name": "mine"}).error == (403, "PermissionDenied", "")


def test_whoever_creates_a_cluster_owns_it_until_the_binding_goes(admin: Caller, plain: Caller) -> None:
    admin.make("/v3/globalrolebindings", {"userId": plain.user, "globalRoleId": "user"})
    mine = plain.make("/v3/clusters", {"name": "mine"})
    assert plain.get("/v3/clusters").ids == [mine["id"]]
    assert plain.put(path(mine), {"name": "new"}).status == 200
    bindings = plain.get(f"/v3/clusterroletemplatebindings?clusterId={mine['id']}").ids
    assert bindings == [f"{mine['id']}:creator-cluster-owner"]
    assert admin.delete(f"/v3/clusterroletemplatebindings/{bindings[0]}").status == 204
    assert plain.put(path(mine), {"name": "newer"}).status == 403
    for project in admin.get(f"/v3/clusters/{mine['id']}/projects").ids:
        name = f"{project.partition(':')[2]}:creator-project-owner"
        assert admin.delete(f"/v3/projectroletemplatebindings/{name}").status == 204
    assert plain.get(path(mine)).status == 404


def test_a_new_cluster_has_its_projects_and_says_so(admin: Caller) -> None:
    made = admin.make("/v3/clusters", {"name": "new"})
    projects = admin.get(f"/v3/clusters/{made['id']}/projects").json["data"]
    assert sorted(each["name"] for each in projects) == ["Default", "System"]
    told = {condition["type"] for condition in made["conditions"] if condition["status"] == "True"}
    assert {"DefaultProjectCreated", "SystemProjectCreated", "InitialRolesPopulated", "CreatorMadeOwner"} <= told
    system = next(each for each in projects if each["name"] == "System")
    assert "remove" not in system["links"]
    assert admin.delete(f"/v3/projects/{system['id']}").status == 405
