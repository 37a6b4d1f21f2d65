"""What a caller may not give himself: fields that are the server's, identities that are others', ids of his choice."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.schema.kinds import STORED
from chalicelib.types import Key
from tests.support.server import Caller, Server

SERVERS = {
    "id": "c-mine",
    "uuid": "mine",
    "creatorId": "u-plain",
    "created": "2000-01-01T00:00:00Z",
    "removed": "2000-01-01T00:00:00Z",
    "state": "active",
    "conditions": [{"type": "Ready", "status": "True"}],
    "internal": True,
    "builtin": True,
    "driver": "mine",
    "apiEndpoint": "https://evil.example",
    "caCert": "mine",
    "status": {"driver": "mine"},
    "sealed": {"serviceAccountToken": "mine"},
    "finalizers": ["mine"],
    "ownerReferences": [{"kind": "User", "name": "u-admin"}],
    "unique": ["username/admin"],
    "owner": ["user", "u-admin"],
    "version": 7,
    "labels": {"cattle.io/creator": "mine", "authn.management.cattle.io/token-userId": "u-admin"},
    "annotations": {"lifecycle.cattle.io/create": "mine"},
}
"""Fields of a cluster's, a role's or anything's that nobody sets by the API."""


@pytest.mark.parametrize("update", [False, True], ids=["create", "update"])
def test_fields_of_the_servers_own_are_not_set(server: Server, admin: Caller, update: bool) -> None:
    clean = server.resources.get("cluster", admin.make("/v3/clusters", {"name": "clean"})["id"])
    if update:
        id = admin.make("/v3/clusters", {"name": "one"})["id"]
        assert admin.put(f"/v3/clusters/{id}", {**SERVERS, "name": "one"}).status == 200
    else:
        id = admin.make("/v3/clusters", {**SERVERS, "name": "one"})["id"]
    stored = server.resources.get("cluster", id)
    assert id != SERVERS["id"]
    assert {**stored.spec, "name": ""} == {**clean.spec, "name": ""}
    for field in (
        "status",
        "sealed",
        "conditions",
        "labels",
        "annotations",
        "owner",
        "finalizers",
        "removed",
        "creator",
    ):
        assert getattr(stored, field) == getattr(clean, field), field
    assert stored.unique == ("clustername/one",)
    assert (stored.uid, stored.version) != (SERVERS["uuid"], SERVERS["version"])


@pytest.mark.parametrize(
    "body",
    [
        {"userId": "u-admin"},
        {"creatorId": "u-admin", "ownerReferences": [{"name": "u-admin"}]},
        {"groupPrincipals": ["system:masters"], "userPrincipal": "local://u-admin", "authProvider": "openldap"},
        {"labels": {"authn.management.cattle.io/token-userId": "u-admin"}},
        {"token": "token-mine:x", "status": {"keyHash": "x"}, "name": "token-mine", "id": "token-mine"},
    ],
)
def test_a_token_is_its_callers_whatever_is_asked_for(server: Server, plain: Caller, body: dict[str, Any]) -> None:
    """CVE-2021-25320 of tokens: what is somebody else's is not attached by naming it."""
    made = plain.make("/v3/tokens", body)
    identity = server.parts.authenticator.authenticate([f"Bearer {made['token']}"])
    assert (identity.user, identity.administrator, identity.groups[2:]) == ("u-plain", False, ())
    assert server.resources.get("token", made["id"]).labels["authn.management.cattle.io/token-userId"] == "u-plain"


@pytest.mark.parametrize(
    "body",
    [
        {"principalIds": ["local://u-admin"]},
        {"username": "admin"},
        {"password": "correct horse battery 2"},
        {"enabled": True, "globalRoleId": "admin"},
    ],
)
def test_nobody_makes_himself_more(plain: Caller, body: dict[str, Any]) -> None:
    """CVE-2021-36784, CVE-2023-32194, CVE-2025-23391."""
    assert plain.put(f"/v3/users/{plain.user}", body).status == 403
    assert plain.put("/v3/users/u-admin", body).status in (403, 404)
    assert plain.post("/v3/users/u-admin?action=setpassword", {"newPassword": "correct horse battery 2"}).status in (
        403,
        404,
    )


def test_a_plain_user_creates_nothing_but_what_is_his_own(admin: Caller, plain: Caller) -> None:
    """By no path: neither by the kind's own, nor inside of a cluster or a project that is none of his."""
    cluster = admin.make("/v3/clusters", {"name": "one"})["id"]
    project = admin.make("/v3/projects", {"name": "one", "clusterId": cluster})["id"]
    roots = ("/v3", f"/v3/clusters/{cluster}", f"/v3/projects/{project}")
    made = [
        (root, kind.id)
        for root in roots
        for kind in STORED
        if plain.post(f"{root}/{kind.plural}", {"name": "one", "value": "x"}).status < 400
    ]
    assert made == [("/v3", "token"), ("/v3", "preference")]


def test_a_plain_user_finds_nothing_by_the_paths_of_others(admin: Caller, plain: Caller) -> None:
    """CVE-2023-32199 and its kin: a path inside of somebody else's cluster shows no more than any other."""
    cluster = admin.make("/v3/clusters", {"name": "one"})["id"]
    project = admin.make("/v3/projects", {"name": "one", "clusterId": cluster})["id"]
    admin.make("/v3/clusterregistrationtokens", {"clusterId": cluster})
    for root in (f"/v3/clusters/{cluster}", f"/v3/projects/{project}"):
        for kind in STORED:
            reply = plain.get(f"{root}/{kind.plural}")
            assert reply.status == 404 or reply.json["data"] == [], (root, kind.id)


@pytest.mark.parametrize("other", ["impersonate-user", "x-remote-user", "x-forwarded-user", "x-auth-request-user"])
def test_identity_headers_mean_nothing_to_the_api(admin: Caller, plain: Caller, other: str) -> None:
    """CVE-2026-44945: who may impersonate in a cluster gains nothing in Lariat itself."""
    headers = [(other, "u-admin"), ("impersonate-group", "system:masters"), ("x-remote-group", "system:masters")]
    assert plain.get("/v3/users", headers=headers).ids == ["u-plain"]
    assert admin.get("/v3/users?sort=id", headers=[(other, "u-plain")]).ids == ["u-admin", "u-plain"]


def test_an_id_is_the_servers_choice(server: Server, admin: Caller) -> None:
    """CVE-2025-22031: a project that is created with a chosen name must not be another one."""
    cluster = admin.make("/v3/clusters", {"name": "one"})["id"]
    first = admin.make("/v3/projects", {"clusterId": cluster, "name": "one", "id": f"{cluster}:p-mine"})
    again = admin.make("/v3/projects", {"clusterId": cluster, "name": "one", "id": first["id"], "uuid": first["uuid"]})
    assert first["id"].startswith(f"{cluster}:p-")
    assert (again["id"], again["uuid"]) != (first["id"], first["uuid"])
    assert server.resources.find("project", f"{cluster}:p-mine") is None


def test_a_parent_in_the_path_wins_over_one_in_the_body(server: Server, admin: Caller) -> None:
    """CVE-2022-31247, CVE-2022-43759: the scope that was checked is the scope that is used."""
    one, two = (admin.make("/v3/clusters", {"name": name})["id"] for name in ("one", "two"))
    body = {
        "clusterId": two,
        "userId": admin.user,
        "roleTemplateId": admin.make("/v3/roletemplates", {"name": "r"})["id"],
    }
    made = admin.make(f"/v3/clusters/{one}/clusterroletemplatebindings", body)
    assert made["clusterId"] == one
    assert server.resources.get("clusterRoleTemplateBinding", made["id"]).parent == one
    assert admin.get(f"/v3/clusters/{two}/clusterroletemplatebindings/{made['id']}").status == 404
    assert admin.put(f"/v3/clusterroletemplatebindings/{made['id']}", {"clusterId": two, "userId": "u-x"}).status == 200
    assert server.resources.get(*Key("clusterRoleTemplateBinding", made["id"])).parent == one
