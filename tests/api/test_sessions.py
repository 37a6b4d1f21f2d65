"""What ends with what: sessions with the password, keys with the key that they came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.auth.login import Login
from chalicelib.auth.passwords import Passwords
from chalicelib.errors import Unauthorized
from chalicelib.types import Key, Resource
from tests.support.server import PASSWORD, Caller, Server

TOKENS = "/v3/tokens"
CHANGE = "/v3/users?action=changepassword"
NEW = "another long password"
MINUTE = 60 * 1000


def alive(caller: Caller) -> bool:
    return caller.get(f"/v3/users/{caller.user}").status != 401


@pytest.mark.parametrize("derived", [False, True])
def test_a_changed_password_ends_the_other_sessions(
    server: Server, plain: Caller, admin: Caller, derived: bool
) -> None:
    session, key, caller = server.token(plain.user), server.token(plain.user, derived=True), plain
    if derived:
        caller = key
    assert caller.post(CHANGE, {"currentPassword": PASSWORD, "newPassword": NEW}).status == 200
    assert not alive(session)
    assert alive(key), "machines keep their keys"
    assert alive(plain) is not derived, "only who did it stays"
    assert alive(admin)


def test_a_reset_password_ends_all_sessions(server: Server, admin: Caller, plain: Caller) -> None:
    session, key = server.token(plain.user), server.token(plain.user, derived=True)
    reset = {"newPassword": NEW}
    assert admin.post(f"/v3/users/{plain.user}?action=setpassword", reset).status == 200
    assert [alive(each) for each in (plain, session, key, admin)] == [False, False, True, True]
    other = server.token(admin.user)
    assert admin.post(f"/v3/users/{admin.user}?action=setpassword", reset).status == 200
    assert [alive(other), alive(admin)] == [False, True]


def test_a_password_that_is_not_changed_ends_nothing(server: Server, admin: Caller, plain: Caller) -> None:
    session = server.token(plain.user)
    assert plain.post(CHANGE, {"currentPassword": NEW, "newPassword": NEW}).status == 422
    assert admin.post(f"/v3/users/{plain.user}?action=setpassword", {"newPassword": "short"}).status == 422
    assert alive(session)


def test_sessions_end_in_other_processes_within_seconds(server: Server, plain: Caller) -> None:
    session = server.token(plain.user)
    assert alive(session)
    server.telling = False
    assert plain.post(CHANGE, {"currentPassword": PASSWORD, "newPassword": NEW}).status == 200
    server.clock.advance(6)
    assert not alive(session)


class Slow(Passwords):
    """While somebody logs in, something happens to the user."""

    def __init__(self, server: Server, user: str, happens: Callable[[Resource], Resource]) -> None:
        super().__init__()
        self._resources, self._user, self._happens = server.resources, user, happens

    def verify(self, stored: Any, password: str) -> bool:
        self._resources.update(Key("user", self._user), self._happens)
        return super().verify(stored, password)


def other_password(user: Resource) -> Resource:
    return replace(user, status={"passwordHash": "another"})


def disabled(user: Resource) -> Resource:
    return replace(user, spec={**user.spec, "enabled": False})


@pytest.mark.parametrize("change", [other_password, disabled])
def test_a_login_that_a_change_overtakes_makes_no_session(
    server: Server, plain: Caller, change: Callable[[Resource], Resource]
) -> None:
    login = Login(server.resources, Slow(server, plain.user, change), server.clock, server.random)
    with pytest.raises(Unauthorized):
        login.login("plain", PASSWORD)
    assert server.resources.ids("token", plain.user) == [plain.token]


@pytest.mark.parametrize(
    ("of", "asked", "given"),
    [(10, 0, 7), (10, 5, 5), (10, 60, 7), (0, 0, 0), (0, 60, 60)],
)
def test_what_comes_from_a_key_lives_no_longer(server: Server, plain: Caller, of: int, asked: int, given: int) -> None:
    key = server.caller(plain.make(TOKENS, {"ttl": of * MINUTE})["token"])
    server.clock.advance(180)
    derived = key.make(TOKENS, {"ttl": asked * MINUTE})
    assert derived["ttl"] == given * MINUTE
    rotated = server.caller(derived["token"]).post(derived["actions"]["rotate"]).json
    assert rotated["expiresAt"] == derived["expiresAt"]


def test_what_comes_from_a_session_may_outlive_it(server: Server, plain: Caller) -> None:
    session = server.token(plain.user, ttl=MINUTE)
    key = server.caller(session.make(TOKENS, {})["token"])
    session.post(f"{TOKENS}?action=logout")
    server.clock.advance(120)
    assert key.get("/v3").status == 200


@pytest.mark.parametrize("how", ["delete", "logout"])
def test_keys_end_with_the_key_that_they_came_from(server: Server, plain: Caller, how: str) -> None:
    first, other = (server.caller(plain.make(TOKENS, {})["token"]) for _ in range(2))
    second = server.caller(first.make(TOKENS, {})["token"])
    third = server.caller(second.make(TOKENS, {})["token"])
    if how == "delete":
        assert plain.delete(f"{TOKENS}/{first.token}").status == 204
    else:
        assert first.post(f"{TOKENS}?action=logout").status == 200
    assert [each.get("/v3").status for each in (first, second, third)] == [401] * 3
    assert [each.get("/v3").status for each in (plain, other)] == [200] * 2


def test_a_kubeconfig_ends_with_the_key_that_generated_it(server: Server, admin: Caller) -> None:
    cluster = admin.make("/v3/clusters", {"name": "one"})["id"]
    made = admin.make(TOKENS, {"ttl": 10 * MINUTE})
    assert server.caller(made["token"]).post(f"/v3/clusters/{cluster}?action=generateKubeconfig").status == 200
    (config,) = [each for each in admin.get(TOKENS).json["data"] if each["id"].startswith("kubeconfig-")]
    assert (config["ttl"], config["expiresAt"]) == (10 * MINUTE, made["expiresAt"])
    assert admin.delete(made["links"]["self"]).status == 204
    assert admin.get(config["links"]["self"]).status == 404


def test_a_key_rotates_itself_and_no_other(server: Server, plain: Caller) -> None:
    made = plain.make(TOKENS, {"ttl": MINUTE})
    eternal = plain.make(TOKENS, {})
    key = server.caller(made["token"])
    assert key.post(eternal["actions"]["rotate"]).error == (403, "PermissionDenied", "")
    assert server.caller(eternal["token"]).get("/v3").status == 200
    assert key.post(made["actions"]["rotate"]).status == 200
    assert plain.post(eternal["actions"]["rotate"]).status == 200
