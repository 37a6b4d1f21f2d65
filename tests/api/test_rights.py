"""What a console is told about what its user may do: links and actions, and ``/rights`` for all of it at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.auth.roles.access import VERBS
from tests.api.test_escalation import House
from tests.support.billed import BilledStore
from tests.support.server import BASE, Caller, Server, serving

ALL = ["delete", "get", "update"]
READ = ["get", "list", "watch"]


@pytest.fixture
def house(server: Server, admin: Caller) -> House:
    return House(server, admin)


def rights(caller: Caller, url: str) -> Any:
    reply = caller.get(f"{url}/rights")
    assert reply.status == 200, reply.body
    return reply.json


def test_an_owner_and_a_member_of_a_cluster(house: House) -> None:
    url = f"/v3/clusters/{house.cluster}"
    owner, member = house.member("owner", "cluster-owner"), house.member("member", "cluster-member")
    whole = rights(owner, url)
    assert whole["links"] == {"self": f"{BASE}{url}/rights", "resource": f"{BASE}{url}"}
    assert (whole["type"], whole["id"], whole["verbs"]) == ("rights", house.cluster, ALL)
    assert set(map(tuple, whole["inside"].values())) == {tuple(sorted(VERBS))}
    part = rights(member, url)
    assert part["verbs"] == ["get"]
    assert (part["inside"]["projects"], part["inside"]["nodes"]) == (["create"], READ)
    assert part["inside"]["clusterRegistrationTokens"] == []


@pytest.mark.parametrize(
    ("role", "verbs", "members"),
    [("project-owner", ALL, sorted(VERBS)), ("project-member", ["get"], READ), ("create-ns", ["get"], [])],
)
def test_members_of_a_project(house: House, role: str, verbs: list[str], members: list[str]) -> None:
    told = rights(house.member("member", role, project=True), f"/v3/projects/{house.project}")
    assert (told["verbs"], told["inside"]["projectRoleTemplateBindings"]) == (verbs, members)


def test_what_is_global_and_what_is_ones_own(house: House) -> None:
    told = rights(house.user("plain", "user"), "/v3")["inside"]
    assert (told["clusters"], told["roleTemplates"], told["globalRoles"]) == (["create"], READ, [])
    assert (told["tokens"], told["preferences"]) == (sorted(VERBS), sorted(VERBS))
    assert told["settings"] == READ
    assert rights(house.user("nobody"), "/v3")["inside"]["settings"] == ["get"]
    assert set(map(tuple, rights(house.admin, "/v3")["inside"].values())) == {tuple(sorted(VERBS))}


@pytest.mark.parametrize("role", ["cluster-owner", "cluster-member", "projects-view", "nodes-manage", "project-member"])
def test_what_is_told_is_what_is_done(house: House, role: str) -> None:
    """The answer, the links and what happens are one decision."""
    caller = house.member("caller", role, project=role == "project-member")
    for url in (f"/v3/clusters/{house.cluster}", f"/v3/projects/{house.project}"):
        shown, told = caller.get(url), caller.get(f"{url}/rights")
        assert shown.status == told.status
        if shown.status != 200:
            continue
        verbs = told.json["verbs"]
        assert ("update" in verbs, "delete" in verbs) == tuple(
            link in shown.json["links"] for link in ("update", "remove")
        )
        assert shown.json["links"]["rights"] == f"{BASE}{url}/rights"
        assert caller.put(url, {"name": "two"}).status == (200 if "update" in verbs else 403)
        project = caller.post("/v3/projects", {"clusterId": house.cluster, "name": "new"}).status
        if "projects" in told.json["inside"]:
            assert project == (201 if "create" in told.json["inside"]["projects"] else 403)


def test_actions_are_shown_to_who_may_ask_for_them(house: House) -> None:
    plain = house.user("plain")
    mine = f"/v3/users/{plain.user}"
    assert "actions" not in plain.get(mine).json
    assert "setpassword" in house.admin.get(mine).json["actions"]
    member = house.member("member", "cluster-member")
    url = f"/v3/clusters/{house.cluster}"
    assert list(member.get(url).json["actions"]) == ["generateKubeconfig"]
    assert member.post(f"{url}?action=generateKubeconfig").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("url", ["/v3/rights", "/v3/users/u-admin/rights"])
def test_rights_are_only_read(admin: Caller, url: str, method: str) -> None:
    assert admin.call(method, url, {}).status == 405


@pytest.mark.parametrize("url", ["/v3/clusters/c-nope", "/v3/users/u-admin", "/v3/nosuch/x", "/v3/clusters"])
def test_of_what_is_not_seen_nothing_is_told(admin: Caller, plain: Caller, url: str) -> None:
    assert plain.get(f"{url}/rights").status == 404


def test_nobody_is_told_anything(server: Server) -> None:
    assert server.nobody.get("/v3/rights").status == 401


def test_the_schema_is_there(plain: Caller) -> None:
    fields = plain.get("/v3/schemas/rights").json["resourceFields"]
    assert (fields["verbs"]["type"], fields["inside"]["type"]) == ("array[string]", "map[array[string]]")


@pytest.fixture
def billed(tmp_path: Path) -> Iterator[tuple[Server, BilledStore]]:
    with serving(tmp_path) as server:
        yield server, server.bill()


@pytest.mark.parametrize("url", ["/v3/clusters/{}", "/v3/users/{}"])
def test_it_costs_the_read_of_the_object_alone(billed: tuple[Server, BilledStore], url: str) -> None:
    server, store = billed
    admin = server.user("admin", administrator=True)
    cluster = admin.make("/v3/clusters", {"name": "one"})["id"]
    url = url.format(cluster if "clusters" in url else admin.user)
    rights(admin, url)
    store.counts.clear()
    rights(admin, url)
    rights(admin, "/v3")
    assert store.counts["calls"] == 1


@pytest.mark.parametrize("many", [1, 10, 50])
def test_a_list_tells_the_rights_to_all_without_a_read_for_each(billed: tuple[Server, BilledStore], many: int) -> None:
    server, store = billed
    admin = server.user("admin", administrator=True)
    for number in range(many):
        admin.make("/v3/clusters", {"name": f"c{number}"})
    admin.get("/v3/clusters")
    store.counts.clear()
    shown = admin.get("/v3/clusters").json["data"]
    assert len(shown) == many
    assert all("update" in each["links"] for each in shown)
    assert store.counts["calls"] == 1
