"""Secrets of each type: what is shown, what never is, and what a change keeps."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from chalicelib.errors import Invalid
from chalicelib.mapping import secrets
from chalicelib.mapping.kinds import find
from tests.support.pem import CHAIN as CERTS
from tests.support.pem import KEY, OTHER_KEY

CANARY = "canary-7f3a"
NAMED = {"name": "n", "namespaceId": "default"}

HIDING = [
    ("certificate", {"certs": CERTS, "key": KEY}, "key", "tls.key"),
    ("basicAuth", {"username": "u", "password": CANARY}, "password", "password"),
    ("sshAuth", {"privateKey": CANARY}, "privateKey", "ssh-privatekey"),
    ("serviceAccountToken", {"accountName": "a", "token": CANARY}, "token", "token"),
]


def decoded(source: dict[str, Any], key: str) -> str:
    return base64.b64decode(source["data"][key]).decode()


@pytest.mark.parametrize(("id", "values", "hidden", "key"), HIDING)
@pytest.mark.parametrize("prefix", ["", "namespaced"])
def test_write_only_values_are_kept_and_never_shown(
    prefix: str, id: str, values: dict[str, Any], hidden: str, key: str
) -> None:
    kind = find(f"{prefix}{id}")
    assert kind is not None
    made = kind.to_kubernetes({**NAMED, **values})
    assert decoded(made, key) == values[hidden]
    for viewer in (kind, find("namespacedSecret")) if prefix else (kind,):
        assert viewer is not None
        shown = viewer.to_v3(made)
        assert hidden not in shown
        assert "data" not in shown
        assert made["data"][key] not in json.dumps(shown)
        assert values[hidden] not in json.dumps(shown)
        assert viewer.to_kubernetes({**shown, hidden: None}, made) == made
        assert decoded(viewer.to_kubernetes({**shown, hidden: ""}, made), key) == values[hidden]
        assert shown["type"] == kind.id
        assert shown["baseType"] == ("namespacedSecret" if prefix else "secret")


@pytest.mark.parametrize("kind", ["secret", "Opaque", None])
def test_a_secret_may_be_called_what_it_is(kind: str | None) -> None:
    secret = find("namespacedSecret")
    assert secret is not None
    made = secret.to_kubernetes({**NAMED, "kind": kind, "data": {"a": "AAEC"}})
    assert made["data"] == {"a": "AAEC"}
    assert secrets.of(made) is secret


@pytest.mark.parametrize("kind", ["certificate", "kubernetes.io/tls"])
def test_a_secret_created_by_its_type_is_handled_as_that(kind: str) -> None:
    secret = find("namespacedSecret")
    assert secret is not None
    made = secret.to_kubernetes({**NAMED, "kind": kind, "certs": CERTS, "key": KEY})
    assert made["type"] == "kubernetes.io/tls"
    assert secrets.of(made).id == "namespacedCertificate"


def test_what_a_certificate_says() -> None:
    kind = find("namespacedCertificate")
    assert kind is not None
    shown = kind.to_v3(kind.to_kubernetes({**NAMED, "certs": CERTS, "key": KEY}))
    assert shown["cn"] == "one"
    assert shown["subjectAlternativeNames"] == ["one.example.org", "10.1.2.3"]
    assert shown["algorithm"] == "ECDSA"
    assert shown["version"] == "3"
    assert shown["issuedAt"] < shown["expiresAt"]
    unreadable = kind.to_v3({"metadata": {"name": "n"}, "type": "kubernetes.io/tls", "data": {"tls.crt": "AAAA"}})
    assert "cn" not in unreadable


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"certs": "x"}, "certs"),
        ({"certs": CERTS, "key": "x"}, "key"),
        ({"certs": CERTS, "key": OTHER_KEY}, "key"),
        ({"certs": 7}, "certs"),
    ],
)
def test_a_broken_certificate_is_refused(values: dict[str, Any], field: str) -> None:
    kind = find("certificate")
    assert kind is not None
    with pytest.raises(Invalid) as refused:
        kind.to_kubernetes({**NAMED, **values})
    assert (refused.value.code, refused.value.field) == ("InvalidBodyContent", field)


def registries(source: dict[str, Any]) -> Any:
    return json.loads(decoded(source, ".dockerconfigjson"))["auths"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"username": "u", "description": "d"}, {"username": "u", "password": "p", "auth": "dTpw", "description": "d"}),
        ({"username": "u", "password": "q"}, {"username": "u", "password": "q", "auth": "dTpx"}),
        ({"username": "v"}, {"username": "v"}),
        ({"username": "v", "auth": "dTpw"}, {"username": "v"}),
    ],
)
def test_a_registry_keeps_its_password_with_its_user(change: dict[str, Any], expected: dict[str, Any]) -> None:
    kind = find("dockerCredential")
    assert kind is not None
    made = kind.to_kubernetes({**NAMED, "registries": {"r": {"username": "u", "password": "p"}}})
    assert made["type"] == "kubernetes.io/dockerconfigjson"
    assert kind.to_v3(made)["registries"] == {"r": {"username": "u"}}
    assert registries(kind.to_kubernetes({"registries": {"r": change}}, made)) == {"r": expected}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"auth": ""}, {"auth": "dTpw"}),
        ({"description": "d"}, {"auth": "dTpw", "description": "d"}),
        ({"auth": "dTpx"}, {"auth": "dTpx"}),
        ({"username": "v"}, {"username": "v"}),
    ],
)
def test_a_registry_without_a_user_keeps_what_is_never_shown(change: dict[str, Any], expected: dict[str, Any]) -> None:
    """``docker login`` writes ``auth`` alone."""
    kind = find("dockerCredential")
    assert kind is not None
    made = kind.to_kubernetes({**NAMED, "registries": {"r": {"auth": "dTpw"}}})
    assert kind.to_v3(made)["registries"] == {"r": {}}
    assert registries(kind.to_kubernetes({"registries": {"r": change}}, made)) == {"r": expected}


@pytest.mark.parametrize("id", [*secrets.NAMESPACED])
def test_each_kind_has_its_own_type_alone_and_secrets_have_all(id: str) -> None:
    kind = secrets.NAMESPACED[id]
    for type in ("Opaque", *secrets.TYPES):
        stored = {"type": type, "metadata": {"name": "n"}}
        mine = id == "secret" or secrets.TYPES.get(type) == id
        assert secrets.is_left_out(kind, stored) is not mine
        copied = {**stored, "metadata": {"name": "n", "annotations": {secrets.COPY: "true"}}}
        assert secrets.is_left_out(kind, copied)
