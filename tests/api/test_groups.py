"""Lariat's own groups, and global roles that groups hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.types import Key, Resource
from tests.support.server import Caller, Server

MEMBERS = "/v3/groupmembers"
BINDINGS = "/v3/globalrolebindings"
DENIED = (403, "PermissionDenied", "")


@pytest.fixture
def group(admin: Caller) -> str:
    return str(admin.make("/v3/groups", {"name": "ops"})["id"])


@pytest.fixture
def cluster(admin: Caller) -> str:
    return str(admin.make("/v3/clusters", {"name": "one"})["id"])


def bind(admin: Caller, cluster: str, group: str, role: str = "cluster-member") -> Any:
    body = {"clusterId": cluster, "groupId": group, "roleTemplateId": role}
    return admin.make("/v3/clusterroletemplatebindings", body)


def join(admin: Caller, group: str, user: str) -> Any:
    return admin.make(MEMBERS, {"groupId": group, "principalId": f"local://{user}"})


def groups(server: Server, caller: Caller) -> set[str]:
    return set(server.parts.authenticator.authenticate([caller.authorization]).groups)


@pytest.mark.parametrize("order", ["member first", "binding first"])
def test_members_have_what_the_group_has(
    server: Server, admin: Caller, plain: Caller, group: str, cluster: str, order: str
) -> None:
    steps: list[Callable[[], Any]] = [lambda: join(admin, group, plain.user), lambda: bind(admin, cluster, group)]
    assert plain.get("/v3/clusters").ids == []
    for step in steps if order == "member first" else steps[::-1]:
        step()
    assert plain.get("/v3/clusters").ids == [cluster]
    assert group in groups(server, plain), "clusters are told of it"


@pytest.mark.parametrize("what", ["member", "binding", "group", "user"])
def test_what_was_given_ends_with_each_part(
    server: Server, admin: Caller, plain: Caller, group: str, cluster: str, what: str
) -> None:
    member, binding = join(admin, group, plain.user), bind(admin, cluster, group)
    assert plain.get("/v3/clusters").ids == [cluster]
    ends = {"member": member["links"]["self"], "binding": binding["links"]["self"], "group": f"/v3/groups/{group}"}
    assert admin.delete(ends.get(what, f"/v3/users/{plain.user}")).status in (200, 204)
    if what == "user":
        assert admin.get(MEMBERS).ids == []
        assert server.resources.find("access", f"user/{plain.user}") is None
    else:
        assert plain.get("/v3/clusters").ids == []
    assert group in groups(server, plain) if what == "binding" else True


def test_other_processes_hear_of_a_membership(
    server: Server, admin: Caller, plain: Caller, group: str, cluster: str
) -> None:
    bind(admin, cluster, group)
    member = join(admin, group, plain.user)
    assert plain.get("/v3/clusters").ids == [cluster]
    server.telling = False
    admin.delete(member["links"]["self"])
    server.clock.advance(6)
    assert plain.get("/v3/clusters").ids == []


def test_two_memberships_of_one_end_with_the_second(admin: Caller, plain: Caller, group: str, cluster: str) -> None:
    bind(admin, cluster, group)
    first, second = (join(admin, group, plain.user) for _ in range(2))
    admin.delete(first["links"]["self"])
    assert plain.get("/v3/clusters").ids == [cluster]
    admin.delete(second["links"]["self"])
    assert plain.get("/v3/clusters").ids == []


def test_nobody_puts_himself_into_a_group_that_may_more(
    server: Server, admin: Caller, plain: Caller, group: str, cluster: str
) -> None:
    rules = [{"apiGroups": ["management.cattle.io"], "resources": ["groups", "groupmembers"], "verbs": ["*"]}]
    manages = admin.make("/v3/globalroles", {"name": "manages groups", "rules": rules})["id"]
    admin.make(BINDINGS, {"userId": plain.user, "globalRoleId": manages})
    other = server.user("other")
    member = plain.make(MEMBERS, {"groupId": group, "principalId": f"local://{other.user}"})
    bind(admin, cluster, group, "cluster-owner")
    body = {"groupId": group, "principalId": f"local://{plain.user}"}
    assert plain.post(MEMBERS, body).error == DENIED
    assert plain.get("/v3/clusters").ids == []
    assert plain.delete(member["links"]["self"]).error == DENIED, "nor takes others out of it"
    assert plain.delete(f"/v3/groups/{group}").error == DENIED, "nor all of them"
    assert other.get("/v3/clusters").ids == [cluster]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, (422, "MissingRequired", "groupId")),
        ({"groupId": "g-nope", "principalId": "local://u-plain"}, (422, "InvalidReference", "groupId")),
        ({"principalId": "local://u-nope"}, (422, "InvalidReference", "principalId")),
        ({"principalId": "system:masters"}, (422, "InvalidReference", "principalId")),
        ({"principalId": "openldap_group://cn=x"}, (422, "InvalidReference", "principalId")),
    ],
)
def test_what_makes_no_member(
    admin: Caller, plain: Caller, group: str, body: dict[str, Any], error: tuple[int, str, str]
) -> None:
    given = {"groupId": group, **body} if body else body
    assert admin.post(MEMBERS, given).error == error


def test_a_member_does_not_become_another(admin: Caller, plain: Caller, group: str) -> None:
    member = join(admin, group, plain.user)
    changed = {"principalId": f"local://{admin.user}", "userId": admin.user, "groupId": "g-other"}
    assert admin.put(member["links"]["self"], changed).json == member


RED = "openldap_group://cn=red,dc=example,dc=org"


def of_red(server: Server, user: str) -> Caller:
    """A user's token that says that he is in the group, as one from a provider does."""
    caller = server.token(user)

    def told(token: Resource) -> Resource:
        return replace(token, spec={**token.spec, "groupPrincipals": [RED]})

    server.resources.update(Key("token", caller.token), told)
    return caller


def test_a_group_holds_a_global_role(server: Server, admin: Caller, plain: Caller) -> None:
    red = of_red(server, plain.user)
    assert red.get("/v3/users").ids == [plain.user]
    binding = admin.make(BINDINGS, {"groupPrincipalId": RED, "globalRoleId": "admin"})
    assert (binding["userId"], binding["groupPrincipalId"]) == (None, RED)
    assert len(red.get("/v3/users").ids) == 2
    assert plain.get("/v3/users").ids == [plain.user], "his other token does not say so"
    assert admin.get(f"{BINDINGS}?groupPrincipalId={RED}").ids == [binding["id"]]
    assert admin.delete(binding["links"]["self"]).status == 204
    assert red.get("/v3/users").ids == [plain.user]


def test_only_who_may_as_much_gives_a_global_role_to_a_group(server: Server, admin: Caller, plain: Caller) -> None:
    admin.make(BINDINGS, {"userId": plain.user, "globalRoleId": "users-manage"})
    assert plain.post(BINDINGS, {"groupPrincipalId": RED, "globalRoleId": "admin"}).error == DENIED


def test_a_group_is_no_last_administrator(server: Server, admin: Caller) -> None:
    admin.make(BINDINGS, {"groupPrincipalId": RED, "globalRoleId": "admin"})
    assert admin.delete(f"{BINDINGS}/grb-admin").error == (422, "InvalidAction", "")
