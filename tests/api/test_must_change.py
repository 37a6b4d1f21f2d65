"""A user who must change their password can do that, and nothing else before."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.errors import Forbidden
from tests.support.server import PASSWORD, Caller, Server

NEW = "another long password"
CHANGE = "/v3/users?action=changepassword"


@pytest.fixture
def bob(server: Server, admin: Caller) -> Caller:
    """An administrator, so that it is not for want of rights that he may do nothing."""
    made = admin.make("/v3/users", {"username": "bob", "password": PASSWORD, "mustChangePassword": True})
    admin.make("/v3/globalRoleBindings", {"userId": made["id"], "globalRoleId": "admin"})
    caller = server.caller(server.log_in("bob").json["token"])
    caller.user = made["id"]
    return caller


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v3", None),
        ("GET", "/v3/clusters", None),
        ("GET", "/v3/users", None),
        ("GET", "/v3/users?me=false&me=true", None),
        ("POST", "/v3/clusters", {"name": "one"}),
        ("POST", "/v3/tokens", {"description": "x"}),
        ("POST", "/v3/users?action=refreshauthprovideraccess", {}),
        ("POST", "/v3/users", {"username": "eve", "password": NEW}),
        ("POST", "/v3/users/u-admin?action=setpassword", {"newPassword": NEW}),
        ("POST", "/v3/clusters?action=changepassword", {}),
        ("POST", "/v3/users/u-admin?action=changepassword", {}),
        ("DELETE", "/v3/users/u-admin", None),
        ("PUT", "/v3/users/u-admin?action=changepassword", {"enabled": False}),
        ("GET", "/v3/users/u-admin", None),
    ],
)
def test_nothing_else_is_open(bob: Caller, method: str, path: str, body: Any) -> None:
    reply = bob.call(method, path, body)
    assert reply.error == (403, "MustChangePassword", "")
    assert "changepassword" in reply.json["message"]


def test_no_cluster_is_reached(server: Server, bob: Caller) -> None:
    headers = [("authorization", bob.authorization)]
    with pytest.raises(Forbidden, match="change your password"):
        server.parts.gatekeeper.admit("GET", "/k8s/clusters/c-12345/api", "", headers, deflate=False)


def test_a_console_sees_what_is_the_matter(bob: Caller) -> None:
    me = bob.get("/v3/users?me=true").json["data"][0]
    assert (me["id"], me["mustChangePassword"]) == (bob.user, True)
    assert bob.get(f"/v3/users/{bob.user}").status == 200
    assert bob.get("/v3/schemas").status == 200


def test_the_change_opens_everything(server: Server, bob: Caller) -> None:
    assert bob.post(CHANGE, {"currentPassword": PASSWORD, "newPassword": PASSWORD}).error[1] == "InvalidBodyContent"
    assert bob.get("/v3/clusters").status == 403
    assert bob.post(CHANGE, {"currentPassword": PASSWORD, "newPassword": NEW}).status == 200
    assert bob.get("/v3/clusters").status == 200
    assert server.log_in("bob", NEW).status == 201


def test_one_may_leave(bob: Caller) -> None:
    assert bob.post("/v3/tokens?action=logout").status == 200
    assert bob.get("/v3/users?me=true").status == 401


def test_it_can_be_asked_of_somebody_who_is_in(server: Server, admin: Caller, plain: Caller) -> None:
    key = server.token(plain.user, derived=True)
    assert key.get("/v3/users").status == 200
    admin.put(f"/v3/users/{plain.user}", {"mustChangePassword": True})
    assert (plain.get("/v3").status, key.get("/v3").status) == (403, 403)
