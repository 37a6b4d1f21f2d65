"""No secret comes through, by whatever kind, field, text or form of a body."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from chalicelib.audit.event import Body
from chalicelib.audit.redact import HIDDEN, LARGEST, address, plain, redacted, shown
from chalicelib.schema.field import Field
from chalicelib.schema.kind import Kind
from chalicelib.schema.secrets import has_secrets
from tests.schema.values import ALL, fits

CANARY = "canary-that-must-not-sing"
KEY = "bcdfghjklmnpqrstvwxz2456789" * 2
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJib2IifQ.c2lnbmF0dXJl"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEcanary\n-----END RSA PRIVATE KEY-----"


def pieces(kind: Kind) -> Iterator[Kind]:
    """What is sent by itself: resources, and the inputs of actions."""
    if kind.stored:
        yield kind
    for action in (*kind.actions.values(), *kind.collection_actions.values()):
        if isinstance(action.input, Kind):
            yield action.input


SECRETIVE = list({piece.id: piece for kind in ALL for piece in pieces(kind) if has_secrets(piece)}.values())


def sung(kind: Kind) -> dict[str, Any]:
    """A whole body with the canary in every secret, as deep as they are."""
    return {name: _sung(field) for name, field in kind.fields.items()}


def _sung(field: Field) -> Any:
    if field.secret:
        return {"deep": [CANARY]} if field.type == "json" else CANARY
    if field.part is None or not has_secrets(field.part):
        return fits(field)
    inner = sung(field.part)
    if field.element:
        return [inner] if field.type.startswith("array[") else {"any": inner}
    return inner


@pytest.mark.parametrize("kind", SECRETIVE, ids=lambda kind: kind.id)
def test_declared_secrets(kind: Kind) -> None:
    body = sung(kind)
    assert CANARY in json.dumps(body)
    assert CANARY not in json.dumps(redacted(body))
    assert CANARY not in json.dumps(redacted({"type": "collection", "data": [body]})), "in a collection"


def test_what_is_no_secret_stays() -> None:
    body = {"type": "catalog", "name": "helm", "url": "https://charts.example/x", "tokenId": "token-abcde", "n": 1}
    assert redacted(body) == body
    status = {"kind": "Status", "status": "Failure", "code": 404, "message": "no pods"}
    error = {"type": "error", "status": 422, "code": "InvalidFormat"}
    assert (redacted(status), redacted(error)) == (status, error)
    pod = {"kind": "Pod", "spec": {"containers": [{"name": "a", "image": "b", "env": [{"name": "A", "value": "1"}]}]}}
    assert redacted(pod) == pod


NAMES = [
    *(
        "password",
        "PASSWORD",
        "newPassword",
        "dbPasswd",
        "smtp_password",
        "secret",
        "clientSecret",
        "token",
        "apiToken",
    ),
    *("access_token", "credential", "credentials", "Authorization", "Cookie", "set-cookie", "kubeconfig", "kubeConfig"),
    *("private-key", "privateKey", "secretKey", "AWS_SECRET_ACCESS_KEY", "api_key", "apikey", "client-key-data"),
    *("bindPasswords", "passphrase", "R_SESS", "CSRF", "x-api-csrf", "auth", "config", "passwordHash"),
    *("kubectl.kubernetes.io/last-applied-configuration", ".dockerconfigjson"),
]


@pytest.mark.parametrize("name", NAMES)
def test_secret_names(name: str) -> None:
    for value in (CANARY, [CANARY], {"a": CANARY}, 4711):
        assert redacted({"x": [{name: value}]}) == {"x": [{name: HIDDEN}]}
    assert redacted({"name": name, "value": CANARY})["value"] == HIDDEN
    path = f"/spec/{name.replace('/', '~1')}"
    assert CANARY not in json.dumps(redacted([{"op": "add", "path": path, "value": CANARY}]))
    assert CANARY not in address("/v3/x", f"{name}={CANARY}")


SHAPES = [
    f"token-abcde:{KEY}",
    f"https://lariat.example/v3/import/{KEY}.yaml",
    JWT,
    PEM,
    PEM.partition("-----END")[0],
    "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQpjYW5hcnk=",
    "Bearer canary-canary",
    "basic Y2FuYXJ5OmNhbmFyeQ==",
    "users:\n- user:\n    token: canary-canary\n",
    "users:\n- user:\n    client-key-data: canary-canary\n",
    "mysql --password=canary-canary -h db",
    "mysql --password canary-canary -h db",
    'db.password = "canary canary"',
    "https://bob:canary-canary@git.example/x",
    "redirect?access_token%3dcanary-canary",
]


@pytest.mark.parametrize("text", SHAPES)
def test_texts_that_look_like_secrets(text: str) -> None:
    for whole in (redacted({"message": text}), redacted([text]), redacted({text: 1}), plain(text)):
        words = ("canary", KEY, JWT, "MIIE", "Y2FuYXJ5", "pjYW5hcnk")
        assert [word for word in words if word in json.dumps(whole)] == []


SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {
        "name": "s",
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": f'{{"a":"{CANARY}"}}'},
    },
    "data": {"plain": CANARY},
    "stringData": {"plain": CANARY},
}
PATCHES = [
    [{"op": "replace", "path": "/data/plain", "value": CANARY}],
    [{"op": "add", "path": "/stringData", "value": {"plain": CANARY}}],
    [{"op": "add", "path": "/items/0/data/a~1b", "value": CANARY}],
    [{"op": "add", "path": "/spec", "value": {"password": CANARY}}],
    [{"op": "add", "path": "/slackConfig/url", "value": CANARY}],
]
BODIES = [
    ("application/json", json.dumps(SECRET)),
    ("application/json", json.dumps({"kind": "SecretList", "items": [SECRET]})),
    ("application/strategic-merge-patch+json", json.dumps({"data": {"plain": CANARY}})),
    *[("application/json-patch+json", json.dumps(patch)) for patch in PATCHES],
    ("application/apply-patch+yaml", yaml.safe_dump(SECRET)),
    ("application/apply-patch+yaml", json.dumps(SECRET)),
    ("application/vnd.kubernetes.protobuf", f"k8s\x00\x0a\x0c{CANARY}"),
    ("application/json;stream=watch", f'{{"object":{json.dumps(SECRET)}}}\n' * 2),
    ("text/plain", CANARY),
    ("application/json", json.dumps(SECRET)[:-1]),
    ("application/json", '{"a":' * 20_000 + f'"{CANARY}"' + "}" * 20_000),
]


@pytest.mark.parametrize(("type", "text"), BODIES, ids=[f"{type} {len(text)}" for type, text in BODIES])
def test_secrets_of_kubernetes(type: str, text: str) -> None:
    data = text.encode()
    assert CANARY not in json.dumps(shown(Body(data, type, size=len(data))))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (Body(b'"x"' + b" " * LARGEST, size=LARGEST + 3), "too large"),
        (Body(b'"x"', size=10**9), "too large"),
        (Body(b"\x1f\x8b", encoding="gzip", size=2), "compressed"),
        (Body(b'"x"', size=3, whole=False), "not all of it arrived in time"),
        (Body(b"k8s\0", "application/vnd.kubernetes.protobuf", size=4), "no JSON"),
        (Body(b'{"a":NaN}', size=9), "no JSON"),
        (Body(b'{"a":-1e999}', size=12), "no JSON"),
        (Body(b"9" * 9999, size=9999), "no JSON"),
        (Body(b"[" * LARGEST, size=LARGEST), "no JSON"),
    ],
)
def test_what_can_not_be_read_is_named_only(body: Body, reason: str) -> None:
    assert shown(body) == {"withheld": reason, "bytes": body.size, "type": body.type}


def test_nothing_stays_nothing() -> None:
    assert shown(Body(b"")) is None


@pytest.mark.parametrize(
    "path", ["/v3/import/abc.yaml", "/v3//import/abc.yaml", "/v3/%69mport/abc.yaml", "/V3/Import/abc"]
)
def test_an_import_names_its_token_nowhere(path: str) -> None:
    assert "abc" not in address(path, "")


def test_addresses_stay_as_they_came() -> None:
    assert address("/api/v1/pods", "watch=1&labelSelector=a%3Db") == "/api/v1/pods?watch=1&labelSelector=a%3Db"
    assert address("/x", "command=mysql&command=--password%3Dhush") == "/x?command=mysql&command=[redacted]"
    assert len(address("/" + "a" * 10**5, "b" * 10**5)) < 10_000


@pytest.mark.parametrize(
    "text", ["eyJ" * 10_000, "token " * 6_000, "-----BEGIN PRIVATE KEY-----" * 1_200, "password=" * 4_000]
)
def test_no_text_takes_long(text: str) -> None:
    assert len(plain(text)) <= 2 * LARGEST
