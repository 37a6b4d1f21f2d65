"""Who is nobody: bad, doubled and dead credentials, and tokens of one cluster everywhere else."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml

from tests.e2e.hostile.scene import User, new_user, token_of
from tests.support.lariat import PASSWORD, Client, Imported, Lariat
from tests.support.recorder import Recorder
from tests.support.wire import Wire, head, post

pytestmark = pytest.mark.cluster


SHAPE_OF_NOBODY = {"type": "error", "status": "401", "message": "must authenticate"}


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
def test_the_scheme_may_be_in_any_case(wire: Wire, tape: str, plain: User, scheme: str) -> None:
    assert wire.ask(head(f"{tape}/version", f"Authorization: {scheme} {plain.token}")).status == 200


def test_basic_with_a_token_is_that_user(wire: Wire, real: str, plain: User) -> None:
    pair = base64.b64encode(plain.token.encode()).decode()
    answer = wire.ask(head(f"{real}/api/v1/secrets", f"Authorization: Basic {pair}"))
    assert f'User "{plain.id}" cannot list' in answer.json["message"]


def test_basic_with_a_password_is_nobody(wire: Wire, real: str) -> None:
    pair = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    assert wire.ask(head(f"{real}/version", f"Authorization: Basic {pair}")).is_status(401)


@pytest.mark.parametrize("path", ["{tape}/hostile", "/v3/users"])
@pytest.mark.parametrize(
    "pair",
    [("{plain}", "{root}"), ("{root}", "{plain}"), ("{plain}", "nobody:x"), ("nobody:x", "{plain}"), ("{root}", "{root}")],
    ids=["plain, admin", "admin, plain", "valid, invalid", "invalid, valid", "the same twice"],
)  # fmt: skip
def test_two_credentials_are_nobody(
    wire: Wire, tape: str, recorder: Recorder, plain: User, root: str, path: str, pair: tuple[str, str]
) -> None:
    headers = [f"Authorization: Bearer {each.format(plain=plain.token, root=root)}" for each in pair]
    assert wire.ask(head(path.format(tape=tape), *headers)).status == 401
    assert recorder.requests("hostile") == []


BAD = {
    "none": (),
    "empty": ("Authorization:",),
    "no value": ("Authorization: Bearer",),
    "the token alone": ("Authorization: {token}",),
    "unknown": ("Authorization: Bearer token-zzzzz:zzzzz",),
    "key cut by one": ("Authorization: Bearer {cut}",),
    "key longer by one": ("Authorization: Bearer {token}x",),
    "other scheme": ("Authorization: Digest {token}",),
    "two in a list": ("Authorization: Bearer {token}, Bearer {token}",),
    "not base64": ("Authorization: Basic !!!",),
    "beyond ASCII": ("Authorization: Bearer {token}\xe9",),
    "another cookie": ("Cookie: token={token}",),
    "in the query": ("X-Token: {token}",),
}


@pytest.mark.parametrize("headers", BAD.values(), ids=BAD.keys())
def test_under_k8s_nobody_gets_a_kubernetes_status(
    wire: Wire, tape: str, recorder: Recorder, root: str, headers: tuple[str, ...]
) -> None:
    sent = [header.format(token=root, cut=root[:-1]) for header in headers]
    answer = wire.ask(head(f"{tape}/hostile?token={root}", *sent))
    assert answer.is_status(401)
    assert answer.json["reason"] == "Unauthorized"
    assert recorder.requests("hostile") == []


def test_under_k8s_a_browsers_cookie_is_nobody(wire: Wire, tape: str, root: str) -> None:
    """Else any page could have its visitor's browser ask a cluster."""
    assert wire.ask(head(f"{tape}/hostile", f"Cookie: R_SESS={root}")).is_status(401)


@pytest.mark.parametrize("headers", BAD.values(), ids=BAD.keys())
def test_under_v3_nobody_gets_the_v3_error(wire: Wire, root: str, headers: tuple[str, ...]) -> None:
    sent = [header.format(token=root, cut=root[:-1]) for header in headers]
    answer = wire.ask(head(f"/v3/clusters?token={root}", *sent))
    assert (answer.status, answer.json) == (401, SHAPE_OF_NOBODY)


@pytest.mark.parametrize("path", ["{tape}/hostile", "/v3/users"])
def test_basic_with_letters_beyond_ascii_is_nobody(wire: Wire, tape: str, path: str) -> None:
    assert wire.ask(head(path.format(tape=tape), "Authorization: Basic \xe9")).status == 401


def test_an_upgrade_with_such_a_credential_is_answered(wire: Wire, tape: str) -> None:
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Authorization: Basic \xe9")
    assert wire.ask(head(f"{tape}/hostile", *upgrade), seconds=2).status == 401


def expired(lariat: Lariat, admin: Client) -> str:
    return str(admin.post("/v3/tokens", json={"ttl": 1}).json()["token"])


def deleted(lariat: Lariat, admin: Client) -> str:
    made = admin.post("/v3/tokens", json={}).json()
    assert admin.delete(f"/v3/tokens/{made['id']}").status_code == 204
    return str(made["token"])


def logged_out(lariat: Lariat, admin: Client) -> str:
    with lariat.log_in() as client:
        assert client.post("/v3/tokens?action=logout").status_code == 200
        return token_of(client)


def of_a_disabled_user(lariat: Lariat, admin: Client) -> str:
    user = new_user(lariat, admin, "disabled")
    with lariat.client(user.token) as client:
        assert client.get("/v3/users").status_code == 200
    assert admin.put(f"/v3/users/{user.id}", json={"enabled": False}).status_code == 200
    return user.token


def of_a_deleted_user(lariat: Lariat, admin: Client) -> str:
    user = new_user(lariat, admin, "deleted")
    with lariat.client(user.token) as client:
        assert client.get("/v3/users").status_code == 200
    assert admin.delete(f"/v3/users/{user.id}").status_code == 204
    return user.token


@pytest.mark.parametrize("dead", [expired, deleted, logged_out, of_a_disabled_user, of_a_deleted_user])
def test_a_token_that_is_good_no_more_is_nobody_at_once(
    lariat: Lariat, admin: Client, wire: Wire, tape: str, dead: Any
) -> None:
    token = dead(lariat, admin)
    under_k8s, under_v3 = wire.ask(head(f"{tape}/version", token=token)), wire.ask(head("/v3/users", token=token))
    assert under_k8s.is_status(401)
    assert (under_v3.status, under_v3.json["type"], under_v3.json["status"]) == (401, "error", "401")


@pytest.fixture(scope="module")
def scoped(recorded: Imported, admin: Client) -> str:
    """The administrator's token for the recorded cluster alone."""
    return str(admin.post("/v3/tokens", json={"clusterId": recorded.id}).json()["token"])


@pytest.fixture(scope="module")
def generated(recorded: Imported) -> str:
    """The token in the administrator's kubeconfig of the recorded cluster."""
    return str(yaml.safe_load(recorded.kubeconfig().read_text())["users"][0]["user"]["token"])


def test_a_token_of_one_cluster_is_good_there(wire: Wire, tape: str, scoped: str) -> None:
    assert wire.ask(head(f"{tape}/version", token=scoped)).status == 200


@pytest.mark.parametrize("path", ["{real}/version", "/k8s/clusters/local/version", "/k8s/clusters/c-nope1/version"])
def test_a_token_of_one_cluster_is_nobody_in_another(wire: Wire, real: str, scoped: str, path: str) -> None:
    answer = wire.ask(head(path.format(real=real), token=scoped))
    assert answer.is_status(401)
    assert answer.json["message"] == "clusterID does not match"


@pytest.mark.parametrize(
    "path",
    [
        "/v3", "/v3/users", "/v3/clusters", "/v3/tokens", "/v3/schemas", "/v3/clusters/{other}",
        "/v3/clusters/{other}/../{own}", "/v3/clusters//{other}", "/v3/users/{own}", "/v3/%63lusters/{other}",
    ],
)  # fmt: skip
def test_a_token_of_one_cluster_is_nobody_in_the_rest_of_the_api(
    wire: Wire, imported: Imported, recorded: Imported, scoped: str, path: str
) -> None:
    answer = wire.ask(head(path.format(other=imported.id, own=recorded.id), token=scoped))
    assert (answer.status, answer.json["message"]) == (401, "clusterID does not match")


def test_a_token_of_one_cluster_shows_that_cluster(wire: Wire, recorded: Imported, scoped: str, generated: str) -> None:
    for token in (scoped, generated):
        assert wire.ask(head(f"/v3/clusters/{recorded.id}", token=token)).json["id"] == recorded.id


CHANGES = {
    "generateKubeconfig": ("POST", "?action=generateKubeconfig", b""),
    "PUT": ("PUT", "", b'{"name":"renamed"}'),
    "DELETE": ("DELETE", "", b""),
}


@pytest.mark.parametrize(("method", "query", "body"), CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("made", ["scoped", "generated"])
def test_a_token_of_one_cluster_changes_nothing_of_it(
    wire: Wire, recorded: Imported, scoped: str, generated: str, made: str, method: str, query: str, body: bytes
) -> None:
    token = {"scoped": scoped, "generated": generated}[made]
    answer = wire.ask(post(f"/v3/clusters/{recorded.id}{query}", body, method=method, token=token))
    assert (answer.status, answer.json["message"]) == (401, "clusterID does not match")
    shown = recorded.show()
    assert (shown["name"], shown["state"]) == ("recorded", "active")


def test_an_unknown_cluster_is_missing_for_an_administrator(wire: Wire, root: str) -> None:
    assert wire.ask(head("/k8s/clusters/c-nope1/version", token=root)).is_status(404)


def test_an_unknown_cluster_is_forbidden_for_a_plain_user(wire: Wire, plain: User) -> None:
    assert wire.ask(head("/k8s/clusters/c-nope1/version", token=plain.token)).is_status(403)
