"""No value of a field that is declared secret ever comes out, in whatever kind, by whatever way."""

from __future__ import annotations

import base64
import logging
import re
from typing import Any

import pytest

from chalicelib.schema.field import Field
from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds import STORED
from chalicelib.schema.kinds.providers import CONFIGS
from chalicelib.schema.secrets import has_secrets, paths, split
from tests.api.world import CREATABLE, World
from tests.schema.values import fits
from tests.support import pem
from tests.support.server import Caller, Server

CANARY = "canary-that-must-not-sing"


def sung(kind: Kind) -> dict[str, Any]:
    """A body with the canary in every secret, as deep as they are."""
    return {name: _sung(field) for name, field in kind.fields.items() if field.create and _holds(field)}


def _holds(field: Field) -> bool:
    return field.secret or (field.part is not None and has_secrets(field.part))


def _sung(field: Field) -> Any:
    if field.element:
        inner = _sung(field.element)
        return [inner] if field.type.startswith("array[") else {"a": inner}
    if field.part is not None:
        rest = {name: fits(each) for name, each in field.part.fields.items() if each.create and not _holds(each)}
        return rest | {name: _sung(each) for name, each in field.part.fields.items() if each.create and _holds(each)}
    return {"deep": CANARY} if field.type == "json" else CANARY


def canary(kind: Kind) -> str:
    """What must not be seen of a kind's secrets: a certificate takes no key but its own."""
    return pem.KEY.splitlines()[1] if kind.id == "certificate" else CANARY


def readable(text: str) -> str:
    """A secret that was opened, with what it holds in base64."""
    found = [base64.b64decode(each).decode(errors="replace") for each in re.findall(r'"([\w+/]{16,}=*)"', text)]
    return "".join([text, *map(readable, found)])


SECRETIVE = [kind for kind in CREATABLE if sung(kind)]
each = pytest.mark.parametrize("kind", SECRETIVE, ids=lambda kind: kind.id)


@pytest.fixture
def world(server: Server, admin: Caller) -> World:
    return World(server, admin)


def test_the_kinds_with_secrets() -> None:
    """A new one joins by its declaration; none may leave unnoticed."""
    assert {kind.id for kind in SECRETIVE} == {
        *("cluster", "node", "nodeTemplate", "user", "listenConfig", "catalog", "clusterCatalog", "projectCatalog"),
        *("notifier", "clusterLogging", "projectLogging", "sourceCodeCredential", "secret", "serviceAccountToken"),
        *("dockerCredential", "certificate", "basicAuth", "sshAuth"),
    }
    assert "rancherKubernetesEngineConfig.privateRegistries[].password" in paths(STORED[0])


@each
def test_a_secret_is_sealed_and_never_shown(
    server: Server, plain: Caller, world: World, kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    body, secret = _accepted(kind, world.body(kind) | sung(kind)), canary(kind)
    created = world.caller.post(world.url(kind), body)
    assert created.status == 201, created.body
    url = created.json["links"]["self"]
    update = {name: value for name, value in body.items() if kind.fields[name].update}
    replies = [
        created,
        world.caller.get(url),
        world.caller.get(world.url(kind)),
        world.caller.get(f"{world.url(kind)}?sort=password&password_ne=x"),
        world.caller.put(url, update),
        world.caller.put(url, {**update, "labels": 7}),
        world.caller.post(world.url(kind), body | {"labels": [secret]}),
        world.caller.post(f"{url}?action=nosuch", body),
        plain.get(url),
        plain.post(world.url(kind), body),
        world.caller.delete(url),
    ]
    for reply in replies:
        assert secret not in reply.body.decode()
    assert secret not in caplog.text
    assert secret.encode() not in server.rows()
    assert secret not in repr(server.changes)


@each
def test_the_server_itself_can_open_it(server: Server, world: World, kind: Kind) -> None:
    if kind.id == "user":
        return
    made = world.caller.make(world.url(kind), _accepted(kind, world.body(kind) | sung(kind)))
    stored = server.resources.get(kind.base, made["id"])
    opened = [server.seal.open(sealed, f"{stored.id}/{path}") for path, sealed in stored.sealed.items()]
    assert opened
    assert all(canary(kind) in readable(text) for text in opened)


def _accepted(kind: Kind, body: dict[str, Any]) -> dict[str, Any]:
    """A node template takes the configuration of one driver alone, a certificate a key of its own."""
    if kind.id == "certificate":
        return body | {"key": pem.KEY}
    if kind.id != "nodeTemplate":
        return body
    return {name: value for name, value in body.items() if not name.endswith("Config") or name == "digitaloceanConfig"}


@pytest.mark.parametrize("name", [name for name, kind in CONFIGS.items() if has_secrets(kind) and kind.later])
def test_a_providers_secret_is_sealed(server: Server, admin: Caller, name: str) -> None:
    secrets = dict.fromkeys(paths(CONFIGS[name]), CANARY)
    reply = admin.put(f"/v3/authConfigs/{name}", secrets)
    assert (reply.status, CANARY in reply.body.decode()) == (200, False)
    assert CANARY not in admin.get("/v3/authConfigs").body.decode()
    assert CANARY.encode() not in server.rows()
    stored = server.resources.get("authConfig", name)
    assert set(stored.sealed) == set(secrets)


def test_an_update_without_a_secret_keeps_it(server: Server, world: World) -> None:
    notifier = next(kind for kind in STORED if kind.id == "notifier")
    made = world.make(notifier, smtpConfig={"host": "mail.example", "password": CANARY})
    sealed = server.resources.get("notifier", made["id"]).sealed
    assert set(sealed) == {"smtpConfig.password"}
    world.caller.put(made["links"]["self"], {"smtpConfig": {"host": "other.example"}, "description": "x"})
    assert server.resources.get("notifier", made["id"]).sealed == sealed
    world.caller.put(made["links"]["self"], {"smtpConfig": {"password": None}})
    assert server.resources.get("notifier", made["id"]).sealed == {}


def test_what_is_replaced_takes_its_secrets_along(server: Server, world: World) -> None:
    logging = next(kind for kind in STORED if kind.id == "clusterLogging")
    servers = [{"endpoint": "a:1", "password": CANARY}, {"endpoint": "b:1", "password": CANARY}]
    made = world.make(logging, fluentForwarderConfig={"fluentServers": servers})
    url = made["links"]["self"]
    assert len(server.resources.get("clusterLogging", made["id"]).sealed) == 2
    world.caller.put(url, {"fluentForwarderConfig": {"fluentServers": [{"endpoint": "evil:1"}]}})
    assert server.resources.get("clusterLogging", made["id"]).sealed == {}


def test_splitting_leaves_nothing_behind() -> None:
    for kind in SECRETIVE:
        plain, secrets, _ = split(kind, sung(kind))
        assert CANARY not in repr(plain)
        assert secrets


def test_no_schema_gives_an_example(admin: Caller) -> None:
    for kind in SECRETIVE:
        fields = admin.get(f"/v3/schemas/{kind.id}").json
        for name, field in fields.get("resourceFields", {}).items():
            assert not field.get("writeOnly") or "default" not in field, name
