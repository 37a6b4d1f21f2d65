"""Who is made an administrator, and who is no more."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.server import Caller, Server

BINDINGS = "/v3/globalrolebindings"


def test_a_bound_user_is_an_administrator_at_once(admin: Caller, plain: Caller) -> None:
    assert plain.post("/v3/clusters", {"name": "one"}).status == 403
    binding = admin.make(BINDINGS, {"userId": plain.user, "globalRoleId": "admin"})
    assert re.fullmatch(r"grb-[bcdfghjklmnpqrstvwxz2456789]{5}", binding["id"])
    assert (binding["userId"], binding["globalRoleId"]) == (plain.user, "admin")
    assert plain.post("/v3/clusters", {"name": "one"}).status == 201


def test_without_the_binding_he_is_none_at_once(admin: Caller, plain: Caller) -> None:
    binding = admin.make(BINDINGS, {"userId": plain.user, "globalRoleId": "admin"})
    assert plain.get(BINDINGS).ids != []
    assert admin.delete(f"{BINDINGS}/{binding['id']}").status == 204
    assert plain.post("/v3/clusters", {"name": "one"}).status == 403


@pytest.mark.parametrize(("role", "status"), [("user", 201), ("clusters-create", 201), ("user-base", 403)])
def test_what_other_roles_give(admin: Caller, plain: Caller, role: str, status: int) -> None:
    admin.make(BINDINGS, {"userId": plain.user, "globalRoleId": role})
    assert plain.post("/v3/clusters", {"name": "one"}).status == status
    assert plain.get("/v3/users").ids == [plain.user]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, (422, "MissingRequired", "globalRoleId")),
        ({"globalRoleId": "user"}, (422, "InvalidBodyContent", "")),
        ({"globalRoleId": "user", "userId": "u-plain", "groupPrincipalId": "x://y"}, (422, "InvalidBodyContent", "")),
        ({"userId": "u-plain"}, (422, "MissingRequired", "globalRoleId")),
        ({"userId": "u-plain", "globalRoleId": "king"}, (422, "InvalidReference", "globalRoleId")),
        ({"userId": "u-nope", "globalRoleId": "admin"}, (404, "NotFound", "")),
        ({"userId": ["u-plain"], "globalRoleId": "admin"}, (422, "InvalidFormat", "userId")),
    ],
)
def test_what_makes_no_binding(admin: Caller, plain: Caller, body: Any, error: tuple[int, str, str]) -> None:
    assert admin.post(BINDINGS, body).error == error


def test_a_binding_does_not_change(admin: Caller, plain: Caller) -> None:
    binding = admin.make(BINDINGS, {"userId": plain.user, "globalRoleId": "user"})
    body = {"userId": admin.user, "globalRoleId": "admin"}
    assert admin.put(f"{BINDINGS}/{binding['id']}", body).json == binding


def test_a_chosen_name_twice(admin: Caller, plain: Caller) -> None:
    body = {"name": "mine", "userId": plain.user, "globalRoleId": "user"}
    assert admin.make(BINDINGS, body)["id"] == "mine"
    assert admin.post(BINDINGS, body).error == (409, "AlreadyExists", "")


def test_bindings_can_be_listed_by_user(admin: Caller, plain: Caller) -> None:
    binding = admin.make(BINDINGS, {"userId": plain.user, "globalRoleId": "user"})
    assert admin.get(f"{BINDINGS}?userId={plain.user}").ids == [binding["id"]]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_users_see_no_binding(server: Server, admin: Caller, plain: Caller, method: str) -> None:
    assert plain.get(BINDINGS).ids == []
    assert plain.call(method, f"{BINDINGS}/grb-admin", {}).status == 404


def test_users_bind_nobody(plain: Caller) -> None:
    body = {"userId": plain.user, "globalRoleId": "admin"}
    assert plain.post(BINDINGS, body).error == (403, "PermissionDenied", "")
