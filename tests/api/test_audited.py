"""What the audit log says of the v3 API, and that it never says a secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.schema.kind import Kind
from tests.api.conftest import CA
from tests.api.test_canary import METHODS, House
from tests.api.test_secret_fields import CANARY, SECRETIVE, sung
from tests.api.world import World
from tests.support.server import LOGIN, PASSWORD, Caller, Server, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, {"cacerts": CA}, level=3) as server:
        yield server


def last(server: Server) -> dict[str, Any]:
    return server.events[-1]


def test_without_a_level_nothing_is_recorded(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.user("admin", administrator=True).make("/v3/clusters", {"name": "one"})
        assert server.log == ""


def test_a_creation(server: Server, admin: Caller) -> None:
    made = admin.make("/v3/clusters", {"name": "one"})
    found = last(server)
    assert found["user"] == {"id": "u-admin", "name": "admin", "token": admin.token}
    assert (found["method"], found["uri"], found["verb"], found["status"]) == ("POST", "/v3/clusters", "create", 201)
    assert found["object"] == {"kind": "clusters", "id": made["id"], "name": "one"}
    assert found["requestBody"] == {"name": "one"}
    assert found["answerBody"]["id"] == made["id"]


PLACES = [
    ("GET", "/v3/users", "list", {"kind": "users"}, ""),
    ("GET", "/v3/user/u-admin", "get", {"kind": "user", "id": "u-admin"}, ""),
    ("PUT", "/v3/users/u-x", "update", {"kind": "users", "id": "u-x"}, ""),
    ("DELETE", "/v3/users/u-x", "delete", {"kind": "users", "id": "u-x"}, ""),
    ("POST", "/v3/users/u-x?action=remove", "delete", {"kind": "users", "id": "u-x"}, ""),
    ("POST", "/v3/users/u-x?action=setpassword", "setpassword", {"kind": "users", "id": "u-x"}, ""),
    ("GET", "/v3/clusters/c-1", "get", {"kind": "clusters", "id": "c-1"}, "c-1"),
    ("GET", "/v3/clusters/c-1/nodes", "list", {"kind": "nodes"}, "c-1"),
    ("GET", "/v3/project/c-1:p-2/secrets/a:b", "get", {"kind": "secrets", "id": "a:b"}, "c-1"),
    ("GET", "/v3/nosuch", "list", {"kind": "nosuch"}, ""),
]


@pytest.mark.parametrize(("method", "url", "verb", "object", "cluster"), PLACES, ids=[f"{r[0]} {r[1]}" for r in PLACES])
def test_what_is_asked_of_what(
    server: Server, admin: Caller, method: str, url: str, verb: str, object: dict[str, str], cluster: str
) -> None:
    reply = admin.call(method, url)
    found = last(server)
    assert (found["verb"], found["object"], found["status"]) == (verb, object, reply.status)
    assert found.get("cluster", {}).get("id", "") == cluster


@pytest.mark.parametrize("url", ["/", "/ping", "/healthz"])
def test_what_anybody_may_ask_is_not_recorded(server: Server, url: str) -> None:
    server.nobody.get(url)
    assert server.events == []


@pytest.mark.parametrize("response", ["json", "cookie"])
def test_a_login(server: Server, response: str) -> None:
    server.user("bob")
    body = {"username": "bob", "password": PASSWORD, "responseType": response}
    assert server.nobody.post(LOGIN, body).status < 300
    found = last(server)
    assert (found["account"], found["verb"], found["user"]["id"], found["user"]["name"]) == (
        "bob",
        "login",
        "u-bob",
        "bob",
    )
    assert PASSWORD not in server.log


@pytest.mark.parametrize("username", ["bob", "nobody", 'x"\n{"user":{"id":"u-admin"}}\n'])
def test_a_failed_login(server: Server, username: str) -> None:
    server.user("bob")
    assert server.log_in(username, "a wrong password").status == 401
    found = last(server)
    assert (found["account"], found["status"], found["user"]["id"]) == (username, 401, "")
    assert "a wrong password" not in server.log
    assert len(server.events) == len(server.log.splitlines()) == 1


def test_who_is_refused_is_named(server: Server, plain: Caller) -> None:
    plain.post("/v3/clusters", {"name": "x"})
    assert (last(server)["user"]["id"], last(server)["status"]) == ("u-plain", 403)
    server.caller("token-x:nope").get("/v3/users")
    assert (last(server)["user"]["id"], last(server)["status"]) == ("", 401)


def test_a_token_that_ends_itself_still_says_whose_it_was(server: Server, plain: Caller) -> None:
    assert plain.post("/v3/tokens?action=logout").status < 300
    assert last(server)["user"] == {"id": "u-plain", "name": "plain", "token": plain.token}


def test_headers_name_nobody(server: Server, plain: Caller) -> None:
    forged = [
        ("user-agent", 'x\r\n{"user":{"id":"u-admin"}}'),
        ("impersonate-user", "u-admin"),
        ("x-forwarded-for", "::1"),
    ]
    plain.get("/v3/users", headers=forged)
    assert last(server)["user"]["id"] == "u-plain"
    assert last(server)["source"] == {"address": "", "agent": forged[0][1]}
    assert len(server.log.splitlines()) == 1


@pytest.mark.parametrize("kind", SECRETIVE, ids=lambda kind: kind.id)
def test_no_declared_secret_is_recorded(server: Server, admin: Caller, kind: Kind) -> None:
    world = World(server, admin)
    sent = world.body(kind, **sung(kind))
    made = admin.post(world.url(kind), sent)
    assert made.status in (201, 422), made.body
    if made.status == 201:
        admin.put(f"{world.url(kind)}/{made.json['id']}", sent)
    assert CANARY in json.dumps(sent)
    assert CANARY not in server.log


def test_no_secret_of_anybody_is_recorded(server: Server) -> None:
    house = House(server)
    for caller in house.callers.values():
        for path in house.paths():
            for method in METHODS:
                caller.call(method, path, headers=[("cookie", f"R_SESS={caller.token}:{caller.key}")])
    assert len(server.events) > 500
    assert [secret for secret in house.secrets if secret in server.log] == []


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"password":"' + b"x" * 100_000, b"\xff\xfe", b"null", b"7"])
def test_hostile_bodies_are_bounded(server: Server, admin: Caller, body: bytes) -> None:
    admin.call("POST", "/v3/users", body)
    server.nobody.call("POST", LOGIN, body)
    assert len(server.events) == 2
    assert len(server.log) < 4096
