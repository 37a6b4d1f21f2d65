"""Agents at the door: what they must show, and what is kept of what they tell."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.auth.tokens import KEY_LENGTH
from chalicelib.errors import Invalid, Unauthorized
from chalicelib.gateway.agents import LARGEST_CERTIFICATE, LARGEST_TOKEN, Agents, Terms
from chalicelib.types import Key, Resource
from tests.support.server import BASE, Caller, Server, serving

CA = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n").decode()
ACCOUNT = "a service account's token"
FACTS = {"address": "10.43.0.1:443", "caCert": CA, "token": ACCOUNT}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as server:
        yield server


@pytest.fixture
def admin(server: Server) -> Caller:
    return server.user("admin", administrator=True)


@pytest.fixture
def cluster(admin: Caller) -> str:
    return str(admin.make("/v3/clusters", {"name": "one"})["id"])


@pytest.fixture
def token(admin: Caller, cluster: str) -> str:
    return str(admin.make("/v3/clusterregistrationtokens", {"clusterId": cluster})["token"])


def register(server: Server, shown: str, /, **changed: Any) -> Any:
    agents = server.parts.agents
    return agents.register(agents.admit(shown).cluster, {"cluster": {**FACTS, **changed}}, BASE)


def stored(server: Server, cluster: str) -> Resource:
    return server.resources.get("cluster", cluster)


def test_an_agent_is_told_how_to_connect(server: Server, token: str, cluster: str) -> None:
    assert register(server, token) == {
        "type": "tunnel",
        "clusterId": cluster,
        "url": "wss://lariat.example/v3/connect",
        "keepalive": 20,
        "lifetime": 7200,
        "frame": 0,
        "linger": 2,
        "ping": "",
        "patience": 0,
    }


def test_where_the_tunnel_has_a_host_of_its_own_that_is_told(server: Server, token: str) -> None:
    agents = Agents(server.resources, server.seal, Terms(1, 2, "wss://tunnel.example/x"))
    assert agents.register(agents.admit(token).cluster, {"cluster": FACTS}, BASE)["url"] == "wss://tunnel.example/x"


def test_the_api_hands_the_registration_on(server: Server, token: str, cluster: str) -> None:
    reply = server.nobody.post("/v3/connect/register", {"cluster": FACTS}, headers=[("x-api-tunnel-token", token)])
    assert (reply.status, reply.json["clusterId"]) == (200, cluster)


def test_what_it_tells_is_shown(server: Server, admin: Caller, token: str, cluster: str) -> None:
    register(server, token)
    shown = admin.get(f"/v3/clusters/{cluster}").json
    assert (shown["driver"], shown["apiEndpoint"], shown["caCert"]) == ("imported", "https://10.43.0.1:443", CA)


def test_the_accounts_token_is_sealed(server: Server, token: str, cluster: str) -> None:
    register(server, token)
    sealed = stored(server, cluster).sealed["serviceAccountToken"]
    assert server.seal.open(sealed, f"{cluster}/serviceAccountToken") == ACCOUNT
    assert ACCOUNT.encode() not in server.rows()


def test_the_same_again_is_not_written(server: Server, token: str, cluster: str) -> None:
    register(server, token)
    before = stored(server, cluster)
    register(server, token)
    assert stored(server, cluster) == before


@pytest.mark.parametrize("changed", [{"address": "10.43.0.2:443"}, {"caCert": ""}, {"token": "another"}, {"token": ""}])
def test_news_are_written(server: Server, token: str, cluster: str, changed: dict[str, str]) -> None:
    register(server, token)
    before = stored(server, cluster)
    register(server, token, **changed)
    assert stored(server, cluster).version == before.version + 1


def test_other_news_leave_the_sealed_token_as_it_is(server: Server, token: str, cluster: str) -> None:
    register(server, token)
    before = stored(server, cluster).sealed
    register(server, token, address="10.43.0.2:443")
    assert stored(server, cluster).sealed == before


def test_an_account_without_a_token_takes_the_old_one_away(server: Server, token: str, cluster: str) -> None:
    register(server, token)
    register(server, token, token="")
    assert stored(server, cluster).sealed == {}


def test_a_cluster_of_another_driver_is_not_touched(server: Server, token: str, cluster: str) -> None:
    server.resources.update(Key("cluster", cluster), lambda old: replace(old, status={"driver": "other"}))
    before = stored(server, cluster)
    assert register(server, token)["clusterId"] == cluster
    assert stored(server, cluster) == before


@pytest.mark.parametrize("token", ["", "x", "b" * KEY_LENGTH, "é" * KEY_LENGTH, "b" * 100_000])
def test_an_unknown_token_is_refused(server: Server, cluster: str, token: str) -> None:
    for attempt in (lambda: register(server, token), lambda: server.parts.agents.admit(token)):
        with pytest.raises(Unauthorized, match="the registration token is unknown"):
            attempt()


@pytest.mark.parametrize("what", ["cluster", "token"])
def test_with_its_token_or_its_cluster_an_agent_is_out(
    server: Server, admin: Caller, token: str, cluster: str, what: str
) -> None:
    assert server.parts.agents.admit(token).cluster == cluster
    (registration,) = admin.get("/v3/clusterregistrationtokens").ids
    gone = {"cluster": f"/v3/clusters/{cluster}", "token": f"/v3/clusterregistrationtokens/{registration}"}
    admin.delete(gone[what])
    with pytest.raises(Unauthorized):
        server.parts.agents.admit(token)


@pytest.mark.parametrize("document", [{}, {"cluster": None}, {"cluster": []}, {"cluster": "x"}, {"node": {}}])
def test_a_document_without_a_cluster(server: Server, token: str, cluster: str, document: Any) -> None:
    before = stored(server, cluster)
    with pytest.raises(Invalid) as caught:
        server.parts.agents.register(cluster, document, BASE)
    assert (caught.value.code, caught.value.field) == ("MissingRequired", "cluster")
    assert stored(server, cluster) == before


HOSTILE: list[tuple[str, list[Any]]] = [
    (
        "address",
        [
            *(None, 7, [], {}, "", "10.0.0.1", ":443", "10.0.0.1:", "10.0.0.1:x", "10.0.0.1:123456", "10.0.0.1:65536"),
            *(
                "https://10.0.0.1:443",
                "10.0.0.1:443/x",
                "u@10.0.0.1:443",
                "10.0.0.1:443\n",
                "-x:443",
                "x-:443",
                "é:443",
            ),
            *(
                "a b:443",
                "[::1:443",
                "[]:443",
                "[x]:443",
                "a" * 300 + ":443",
                "10.0.0.1:٤٤٣",
                "10.0.0.1:443?x",
                "<b>:1",
            ),
        ],
    ),
    (
        "caCert",
        [
            *(None, 7, [], {}, "x", "é", "====", "-----BEGIN CERTIFICATE-----", base64.b64encode(b"x").decode()),
            *(CA + "\n", CA[:-1], "A" * (LARGEST_CERTIFICATE + 4)),
        ],
    ),
    ("token", [None, 7, [], {}, "é", "x" * (LARGEST_TOKEN + 1)]),
]


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in HOSTILE for value in values])
def test_a_hostile_document_is_refused_and_nothing_is_kept(
    server: Server, token: str, cluster: str, name: str, value: Any
) -> None:
    before = stored(server, cluster)
    headers = [("x-api-tunnel-token", token)]
    reply = server.nobody.post("/v3/connect/register", {"cluster": {**FACTS, name: value}}, headers=headers)
    assert reply.error == (422, "InvalidFormat", name)
    assert stored(server, cluster) == before


@pytest.mark.parametrize(
    "address", ["10.0.0.1:443", "kubernetes.default.svc:6443", "[fd00::1]:443", "a:1", "A.B-c:65535"]
)
def test_addresses_that_are_some(server: Server, token: str, cluster: str, address: str) -> None:
    register(server, token, address=address)
    assert stored(server, cluster).status["apiEndpoint"] == f"https://{address}"


def test_what_else_a_document_says_is_ignored(server: Server, token: str, cluster: str) -> None:
    server.parts.agents.register(cluster, {"cluster": {**FACTS, "driver": "rke", "id": "c-x"}, "node": []}, BASE)
    assert stored(server, cluster).status.keys() == {"driver", "apiEndpoint", "caCert"}
