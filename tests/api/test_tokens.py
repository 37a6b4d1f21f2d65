"""A caller's own API keys."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from chalicelib.auth.tokens import KEY_LENGTH
from tests.support.server import BASE, LOGIN, PASSWORD, Caller, Server

TOKENS = "/v3/tokens"
MINUTE = 60_000


def test_a_new_token_is_derived_and_the_callers_own(server: Server, admin: Caller, plain: Caller) -> None:
    token = plain.make(TOKENS, {"description": "for a script", "userId": admin.user, "isDerived": False})
    assert (token["userId"], token["isDerived"], token["authProvider"]) == (plain.user, True, "local")
    assert (token["description"], token["ttl"], token["expiresAt"], token["expired"]) == ("for a script", 0, "", False)
    assert token["labels"]["authn.management.cattle.io/token-userId"] == plain.user
    assert token["id"] == token["name"]


def test_a_new_token_works(server: Server, plain: Caller) -> None:
    token = plain.make(TOKENS, {"description": "x"})["token"]
    assert server.caller(token).get("/v3/users").ids == [plain.user]


def test_a_token_is_shown_once(plain: Caller) -> None:
    created = plain.make(TOKENS, {"description": "x"})
    name, _, key = created["token"].partition(":")
    assert (name, len(key)) == (created["id"], KEY_LENGTH)
    for reply in (plain.get(f"{TOKENS}/{name}"), plain.get(TOKENS)):
        assert key.encode() not in reply.body
    assert plain.get(f"{TOKENS}/{name}").json["token"] is None


def test_the_store_does_not_know_the_key(server: Server, plain: Caller) -> None:
    token = plain.make(TOKENS, {"description": "x"})
    assert token["id"].encode() in server.rows()
    assert token["token"].partition(":")[2].encode() not in server.rows()


def test_a_token_has_no_update(plain: Caller) -> None:
    links = plain.make(TOKENS, {"description": "x"})["links"]
    assert links.keys() == {"self", "remove", "rights"}
    assert plain.put(links["self"], {"description": "y"}).status == 405


def test_a_token_ends_with_its_time(server: Server, plain: Caller) -> None:
    token = plain.make(TOKENS, {"description": "x", "ttl": MINUTE})
    assert (token["ttl"], token["expiresAt"]) == (MINUTE, "2026-11-24T08:01:00Z")
    caller = server.caller(token["token"])
    server.clock.advance(59)
    assert caller.get("/v3").status == 200
    server.clock.advance(1)
    assert caller.get("/v3").status == 401


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"ttl": -1}, "MinLimitExceeded", "ttl"),
        ({"ttl": "soon"}, "InvalidFormat", "ttl"),
        ({"ttl": [1]}, "InvalidFormat", "ttl"),
        ({"ttl": 2**53}, "MaxLimitExceeded", "ttl"),
        ({"ttl": 2**60}, "InvalidFormat", "ttl"),
        ({"description": "x" * 4097}, "MaxLengthExceeded", "description"),
    ],
)
def test_what_makes_no_token(plain: Caller, body: Any, code: str, field: str) -> None:
    assert plain.post(TOKENS, body).error == (422, code, field)
    assert plain.get(TOKENS).ids == [plain.token]


def test_others_tokens_do_not_exist(admin: Caller, plain: Caller) -> None:
    assert plain.get(f"{TOKENS}/{admin.token}").error == (404, "NotFound", "")
    assert plain.delete(f"{TOKENS}/{admin.token}").status == 404
    assert admin.get("/v3").status == 200


@pytest.mark.parametrize("who", ["admin", "plain"])
def test_everybody_lists_his_own_tokens_alone(server: Server, admin: Caller, plain: Caller, who: str) -> None:
    caller = admin if who == "admin" else plain
    assert caller.get(TOKENS).ids == [caller.token]


def test_a_token_can_be_deleted(server: Server, plain: Caller) -> None:
    token = plain.make(TOKENS, {"description": "x"})
    caller = server.caller(token["token"])
    assert caller.get("/v3").status == 200
    assert plain.delete(token["links"]["self"]).status == 204
    assert caller.get("/v3").status == 401


def test_a_derived_token_may_delete_itself(server: Server, plain: Caller) -> None:
    caller = server.token(plain.user, derived=True)
    assert caller.delete(f"{TOKENS}/{caller.token}").status == 204


def test_the_login_token_in_use_is_not_deleted(plain: Caller) -> None:
    reply = plain.delete(f"{TOKENS}/{plain.token}")
    assert 400 <= reply.status < 500
    assert "log out" in reply.json["message"]
    assert plain.get("/v3").status == 200


def test_another_login_token_can_be_deleted(server: Server, plain: Caller) -> None:
    other = server.token(plain.user)
    assert plain.delete(f"{TOKENS}/{other.token}").status == 204
    assert other.get("/v3").status == 401


def test_only_the_login_token_in_use_is_current(server: Server, plain: Caller) -> None:
    derived = server.token(plain.user, derived=True)
    server.token(plain.user)
    current = {token["id"] for token in plain.get(TOKENS).json["data"] if token["current"]}
    assert current == {plain.token}
    assert not any(token["current"] for token in derived.get(TOKENS).json["data"])


@pytest.mark.parametrize("derived", [False, True])
def test_logging_out_ends_the_token_in_use(server: Server, plain: Caller, derived: bool) -> None:
    caller = server.token(plain.user, derived=derived)
    reply = caller.post(f"{TOKENS}?action=logout")
    assert (reply.status, reply.body) == (200, b"")
    assert caller.get("/v3").status == 401
    assert plain.get("/v3").status == 200


class Scoped(NamedTuple):
    caller: Caller
    cluster: str


@pytest.fixture
def scoped(server: Server, admin: Caller) -> Scoped:
    """An administrator's token for one of two clusters."""
    for name in ("one", "two"):
        admin.make("/v3/clusters", {"name": name})
    cluster = admin.get("/v3/clusters?name=one").ids[0]
    token = admin.make(TOKENS, {"clusterId": cluster})
    assert token["clusterId"] == cluster
    return Scoped(server.caller(token["token"]), cluster)


@pytest.mark.parametrize("word", ["cluster", "clusters", "Clusters"])
def test_a_token_for_one_cluster_reaches_that(scoped: Scoped, word: str) -> None:
    assert scoped.caller.get(f"/v3/{word}/{scoped.cluster}").json["name"] == "one"


@pytest.mark.parametrize(
    "path",
    [
        "/v3",
        "/v3/schemas",
        "/v3/clusters",
        "/v3/tokens",
        "/v3/users",
        "/v3/settings/server-url",
        "/v3/clusters/c-nope",
        "/v3/users/{}",
    ],
)
def test_a_token_for_one_cluster_reaches_nothing_else(scoped: Scoped, path: str) -> None:
    reply = scoped.caller.get(path.format(scoped.cluster))
    assert reply.status == 401
    assert reply.json["message"] == "clusterID does not match"


def test_a_token_for_one_cluster_reaches_no_other(admin: Caller, scoped: Scoped) -> None:
    other = admin.get("/v3/clusters?name=two").ids[0]
    assert scoped.caller.get(f"/v3/clusters/{other}").status == 401


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "PATCH"])
def test_a_token_for_one_cluster_changes_nothing(admin: Caller, scoped: Scoped, method: str) -> None:
    path = f"/v3/clusters/{scoped.cluster}"
    before = admin.get(path).json
    query = "?action=generateKubeconfig" if method == "POST" else ""
    assert scoped.caller.call(method, path + query, {"name": "mine"}).status == 401
    assert admin.get(path).json == before


def test_a_token_for_a_cluster_that_is_not_there(admin: Caller) -> None:
    assert admin.post(TOKENS, {"clusterId": "c-nope"}).error == (422, "InvalidReference", "clusterId")


def test_clients_build_the_url_to_log_out(plain: Caller) -> None:
    assert plain.get(TOKENS).json["links"]["self"] == f"{BASE}{TOKENS}"


MONTH = 30 * 24 * 60


def test_a_derived_token_has_what_it_comes_from(server: Server, plain: Caller) -> None:
    first = server.caller(server.log_in("plain").json["token"])
    second = server.caller(first.make(TOKENS, {"description": "x"})["token"])
    third = second.make(TOKENS, {"description": "y"})
    assert (third["userPrincipal"], third["authProvider"]) == (f"local://{plain.user}", "local")


@pytest.mark.parametrize(
    ("minutes", "asked", "given"),
    [
        ("0", 0, 0),
        ("0", MINUTE, MINUTE),
        ("10", 0, 10 * MINUTE),
        ("10", MINUTE, MINUTE),
        ("10", MONTH * MINUTE, 10 * MINUTE),
    ],
)
def test_no_token_lives_longer_than_the_settings_allow(admin: Caller, minutes: str, asked: int, given: int) -> None:
    admin.put("/v3/settings/auth-token-max-ttl-minutes", {"value": minutes})
    assert admin.make(TOKENS, {"ttl": asked})["ttl"] == given


def test_a_kubeconfig_lives_no_longer_either(server: Server, admin: Caller) -> None:
    admin.put("/v3/settings/auth-token-max-ttl-minutes", {"value": "10"})
    cluster = admin.make("/v3/clusters", {"name": "one"})["id"]
    assert admin.post(f"/v3/clusters/{cluster}?action=generateKubeconfig").status == 200
    (made,) = [token for token in admin.get(TOKENS).json["data"] if token["id"].startswith("kubeconfig-")]
    assert (made["ttl"], made["isDerived"]) == (10 * MINUTE, True)


def test_a_rotated_token_has_another_key_and_new_time(server: Server, plain: Caller) -> None:
    made = plain.make(TOKENS, {"description": "x", "ttl": 10 * MINUTE})
    old = server.caller(made["token"])
    assert old.get("/v3").status == 200
    server.clock.advance(300)
    rotated = old.post(made["actions"]["rotate"])
    assert (rotated.status, rotated.json["id"], rotated.json["description"]) == (200, made["id"], "x")
    assert rotated.json["expiresAt"] == "2026-11-24T08:15:00Z"
    assert old.get("/v3").status == 401
    assert server.caller(rotated.json["token"]).get("/v3").status == 200
    assert rotated.json["token"].partition(":")[2].encode() not in server.rows()


def test_a_session_is_not_rotated(server: Server, plain: Caller) -> None:
    assert plain.post(f"{TOKENS}/{plain.token}?action=rotate").error == (404, "ActionNotAvailable", "")


def test_others_tokens_are_not_rotated(admin: Caller, plain: Caller) -> None:
    made = plain.make(TOKENS, {"description": "x"})
    assert admin.post(f"{TOKENS}/{made['id']}?action=rotate").status == 404


def test_the_last_use_is_noted_once_a_day(server: Server, plain: Caller) -> None:
    made = plain.make(TOKENS, {"description": "x"})
    caller = server.caller(made["token"])
    assert made["lastUsedAt"] in ("", None)

    def writes(seconds: float) -> int:
        server.clock.advance(seconds)
        before = len(server.changes)
        assert caller.get("/v3/users").status == 200
        return len(server.changes) - before

    assert [writes(0), writes(1), writes(600), writes(23 * 3600), writes(3600), writes(3600)] == [1, 0, 0, 0, 1, 0]
    shown = caller.get(f"{TOKENS}/{made['id']}").json
    assert shown["lastUsedAt"] == "2026-11-25T08:10:01Z"


def test_a_token_that_was_used_for_the_first_time_ends_as_any(server: Server, plain: Caller) -> None:
    """Noting its use is no notice, and hides none: another process hears of the end within seconds."""
    made = plain.make(TOKENS, {"description": "x"})
    caller = server.caller(made["token"])
    assert caller.get("/v3").status == 200
    server.telling = False
    plain.delete(made["links"]["self"])
    server.clock.advance(6)
    assert caller.get("/v3").status == 401


@pytest.mark.parametrize(
    ("minutes", "ttl", "given"), [("", 0, 960), ("5", 0, 5), ("5", 60 * MINUTE, 5), ("5", MINUTE, 1)]
)
def test_a_session_lives_as_the_setting_says(server: Server, admin: Caller, minutes: str, ttl: int, given: int) -> None:
    admin.put("/v3/settings/auth-user-session-ttl-minutes", {"value": minutes})
    body = {"username": "admin", "password": PASSWORD, "ttl": ttl}
    assert server.nobody.make(LOGIN, body)["ttl"] == given * MINUTE
