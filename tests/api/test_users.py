"""Users and their passwords."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.server import PASSWORD, Caller, Server

NEW = "another long password"


@pytest.fixture
def bob(admin: Caller) -> Any:
    return admin.make("/v3/users", {"username": "bob", "password": NEW, "name": "Bob"})


def test_a_new_user(admin: Caller, bob: Any) -> None:
    assert re.fullmatch(r"u-[bcdfghjklmnpqrstvwxz2456789]{5}", bob["id"])
    assert (bob["username"], bob["name"], bob["enabled"], bob["me"]) == ("bob", "Bob", True, False)
    assert (bob["mustChangePassword"], bob["principalIds"]) == (False, [f"local://{bob['id']}"])
    assert bob["creatorId"] == admin.user


def test_a_new_user_can_log_in(server: Server, bob: Any) -> None:
    reply = server.log_in("bob", NEW)
    assert (reply.status, reply.json["userId"]) == (201, bob["id"])


def test_a_new_user_is_no_administrator(server: Server, admin: Caller, bob: Any) -> None:
    assert [binding["userId"] for binding in admin.get("/v3/globalrolebindings").json["data"]] == [admin.user]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"password": NEW}, "MissingRequired", "username"),
        ({"username": "", "password": NEW}, "MissingRequired", "username"),
        ({"username": "  ", "password": NEW}, "MissingRequired", "username"),
        ({"username": "eve"}, "MissingRequired", "password"),
        ({"username": "eve", "password": ""}, "MissingRequired", "password"),
        ({"username": "eve", "password": "elevenchars"}, "MinLengthExceeded", "password"),
        ({"username": "eve", "password": "x" * 1025}, "MaxLengthExceeded", "password"),
        ({"username": "e" * 257, "password": NEW}, "MaxLengthExceeded", "username"),
        ({"username": "eve", "password": {"x": 1}}, "InvalidFormat", "password"),
    ],
)
def test_what_makes_no_user(admin: Caller, body: Any, code: str, field: str) -> None:
    assert admin.post("/v3/users", body).error == (422, code, field)
    assert admin.get("/v3/users").ids == [admin.user]


@pytest.mark.parametrize("username", ["bob", "Bob", "BOB", " bob "])
def test_a_user_name_is_taken_once_in_every_case(admin: Caller, bob: Any, username: str) -> None:
    reply = admin.post("/v3/users", {"username": username, "password": NEW})
    assert reply.error == (422, "NotUnique", "username")


def test_a_user_name_stays(admin: Caller, bob: Any) -> None:
    changed = admin.put(f"/v3/users/{bob['id']}", {"username": "eve", "name": "Robert"}).json
    assert (changed["username"], changed["name"]) == ("bob", "Robert")


def test_a_password_is_not_changed_by_an_update(server: Server, admin: Caller, bob: Any) -> None:
    admin.put(f"/v3/users/{bob['id']}", {"password": PASSWORD})
    assert server.log_in("bob", NEW).status == 201


def test_password_and_hash_are_in_no_answer(server: Server, admin: Caller) -> None:
    created = admin.post("/v3/users", {"username": "bob", "password": NEW})
    path = f"/v3/users/{created.json['id']}"
    changed = admin.post(f"{path}?action=setpassword", {"newPassword": PASSWORD})
    for reply in (created, changed, admin.get(path), admin.get("/v3/users"), admin.put(path, {"name": "x"})):
        assert reply.status in (200, 201)
        assert b"argon2" not in reply.body
        assert NEW.encode() not in reply.body
        assert PASSWORD.encode() not in reply.body
        assert b'"password"' not in reply.body


def test_an_administrator_sets_a_password(server: Server, admin: Caller, bob: Any) -> None:
    reply = admin.post(f"/v3/users/{bob['id']}?action=setpassword", {"newPassword": PASSWORD})
    assert (reply.status, reply.json["id"]) == (200, bob["id"])
    assert server.log_in("bob", NEW).status == 401
    assert server.log_in("bob", PASSWORD).status == 201


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "MissingRequired"),
        ({"newPassword": ""}, "MissingRequired"),
        ({"newPassword": "short"}, "MinLengthExceeded"),
    ],
)
def test_a_set_password_must_fit(admin: Caller, bob: Any, body: Any, code: str) -> None:
    reply = admin.post(f"/v3/users/{bob['id']}?action=setpassword", body)
    assert reply.error[:2] == (422, code)


def test_users_set_no_passwords(server: Server, plain: Caller, admin: Caller) -> None:
    body = {"newPassword": NEW}
    assert plain.post(f"/v3/users/{plain.user}?action=setpassword", body).status == 403
    assert plain.post(f"/v3/users/{admin.user}?action=setpassword", body).status == 404
    assert server.log_in("plain").status == 201


def test_a_user_changes_his_own_password(server: Server, plain: Caller) -> None:
    reply = plain.post("/v3/users?action=changepassword", {"currentPassword": PASSWORD, "newPassword": NEW})
    assert (reply.status, reply.body) == (200, b"")
    assert server.log_in("plain", PASSWORD).status == 401
    assert server.log_in("plain", NEW).status == 201


def test_a_wrong_current_password_changes_nothing(server: Server, plain: Caller) -> None:
    reply = plain.post("/v3/users?action=changepassword", {"currentPassword": NEW, "newPassword": NEW})
    assert reply.error[:2] == (422, "InvalidBodyContent")
    assert server.log_in("plain", PASSWORD).status == 201


@pytest.mark.parametrize("body", [{}, {"currentPassword": PASSWORD}, {"newPassword": NEW}])
def test_changing_a_password_needs_both(plain: Caller, body: Any) -> None:
    assert plain.post("/v3/users?action=changepassword", body).error[:2] == (422, "MissingRequired")


def test_a_changed_password_need_not_be_changed_again(admin: Caller) -> None:
    body = {"username": "bob", "password": NEW, "mustChangePassword": True}
    bob = admin.make("/v3/users", body)
    assert bob["mustChangePassword"] is True
    changed = admin.post(f"/v3/users/{bob['id']}?action=setpassword", {"newPassword": PASSWORD}).json
    assert changed["mustChangePassword"] is False


@pytest.mark.parametrize("enabled", [False, "no"])
def test_nobody_disables_himself(admin: Caller, enabled: Any) -> None:
    assert admin.put(f"/v3/users/{admin.user}", {"enabled": enabled}).error == (422, "InvalidAction", "")
    assert admin.get(f"/v3/users/{admin.user}").json["enabled"] is True


def test_nobody_deletes_himself(admin: Caller) -> None:
    assert admin.delete(f"/v3/users/{admin.user}").error == (422, "InvalidAction", "")
    assert admin.get("/v3/users").status == 200


def test_a_disabled_user_is_out(server: Server, admin: Caller, plain: Caller) -> None:
    admin.put(f"/v3/users/{plain.user}", {"enabled": False})
    assert plain.get("/v3").status == 401
    assert server.log_in("plain").error == (403, "PermissionDenied", "")


def test_a_disabled_user_who_guesses_hears_nothing(server: Server, admin: Caller, plain: Caller) -> None:
    admin.put(f"/v3/users/{plain.user}", {"enabled": False})
    assert server.log_in("plain", "a wrong password").json["message"] == "authentication failed"


def test_an_enabled_user_logs_in_again_and_has_his_keys(server: Server, admin: Caller, plain: Caller) -> None:
    key = server.token(plain.user, derived=True)
    admin.put(f"/v3/users/{plain.user}", {"enabled": False})
    assert key.get("/v3").status == 401
    admin.put(f"/v3/users/{plain.user}", {"enabled": True})
    assert (plain.get("/v3").status, key.get("/v3").status) == (401, 200)
    assert server.log_in("plain").status == 201


def test_a_user_can_be_created_disabled(server: Server, admin: Caller) -> None:
    admin.make("/v3/users", {"username": "bob", "password": NEW, "enabled": False})
    assert server.log_in("bob", NEW).status == 403


def test_deletion_takes_tokens_and_bindings_along(server: Server, admin: Caller) -> None:
    other = server.user("other", administrator=True)
    server.token(other.user)
    assert admin.delete(f"/v3/users/{other.user}").status == 204
    assert server.resources.list("token", other.user).items == ()
    assert server.resources.list("globalRoleBinding", other.user).items == ()
    assert other.get("/v3").status == 401
    assert server.log_in("other").status == 401


def test_a_deleted_user_name_can_be_used_again(admin: Caller, bob: Any) -> None:
    admin.delete(f"/v3/users/{bob['id']}")
    assert admin.make("/v3/users", {"username": "Bob", "password": NEW})["id"] != bob["id"]


def test_users_see_themselves_alone(plain: Caller, admin: Caller) -> None:
    (me,) = plain.get("/v3/users").json["data"]
    assert (me["id"], me["me"]) == (plain.user, True)
    assert plain.get(f"/v3/users/{admin.user}").status == 404


@pytest.mark.parametrize(("method", "status"), [("PUT", 403), ("DELETE", 403)])
def test_users_do_not_change_themselves(plain: Caller, method: str, status: int) -> None:
    assert plain.call(method, f"/v3/users/{plain.user}", {"name": "King"}).status == status


def test_users_create_nobody(plain: Caller) -> None:
    assert plain.post("/v3/users", {"username": "bob", "password": NEW}).error == (403, "PermissionDenied", "")
