"""Routing, and what refusals look like."""

from __future__ import annotations

import pytest

from tests.support.server import Caller, Server


@pytest.mark.parametrize(
    "path",
    [
        "/v3/clusters",
        "/v3/cluster",
        "/v3/CLUSTERS",
        "/v3/Cluster",
        "//v3//clusters",
        "/v3/clusters/",
        "/v3/clusters//",
    ],
)
def test_ways_to_write_a_collection(admin: Caller, path: str) -> None:
    cluster = admin.make("/v3/clusters", {"name": "one"})
    assert admin.get(path).ids == [cluster["id"]]


@pytest.mark.parametrize("path", ["/v3/clusters/{}", "/v3/CLUSTER/{}", "/v3//cluster//{}/", "/v3/%63lusters/{}"])
def test_ways_to_write_a_resource(admin: Caller, path: str) -> None:
    cluster = admin.make("/v3/clusters", {"name": "one"})
    assert admin.get(path.format(cluster["id"])).json["id"] == cluster["id"]


def test_the_parts_of_an_id_may_be_escaped(admin: Caller) -> None:
    cluster = admin.make("/v3/clusters", {"name": "one"})
    token = admin.make("/v3/clusterregistrationtokens", {"clusterId": cluster["id"], "name": "default-token"})
    path = f"/v3/clusterRegistrationTokens/{cluster['id']}%3Adefault-token"
    assert admin.get(path).json["id"] == token["id"] == f"{cluster['id']}:default-token"


MISSING = 'clusters.management.cattle.io "c-nope" not found'


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "message"),
    [
        ("GET", "/v3/nosuch", 404, "NotFound", "failed to find schema nosuch"),
        ("GET", "/v3/nosuch/x", 404, "NotFound", "failed to find schema nosuch"),
        ("POST", "/v3/setPasswordInput", 404, "NotFound", "failed to find schema setPasswordInput"),
        ("GET", "/nothing", 404, "NotFound", "there is nothing here"),
        ("GET", "/V3/clusters", 404, "NotFound", "there is nothing here"),
        ("GET", "/v3/clusters/c-nope", 404, "NotFound", MISSING),
        ("PUT", "/v3/clusters/c-nope", 404, "NotFound", MISSING),
        ("DELETE", "/v3/clusters/c-nope", 404, "NotFound", MISSING),
        ("POST", "/v3/clusters/c-nope?action=generateKubeconfig", 404, "NotFound", MISSING),
        ("PUT", "/v3/clusters", 405, "MethodNotAllow", "Method PUT not supported"),
        ("DELETE", "/v3/clusters", 405, "MethodNotAllow", "Method DELETE not supported"),
        ("PATCH", "/v3/clusters", 405, "MethodNotAllow", "Method PATCH not supported"),
        ("PATCH", "/v3/clusters/c-nope", 405, "MethodNotAllow", "Method PATCH not supported"),
        ("POST", "/v3/clusters/c-nope", 405, "MethodNotAllow", "Method POST not supported"),
        ("POST", "/v3/authconfigs", 405, "MethodNotAllow", "Method POST not supported"),
        ("PUT", "/v3/tokens/x", 405, "MethodNotAllow", "Method PUT not supported"),
        ("DELETE", "/v3/authconfigs/local", 405, "MethodNotAllow", "Method DELETE not supported"),
        ("PUT", "/v3/authconfigs/local", 405, "MethodNotAllow", "Method PUT not supported"),
        ("POST", "/v3/clusters?action=zzz", 422, "InvalidAction", "Invalid action: zzz"),
        ("POST", "/v3/users/u-admin?action=zzz", 422, "InvalidAction", "Invalid action: zzz"),
        ("GET", "/v3/clusters/a/b/c", 404, "NotFound", "failed to find schema b"),
        ("GET", "/v3/clusters/a/nodes/c/d/e", 404, "NotFound", "there is nothing here"),
        ("GET", "/v3/users/u-admin/x", 404, "NotFound", 'users.management.cattle.io "u-admin/x" not found'),
        ("GET", "/v3/" + "/".join("abcdefgh"), 404, "NotFound", "there is nothing here"),
        ("GET", "/v3/clusters/" + "c" * 2048, 404, "NotFound", "there is nothing here"),
        ("GET", "/v3/clusters/" + "c" * 901, 404, "NotFound", "there is nothing here"),
        ("GET", "/v3/clusters/" + "%C3%BC" * 451, 404, "NotFound", "there is nothing here"),
    ],
)
def test_refusals(admin: Caller, method: str, path: str, status: int, code: str, message: str) -> None:
    reply = admin.call(method, path, {})
    assert reply.error == (status, code, "")
    assert reply.json == {
        "type": "error",
        "baseType": "error",
        "status": status,
        "code": code,
        "message": message,
    }
    assert reply.status == status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n",
        b"{",
        b"not JSON",
        b"[]",
        b'"text"',
        b"null",
        b"7",
        b"\xff\xfe",
        rb'{"name": "\ud800"}',
        b'{"name": 1' + b"0" * 5000 + b"}",
        b"[" * 200_000,
    ],
)
def test_a_body_that_is_no_object(admin: Caller, body: bytes) -> None:
    reply = admin.post("/v3/clusters", body)
    assert reply.error == (422, "InvalidBodyContent", "")
    assert reply.json["message"].startswith("Failed to parse body: ")


def test_an_empty_body_is_called_by_its_name(admin: Caller) -> None:
    assert admin.post("/v3/clusters", b"").json["message"] == "Failed to parse body: EOF"


def test_a_body_that_is_too_large(admin: Caller) -> None:
    reply = admin.post("/v3/clusters", b" " * (2 * 1024 * 1024) + b"{}")
    assert reply.error == (413, "RequestTooLarge", "")


def test_an_action_in_a_get_is_a_plain_get(admin: Caller) -> None:
    cluster = admin.make("/v3/clusters", {"name": "one"})
    assert admin.get(f"/v3/clusters/{cluster['id']}?action=generateKubeconfig").json == cluster
    assert admin.get("/v3/users?action=zzz").ids == ["u-admin"]


def test_who_has_not_logged_in_gets_the_shape_of_its_own(server: Server) -> None:
    reply = server.nobody.get("/v3/clusters")
    assert reply.status == 401
    assert reply.json == {"type": "error", "status": "401", "message": "must authenticate"}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/v3", "/v3/", "/v3/nosuch", "/v3/users", "/v3/settings/server-url", "/v3/schemas"])
def test_nothing_is_told_to_strangers(server: Server, method: str, path: str) -> None:
    assert server.nobody.call(method, path, {}).status == 401


def test_answers_are_not_kept_nor_guessed_at(admin: Caller) -> None:
    headers = dict(admin.get("/v3/clusters").headers)
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_failing_store_is_an_error_like_any_other(server: Server, admin: Caller) -> None:
    server.store.close()
    reply = admin.get("/v3/clusters")
    assert reply.error == (503, "Unavailable", "")


@pytest.mark.parametrize("path", ["/v3/connect", "/v3/connect/register", "/v3/connect/config"])
def test_agents_need_a_token(server: Server, path: str) -> None:
    reply = server.nobody.post(path, {})
    assert (reply.status, reply.json["message"]) == (401, "a registration token is missing")


@pytest.mark.parametrize("path", ["/v3/connect", "/v3/connect/config", "/v3/connect/register", "/v3/connect/x/y"])
def test_agents_find_nothing_but_the_registration(server: Server, path: str) -> None:
    assert server.nobody.get(path, headers=[("x-api-tunnel-token", "x")]).status == 404
