"""Nobody gives what they do not have: through roles, bindings, or the accounts of others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.server import Caller, Server

EVERYTHING = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
PODS = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
DENIED = (403, "PermissionDenied", "")


class House:
    """An administrator's cluster and project, and users who hold something of it."""

    def __init__(self, server: Server, admin: Caller) -> None:
        self.server, self.admin = server, admin
        self.cluster = str(admin.make("/v3/clusters", {"name": "one"})["id"])
        self.project = str(admin.make("/v3/projects", {"clusterId": self.cluster, "name": "p"})["id"])

    def user(self, name: str, *roles: str) -> Caller:
        caller = self.server.user(name)
        for role in roles:
            self.admin.make("/v3/globalrolebindings", {"userId": caller.user, "globalRoleId": role})
        return caller

    def member(self, name: str, role: str, *, project: bool = False, globally: str = "user") -> Caller:
        caller = self.user(name, globally)
        self.admin.make(*self.binding(caller, role, project=project))
        return caller

    def binding(self, caller: Caller, role: str, *, project: bool = False) -> tuple[str, dict[str, Any]]:
        kind, where = ("project", self.project) if project else ("cluster", self.cluster)
        return f"/v3/{kind}roletemplatebindings", {
            f"{kind}Id": where,
            "userId": caller.user,
            "roleTemplateId": role,
        }


@pytest.fixture
def house(server: Server, admin: Caller) -> House:
    return House(server, admin)


@pytest.mark.parametrize(
    ("mine", "given", "project", "status"),
    [
        ("cluster-owner", "cluster-owner", False, 201),
        ("cluster-owner", "nodes-view", False, 201),
        ("cluster-owner", "project-owner", True, 201),
        ("clusterroletemplatebindings-manage", "nodes-view", False, 403),
        ("clusterroletemplatebindings-manage", "cluster-owner", False, 403),
        ("cluster-member", "cluster-member", False, 403),
    ],
)
def test_what_a_member_of_a_cluster_may_give(house: House, mine: str, given: str, project: bool, status: int) -> None:
    holder, other = house.member("holder", mine), house.user("other")
    assert holder.post(*house.binding(other, given, project=project)).status == status


@pytest.mark.parametrize(
    ("mine", "given", "status"),
    [
        ("project-owner", "project-member", 201),
        ("project-owner", "read-only", 201),
        ("project-owner", "project-owner", 201),
        ("projectroletemplatebindings-manage", "project-owner", 403),
        ("project-member", "read-only", 403),
    ],
)
def test_what_a_member_of_a_project_may_give(house: House, mine: str, given: str, status: int) -> None:
    holder, other = house.member("holder", mine, project=True), house.user("other")
    assert holder.post(*house.binding(other, given, project=True)).status == status
    assert holder.post(*house.binding(other, "cluster-owner")).status == 403


def test_a_binding_does_not_grow_by_an_update(house: House) -> None:
    holder = house.member("holder", "projectroletemplatebindings-manage", project=True)
    url, body = house.binding(house.user("other"), "projectroletemplatebindings-manage", project=True)
    made = holder.make(url, body)
    changed = holder.put(f"{url}/{made['id']}", {"roleTemplateId": "project-owner"})
    assert changed.error == DENIED
    assert house.admin.get(f"{url}/{made['id']}").json["roleTemplateId"] == body["roleTemplateId"]


@pytest.mark.parametrize("path", ["/v3/roletemplates", "/v3/globalroles"])
def test_a_role_allows_no_more_than_its_writer_may(house: House, path: str) -> None:
    rules = [{"apiGroups": ["management.cattle.io"], "resources": ["roletemplates", "globalroles"], "verbs": ["*"]}]
    manages = house.admin.make("/v3/globalroles", {"name": "manages roles", "rules": rules})["id"]
    holder = house.user("holder", manages)
    assert holder.post(path, {"name": "all", "rules": EVERYTHING}).error == DENIED
    assert holder.post(path, {"name": "pods", "rules": PODS}).error == DENIED
    made = holder.make(path, {"name": "mine", "rules": rules})
    assert holder.put(made["links"]["self"], {"rules": EVERYTHING}).error == DENIED
    if path == "/v3/roletemplates":
        assert holder.post(path, {"name": "heir", "roleTemplateIds": ["cluster-owner"]}).error == DENIED
        assert holder.post(path, {"name": "external", "external": True}).error == DENIED


def test_who_manages_users_makes_no_administrator(house: House) -> None:
    holder, other = house.user("holder", "users-manage"), house.user("other")
    assert holder.post("/v3/globalrolebindings", {"userId": holder.user, "globalRoleId": "admin"}).error == DENIED
    assert holder.post("/v3/globalrolebindings", {"userId": other.user, "globalRoleId": "users-manage"}).status == 201
    assert holder.delete("/v3/globalrolebindings/grb-admin").error == DENIED


@pytest.mark.parametrize("action", ["setpassword", "disable", "delete"])
def test_who_manages_users_has_no_power_over_those_who_may_more(house: House, action: str) -> None:
    holder, owner = house.user("holder", "users-manage"), house.member("owner", "cluster-owner")
    for target, status in ((house.admin.user, 403), (owner.user, 403), (house.user("weak").user, 200)):
        url = f"/v3/users/{target}"
        match action:
            case "setpassword":
                reply = holder.post(f"{url}?action=setpassword", {"newPassword": "a new long password"})
            case "disable":
                reply = holder.put(url, {"enabled": False})
            case _:
                reply = holder.delete(url)
        assert reply.status in ((403,) if status == 403 else (200, 204)), reply.body


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"roleTemplateId": "project-owner"}, (422, "InvalidBodyContent", "roleTemplateId")),
        ({"roleTemplateId": "nosuch"}, (422, "InvalidReference", "roleTemplateId")),
        ({"roleTemplateId": "nodes-view", "userId": None}, (422, "InvalidBodyContent", "")),
    ],
)
def test_what_can_not_be_bound_in_a_cluster(house: House, body: Any, error: tuple[int, str, str]) -> None:
    url, good = house.binding(house.user("other"), "nodes-view")
    assert house.admin.post(url, good | body).error == error


def test_a_locked_role_is_given_to_nobody_any_more(house: House) -> None:
    url, body = house.binding(house.user("other"), "nodes-view")
    assert house.admin.put("/v3/roletemplates/nodes-view", {"locked": True, "name": "x"}).json["locked"] is True
    assert house.admin.post(url, body).error == (422, "InvalidState", "roleTemplateId")
    assert house.admin.get("/v3/roletemplates/nodes-view").json["name"] == "View Nodes"


def test_a_role_that_others_inherit_from_stays(house: House) -> None:
    parent = house.admin.make("/v3/roletemplates", {"name": "parent", "rules": PODS})
    heir = house.admin.make("/v3/roletemplates", {"name": "heir", "roleTemplateIds": [parent["id"]]})
    assert "remove" not in house.admin.get(parent["links"]["self"]).json["links"]
    assert house.admin.delete(parent["links"]["self"]).error[0] == 409
    circle = house.admin.put(parent["links"]["self"], {"roleTemplateIds": [heir["id"]]})
    assert circle.error == (422, "InvalidReference", "roleTemplateIds")
    assert house.admin.delete(heir["links"]["self"]).status == 204
    assert house.admin.delete(parent["links"]["self"]).status == 204


def test_shipped_roles_stay(house: House) -> None:
    for url in ("/v3/roletemplates/cluster-owner", "/v3/globalroles/admin"):
        assert house.admin.get(url).json["builtin"] is True
        assert house.admin.delete(url).status == 403


def test_the_last_administrator_stays(house: House) -> None:
    url = "/v3/globalrolebindings/grb-admin"
    assert house.admin.delete(url).error == (422, "InvalidAction", "")
    second = house.user("second", "admin")
    assert house.admin.put(f"/v3/users/{second.user}", {"enabled": False}).status == 200
    assert house.admin.delete(url).error == (422, "InvalidAction", "")
    assert house.admin.put(f"/v3/users/{second.user}", {"enabled": True}).status == 200
    assert house.admin.delete(url).status == 204
