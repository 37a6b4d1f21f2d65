"""Whoever asks, a cluster is told exactly one identity: the one that was proven."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.hostile.scene import OURS, User
from tests.support.lariat import Client
from tests.support.recorder import TOKEN, Recorder
from tests.support.wire import HANDSHAKE, Wire, chunked, head, post

pytestmark = pytest.mark.cluster


IDENTITY = {
    "Impersonate-User": "Impersonate-User: {root}",
    "lower case": "impersonate-user: {root}",
    "upper case": "IMPERSONATE-USER: {root}",
    "mixed case": "iMpErSoNaTe-UsEr: {root}",
    "underscore": "Impersonate_User: {root}",
    "doubled": "Impersonate-User: {plain}\r\nImpersonate-User: {root}",
    "doubled in two cases": "impersonate-user: {root}\r\nIMPERSONATE-USER: {root}",
    "empty": "Impersonate-User:",
    "Impersonate-Group": "Impersonate-Group: system:masters",
    "group in lower case": "impersonate-group: system:masters",
    "group doubled": "Impersonate-Group: system:authenticated\r\nImpersonate-Group: system:masters",
    "group with underscore": "Impersonate_Group: system:masters",
    "groups in a list": "Impersonate-Group: system:authenticated, system:masters",
    "Impersonate-Uid": "Impersonate-Uid: 0",
    "Impersonate-Extra": "Impersonate-Extra-Scopes: everything",
    "user and group": "Impersonate-User: {root}\r\nImpersonate-Group: system:masters",
    "Connection: Impersonate-User": "Connection: close, Impersonate-User",
    "Connection: impersonate-user": "Connection: close, impersonate-user",
    "Connection: Impersonate-Group": "Connection: close, Impersonate-Group",
    "Connection: Impersonate-Uid": "Connection: close, Impersonate-Uid",
    "Connection: Impersonate-Extra": "Connection: close, Impersonate-Extra-Scopes",
    "Connection: Authorization": "Connection: close, Authorization",
    "Connection: X-Remote-User": "Connection: close, X-Remote-User, X-Remote-Group",
    "Connection and the header": "Connection: close, Impersonate-User\r\nImpersonate-User: {root}",
    "Connection twice": "Connection: Impersonate-User\r\nConnection: close",
    "Keep-Alive names it": "Keep-Alive: Impersonate-User",
    "X-Remote-User": "X-Remote-User: {root}",
    "X-Remote-Group": "X-Remote-User: {root}\r\nX-Remote-Group: system:masters",
    "X-Remote-Extra": "X-Remote-Extra-Scopes: everything",
    "X-Forwarded-User": "X-Forwarded-User: {root}\r\nX-Forwarded-Groups: system:masters",
    "X-Forwarded-For": "X-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\nForwarded: for=127.0.0.1",
    "X-Forwarded-Host": "X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Prefix: /k8s",
    "X-Original-URL": "X-Original-URL: /version\r\nX-Rewrite-URL: /version",
    "X-HTTP-Method-Override": "X-HTTP-Method-Override: DELETE\r\nX-HTTP-Method: DELETE\r\nX-Method-Override: DELETE",
    "cookie": "Cookie: R_SESS={token}",
    "Proxy-Authorization": "Proxy-Authorization: Bearer {token}",
    "tunnel token": "X-API-Tunnel-Token: {token}",
}


def hostile(header: str, plain: User, root: str, admin: Client) -> tuple[str, ...]:
    user = admin.get("/v3/users?me=true").json()["data"][0]["id"]
    return tuple(header.format(root=user, plain=plain.id, token=root).split("\r\n"))


@pytest.mark.parametrize("header", IDENTITY.values(), ids=IDENTITY.keys())
def test_the_cluster_sees_the_plain_user_whatever_he_sends(
    wire: Wire, real: str, plain: User, root: str, admin: Client, header: str
) -> None:
    answer = wire.ask(head(f"{real}/api/v1/secrets", *hostile(header, plain, root, admin), token=plain.token))
    assert answer.is_status(403)
    assert f'User "{plain.id}" cannot list resource "secrets"' in answer.json["message"]


@pytest.mark.parametrize("header", IDENTITY.values(), ids=IDENTITY.keys())
def test_exactly_one_identity_reaches_the_cluster_whatever_is_sent(
    wire: Wire, tape: str, recorder: Recorder, plain: User, root: str, admin: Client, header: str
) -> None:
    before = len(recorder.requests("/identity"))
    answer = wire.ask(head(f"{tape}/identity", *hostile(header, plain, root, admin), token=plain.token))
    assert answer.status == 200
    (request,) = recorder.requests("/identity")[before:]
    assert request.method == "GET"
    assert sorted(request.names) == [
        "authorization",
        "host",
        "impersonate-group",
        "impersonate-group",
        "impersonate-user",
    ]
    assert request.values("impersonate-user") == [plain.id]
    assert request.values("impersonate-group") == OURS
    assert request.values("authorization") == [f"Bearer {TOKEN}"]
    assert request.values("host") == [f"127.0.0.1:{recorder.port}"]


def test_the_administrator_does_read_secrets(wire: Wire, real: str, root: str) -> None:
    assert wire.ask(head(f"{real}/api/v1/secrets", token=root)).json["kind"] == "SecretList"


def test_an_administrator_can_not_become_somebody_else(wire: Wire, tape: str, recorder: Recorder, root: str) -> None:
    assert wire.ask(head(f"{tape}/as-root", "Impersonate-User: system:admin", token=root)).status == 200
    (request,) = recorder.requests("/as-root")
    assert len(request.values("impersonate-user")) == 1
    assert request.values("impersonate-user")[0].startswith("user-")
    assert request.values("impersonate-group") == OURS


def review(kind: str, spec: dict[str, Any]) -> tuple[str, bytes]:
    path = f"/apis/authorization.k8s.io/v1/{kind.lower()}s"
    return path, json.dumps({"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}).encode()


EVERYTHING = (
    "Impersonate-User: system:admin",
    "impersonate-group: system:masters",
    "Impersonate_Group: system:masters",
    "X-Remote-User: system:admin",
    "X-Remote-Group: system:masters",
    "Connection: close, Impersonate-User, Impersonate-Group, Authorization",
    "Content-Type: application/json",
)


def test_the_plain_user_may_do_nothing_with_all_tricks_at_once(wire: Wire, real: str, plain: User) -> None:
    path, body = review("SelfSubjectAccessReview", {"resourceAttributes": {"verb": "*", "group": "*", "resource": "*"}})
    answer = wire.ask(post(real + path, body, *EVERYTHING, token=plain.token))
    assert answer.status == 201
    assert answer.json["status"] == {"allowed": False}


def test_the_plain_users_rules_stay_those_of_everybody(wire: Wire, real: str, plain: User) -> None:
    path, body = review("SelfSubjectRulesReview", {"namespace": "default"})
    answer = wire.ask(post(real + path, body, *EVERYTHING, token=plain.token))
    resources = {resource for rule in answer.json["status"]["resourceRules"] for resource in rule["resources"]}
    assert resources == {"selfsubjectaccessreviews", "selfsubjectrulesreviews"}


def test_the_plain_user_may_not_impersonate(wire: Wire, real: str, plain: User) -> None:
    attributes = {"verb": "impersonate", "resource": "users"}
    path, body = review("SelfSubjectAccessReview", {"resourceAttributes": attributes})
    answer = wire.ask(post(real + path, body, "Content-Type: application/json", token=plain.token))
    assert answer.json["status"] == {"allowed": False}


def test_an_upgrade_carries_the_callers_identity_alone(wire: Wire, tape: str, recorder: Recorder, plain: User) -> None:
    headers = (*HANDSHAKE, "Impersonate-User: admin", "Impersonate-Group: system:masters", "Cookie: a=b")
    assert wire.ask(head(f"{tape}/identity-upgrade", *headers, token=plain.token)).status == 200
    (request,) = recorder.requests("identity-upgrade")
    assert request.values("impersonate-user") == [plain.id]
    assert request.values("impersonate-group") == OURS
    assert request.values("authorization") == [f"Bearer {TOKEN}"]
    assert "cookie" not in request.names


def test_a_trailer_about_identity_does_not_reach_the_cluster(
    wire: Wire, tape: str, recorder: Recorder, plain: User
) -> None:
    start = head(f"{tape}/identity-trailer", "Transfer-Encoding: chunked", method="POST", token=plain.token)
    end = b"0\r\nImpersonate-User: admin\r\nImpersonate-Group: system:masters\r\n\r\n"
    assert wire.ask(start + chunked(b"{}", end=end)).status == 200
    (request,) = recorder.requests("identity-trailer")
    assert request.values("impersonate-user") == [plain.id]
    assert request.values("impersonate-group") == OURS
