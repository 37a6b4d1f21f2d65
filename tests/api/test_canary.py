"""No secret comes out of any endpoint, whoever asks and however."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
import yaml

from chalicelib.schema.kinds import KINDS
from chalicelib.types import Resource
from tests.support.server import LOGIN, PASSWORD, Reply, Server

SECOND = "another long password"
ACCOUNT = "the-agents-own-service-account-token"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ROLES = ("nobody", "plain", "admin", "derived", "scoped")


class House:
    """A server with one of everything, who may call it, and what must not come out."""

    def __init__(self, server: Server) -> None:
        admin, plain = server.user("admin", administrator=True), server.user("plain")
        self.server = server
        self.bob = admin.make("/v3/users", {"username": "bob", "password": SECOND})["id"]
        self.cluster = admin.make("/v3/clusters", {"name": "one"})["id"]
        self.registration = admin.make("/v3/clusterregistrationtokens", {"clusterId": self.cluster})
        derived = admin.make("/v3/tokens", {"description": "x"})["token"]
        config = admin.post(f"/v3/clusters/{self.cluster}?action=generateKubeconfig").json["config"]
        scoped = yaml.safe_load(config)["users"][0]["user"]["token"]
        session = server.log_in("bob", SECOND).json["token"]
        document = {"cluster": {"address": "10.0.0.1:443", "token": ACCOUNT, "caCert": ""}}
        headers = [("x-api-tunnel-token", self.registration["token"])]
        assert server.nobody.post("/v3/connect/register", document, headers=headers).status == 200
        self.callers = {
            "nobody": server.nobody,
            "plain": plain,
            "admin": admin,
            "derived": server.caller(derived),
            "scoped": server.caller(scoped),
        }
        keys = [caller.key for caller in self.callers.values() if caller.key]
        self.secrets = [PASSWORD, SECOND, ACCOUNT, session.partition(":")[2], *keys, *self._stored()]
        self.secrets += [base64.b64encode(secret.encode()).decode() for secret in self.secrets]

    def _everything(self) -> Iterator[Resource]:
        for kind in [kind.id for kind in KINDS] + ["bootstrap"]:
            yield from self.server.resources.list(kind).items

    def _stored(self) -> Iterator[str]:
        for resource in self._everything():
            yield from resource.sealed.values()
            yield from [str(value) for name, value in resource.status.items() if name.endswith("Hash")]

    def paths(self) -> list[str]:
        paths = [
            "/",
            "/v3",
            "/v3/schemas",
            "/v3-public/authProviders",
            "/v3-public/localProviders/local",
            "/v3/connect",
        ]
        paths += [f"/v3/schemas/{kind.id}" for kind in KINDS]
        paths += [f"/v3/{kind.plural}" for kind in KINDS]
        paths += [f"/v3/{resource.kind}/{resource.id}" for resource in self._everything()]
        paths += [f"/v3/settings/{name}" for name in ("cacerts", "server-url")]
        return [*paths, "/v3/import/x.yaml", "/v3/nosuch", "/v3/nosuch/x", "/v3/users/u-nope"]

    def leaks(self, reply: Reply, but: str = "") -> list[str]:
        whole = reply.body.decode() + json.dumps(reply.headers)
        return [secret for secret in self.secrets if secret != but and secret in whole]


@pytest.fixture
def house(server: Server) -> House:
    return House(server)


def test_the_canary_sings(house: House) -> None:
    """All kinds of secrets are there to be found: passwords, an account's token, keys, hashes and sealed values."""
    assert len([secret for secret in house.secrets if secret.startswith("$argon2id$")]) == 3
    body = json.dumps({"x": ACCOUNT}).encode()
    assert house.leaks(Reply(200, (), body)) == [ACCOUNT]


@pytest.mark.parametrize("role", ROLES)
def test_reading_shows_no_secret(house: House, role: str) -> None:
    for path in house.paths():
        assert house.leaks(house.callers[role].get(path)) == [], path


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("query", ["limit=1", "sort=username&order=desc", "passwordHash_ne=x", "sort=passwordHash"])
def test_lists_show_no_secret_however_they_are_asked(house: House, role: str, query: str) -> None:
    for kind in KINDS:
        assert house.leaks(house.callers[role].get(f"/v3/{kind.plural}?{query}")) == []


@pytest.mark.parametrize("body", [b"{}", b"", b"[]", b'{"name": ["x"], "newPassword": 1}'])
def test_changes_and_refusals_show_no_secret(house: House, body: bytes) -> None:
    """By a user who may do nothing, so that everything is there until the end."""
    for method in METHODS:
        for path in house.paths():
            for role in ("nobody", "plain"):
                reply = house.callers[role].call(method, path, body)
                assert house.leaks(reply) == [], (method, path)


def test_an_administrators_changes_show_no_secret(house: House) -> None:
    admin = house.callers["admin"]
    for path in house.paths():
        for method in ("PUT", "PATCH", "POST", "DELETE"):
            reply = admin.call(method, path, {"name": "one", "value": ""})
            fresh = reply.json.get("token") if reply.status == 201 else ""
            assert house.leaks(reply, but=fresh or "") == [], (method, path)


def test_wrong_credentials_are_not_repeated(house: House) -> None:
    wrong = "the wrong password of somebody"
    login = house.server.nobody.post(LOGIN, {"username": "bob", "password": wrong})
    change = {"currentPassword": wrong, "newPassword": wrong}
    changed = house.callers["plain"].post("/v3/users?action=changepassword", change)
    created = house.callers["admin"].post("/v3/users", {"username": "bob", "password": wrong})
    bearer = house.server.caller(f"token-x:{wrong}").get("/v3")
    for reply in (login, changed, created, bearer):
        assert reply.status in (401, 422)
        assert wrong.encode() not in reply.body


def test_only_who_manages_clusters_sees_registration_tokens(house: House) -> None:
    token = house.registration["token"].encode()
    for role in ("nobody", "plain", "scoped"):
        for path in house.paths():
            assert token not in house.callers[role].get(path).body
    assert token in house.callers["admin"].get("/v3/clusterregistrationtokens").body


def test_nothing_readable_lies_in_the_database(house: House) -> None:
    rows = house.server.rows()
    keys = [caller.key for caller in house.callers.values() if caller.key]
    for secret in (PASSWORD, SECOND, ACCOUNT, house.registration["token"], *keys):
        assert secret.encode() not in rows


def test_the_kubeconfig_and_the_manifest_show_only_their_own_secret(house: House) -> None:
    config = house.callers["admin"].post(f"/v3/clusters/{house.cluster}?action=generateKubeconfig")
    manifest = house.server.nobody.get(f"/v3/import/{house.registration['token']}.yaml")
    assert house.leaks(config) == house.leaks(manifest) == []
