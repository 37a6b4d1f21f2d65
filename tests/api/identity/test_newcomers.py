"""Rights for somebody who has never logged in: naming the principal makes the user, and the first login finds it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.identity.house import House
from tests.support.server import Caller
from tests.support.slapd import BOB, COMMA, GROUPS

PRINCIPALS = {"openldap": f"openldap_user://{BOB}", "oidc": "oidc_user://s-2"}
DEVS = f"openldap_group://cn=devs,{GROUPS}"
ROLES = {"cluster": "cluster-member", "project": "read-only"}


def place(house: House, kind: str) -> tuple[str, dict[str, Any]]:
    """Where to bind somebody, and how."""
    cluster = house.admin.make("/v3/clusters", {"name": "one"})["id"]
    where = {"clusterId": cluster}
    if kind == "project":
        where = {"projectId": house.admin.make("/v3/projects", {**where, "name": "p"})["id"]}
    return f"/v3/{kind}roletemplatebindings", {**where, "roleTemplateId": ROLES[kind]}


def person(house: House, name: str, *roles: str) -> Caller:
    caller = house.server.user(name)
    for role in roles:
        house.admin.make("/v3/globalrolebindings", {"userId": caller.user, "globalRoleId": role})
    return caller


def users(house: House) -> list[str]:
    return house.admin.get("/v3/users").ids


@pytest.mark.parametrize("kind", ["cluster", "project"])
@pytest.mark.parametrize("provider", ["openldap", "oidc"])
def test_a_binding_makes_the_user(house: House, provider: str, kind: str) -> None:
    # Nobody is admitted but members.
    house.enable(provider, accessMode="restricted")
    # Whoever tries the provider out is known by it from then on.
    house.issuer.subject = "s-2"
    url, body = place(house, kind)
    made = house.admin.make(url, {**body, "userPrincipalId": PRINCIPALS[provider]})
    user = house.admin.get(f"/v3/users/{made['userId']}").json
    assert user["principalIds"] == [PRINCIPALS[provider], f"local://{user['id']}"]
    assert house.admin.get(f"/v3/globalrolebindings?userId={user['id']}").json["data"][0]["globalRoleId"] == "user"
    again = house.admin.make(url, {**body, "userPrincipalId": PRINCIPALS[provider]})
    assert again["userId"] == made["userId"]
    caller = house.caller(provider, "bob" if provider == "openldap" else "")
    assert caller.user == made["userId"]
    assert len(caller.get("/v3/clusters").ids) == 1


@pytest.mark.parametrize(
    "principal",
    ["openldap_user://uid=nobody,dc=example,dc=org", DEVS, "github_user://1", "local://u-nope", "bob", "x://y", 7],
)
def test_what_is_no_user(house: House, principal: Any) -> None:
    house.enable("openldap")
    url, body = place(house, "cluster")
    before = users(house)
    assert house.admin.post(url, {**body, "userPrincipalId": principal}).error[0] == 422
    assert users(house) == before


def test_who_may_not_give_the_role_makes_no_user(house: House) -> None:
    house.enable("openldap")
    url, body = place(house, "cluster")
    holder = person(house, "holder", "user")
    house.admin.make(url, {**body, "userId": holder.user, "roleTemplateId": "clusterroletemplatebindings-manage"})
    before = users(house)
    named = {"userPrincipalId": PRINCIPALS["openldap"]}
    assert holder.post(url, {**body, **named, "roleTemplateId": "cluster-owner"}).status == 403
    assert holder.post(url, {**body, **named, "userId": holder.user}).status == 403
    assert users(house) == before


def test_a_principal_of_one_user_is_no_other(house: House) -> None:
    house.enable("openldap")
    smith = house.caller("openldap", "jsmith")
    url, body = place(house, "cluster")
    other = {**body, "userId": house.admin.user, "userPrincipalId": f"openldap_user://{COMMA}"}
    assert house.admin.post(url, other).error == (422, "InvalidReference", "userPrincipalId")
    assert house.admin.make(url, {**other, "userId": smith.user})["userId"] == smith.user


def member(house: House, group: str, principal: str) -> Any:
    return house.admin.make("/v3/groupmembers", {"groupId": group, "principalId": principal})


@pytest.mark.parametrize("principal", [PRINCIPALS["openldap"], DEVS])
def test_a_local_group_of_a_providers_people(house: House, principal: str) -> None:
    """Of one who has not logged in yet, and of all who are in a provider's group."""
    house.enable("openldap", accessMode="restricted")
    url, body = place(house, "cluster")
    group = house.admin.make("/v3/groups", {"name": "ops"})["id"]
    house.admin.make(url, {**body, "groupId": group})
    made = member(house, group, principal)
    assert bool(made["userId"]) is (principal != DEVS)
    who = "bob" if made["userId"] else "jsmith"
    caller = house.caller("openldap", who)
    assert len(caller.get("/v3/clusters").ids) == 1
    house.admin.delete(f"/v3/groupmembers/{made['id']}")
    assert caller.get("/v3/clusters").json.get("data", []) == []


def power(house: House, who: Caller) -> list[int]:
    """What somebody who manages users is answered who wants to act on another one."""
    manager = person(house, "manager", "user", "users-manage")
    url = f"/v3/users/{who.user}"
    disabled = manager.put(url, {"enabled": False}).status
    return [manager.post(f"{url}?action=setpassword", {"newPassword": "a new long one"}).status, disabled]


@pytest.mark.parametrize("through", ["provider", "local", "nothing"])
def test_a_group_protects_its_members_from_who_may_less(house: House, through: str) -> None:
    house.enable("openldap")
    smith = house.caller("openldap", "jsmith")
    if through == "provider":
        house.admin.make("/v3/globalrolebindings", {"groupPrincipalId": DEVS, "globalRoleId": "admin"})
    if through == "local":
        url, body = place(house, "cluster")
        group = house.admin.make("/v3/groups", {"name": "ops"})["id"]
        house.admin.make(url, {**body, "groupId": group, "roleTemplateId": "cluster-owner"})
        member(house, group, f"local://{smith.user}")
    assert power(house, smith) == ([200, 200] if through == "nothing" else [403, 403])
