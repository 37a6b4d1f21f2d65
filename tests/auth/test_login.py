"""Logging in by name and password, and the first administrator."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chalicelib.auth import tokens
from chalicelib.auth.login import BOOTSTRAPPED, Login, bootstrap, new_user
from chalicelib.auth.passwords import Passwords
from chalicelib.errors import Unauthorized
from chalicelib.store.resources import Resources
from chalicelib.types import Key
from tests.support.random import SeededRandom
from tests.support.server import PASSWORD, Server, hashed, serving


@pytest.fixture
def login(server: Server) -> Login:
    return Login(server.resources, server.parts.passwords, server.clock, server.random)


def test_a_login_stores_a_token_and_not_its_key(server: Server, login: Login) -> None:
    server.user("plain")
    token, key = login.login("plain", PASSWORD, "my laptop")
    assert server.resources.get("token", token.id) == token
    assert tokens.matches(token, key)
    assert key.encode() not in server.rows()
    assert (token.parent, token.spec["description"]) == ("u-plain", "my laptop")


@pytest.mark.parametrize("username", ["", "nobody", "n" * 257, "plain\0", "plain/"])
def test_an_unknown_user_is_refused_like_a_wrong_password(server: Server, login: Login, username: str) -> None:
    server.user("plain")
    with pytest.raises(Unauthorized, match=r"^authentication failed$"):
        login.login(username, PASSWORD)


def test_an_unknown_user_costs_as_much_as_a_wrong_password(server: Server, login: Login) -> None:
    """Argon2's cost is nearly all of it, so an answer without it would come in a fraction of the time."""
    server.user("plain")

    def cost(username: str) -> float:
        start = time.thread_time()
        with pytest.raises(Unauthorized):
            login.login(username, "a wrong password")
        return time.thread_time() - start

    cost("nobody")  # makes the decoy
    wrong, unknown = [min(cost(username) for _ in range(3)) for username in ("plain", "nobody")]
    assert unknown > wrong / 2


def test_the_decoys_own_password_opens_nothing(login: Login) -> None:
    with pytest.raises(Unauthorized):
        login.login("nobody", "nobody has this password")


def test_a_user_whose_name_was_freed_is_unknown(server: Server, login: Login) -> None:
    server.user("plain")
    server.resources.remove(Key("user", "u-plain"))
    with pytest.raises(Unauthorized):
        login.login("plain", PASSWORD)


def test_an_issued_token_is_named_after_its_purpose(login: Login) -> None:
    token, _ = login.issue("u-1", 0, "api", {"isDerived": True}, "kubeconfig-x")
    assert (token.id[:-5], token.labels["authn.management.cattle.io/kind"]) == ("kubeconfig-x-", "api")


def test_the_first_administrator(server: Server) -> None:
    assert server.parts.bootstrap(PASSWORD) == PASSWORD
    token = server.log_in("admin").json
    admin = server.caller(token["token"])
    (user,) = admin.get("/v3/users").json["data"]
    assert (user["username"], user["name"], user["mustChangePassword"]) == ("admin", "Default Admin", False)
    assert user["id"].startswith("user-")
    (binding,) = admin.get("/v3/globalrolebindings").json["data"]
    assert binding["id"].startswith("globalrolebinding-")
    assert (binding["userId"], binding["globalRoleId"]) == (user["id"], "admin")


def test_a_generated_password_is_as_good_as_a_chosen_one(server: Server) -> None:
    password = server.parts.bootstrap("")
    assert len(password) == 20
    admin = server.caller(server.log_in("admin", password).json["token"])
    assert admin.get("/v3/users?me=true").json["data"][0]["mustChangePassword"] is False
    assert admin.get("/v3/clusters").status == 200
    assert password.encode() not in server.rows()


def test_there_is_one_first_administrator(server: Server) -> None:
    server.parts.bootstrap(PASSWORD)
    assert server.parts.bootstrap("another long password") == ""
    assert server.log_in("admin").status == 201
    assert len(server.resources.list("user").items) == 1


def test_it_does_not_come_back_after_it_was_deleted(server: Server) -> None:
    server.parts.bootstrap(PASSWORD)
    (first,) = server.resources.list("user").items
    successor = server.user("successor", administrator=True)
    assert successor.delete(f"/v3/users/{first.id}").status == 204
    assert server.parts.bootstrap(PASSWORD) == ""
    assert server.log_in("admin").status == 401


def test_it_does_not_come_back_in_the_next_process(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.parts.bootstrap(PASSWORD)
        (first,) = server.resources.list("user").items
        server.resources.remove(first.key)
    with serving(tmp_path, random=SeededRandom(1)) as server:
        assert server.parts.bootstrap(PASSWORD) == ""
        assert server.resources.list("user").items == ()


def test_of_two_that_race_one_wins(server: Server) -> None:
    passwords = Passwords()

    def race(seed: int) -> str:
        resources = Resources(server.store, server.clock, SeededRandom(seed))
        return bootstrap(resources, passwords, SeededRandom(seed), f"the password of number {seed}")

    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(race, range(1, 5)))
    (winner,) = [result for result in results if result]
    assert len(server.resources.list("user").items) == 1
    assert len(server.resources.list("globalRoleBinding").items) == 1
    assert server.resources.holder(BOOTSTRAPPED) == Key("bootstrap", "administrator")
    assert server.log_in("admin", winner).status == 201


def test_a_password_that_does_not_fit_leaves_nothing_behind(server: Server) -> None:
    with pytest.raises(Exception, match="at least 12"):
        server.parts.bootstrap("short")
    assert server.resources.list("user").items == ()
    assert server.parts.bootstrap(PASSWORD) == PASSWORD


def test_a_user_has_a_name_whatever_its_case() -> None:
    user = new_user("u-1", "Plain", hashed(), {"enabled": False})
    assert user.unique == ("username/plain",)
    assert (user.spec["username"], user.spec["enabled"]) == ("Plain", False)
    assert user.spec["principalIds"] == ["local://u-1"]
