"""The deployed server answers, as far as that needs no cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import websocket

from chalicelib.gateway.sockets import TOKEN
from chalicelib.tunnel.frames import Frame, Kind, decode, encode
from tests.infra.stack import Stack
from tests.support.lariat import PASSWORD, Client, Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def link(lariat: Server) -> Iterator[websocket.WebSocket]:
    link = websocket.WebSocket(sslopt={"ca_certs": str(lariat.authority)})
    yield link
    link.shutdown()


def test_ping(lariat: Server) -> None:
    with lariat.client() as anybody:
        answer = anybody.get("/ping")
    assert (answer.status_code, answer.text) == (200, "pong")


def test_nobody_gets_in_without_a_token(lariat: Server) -> None:
    with lariat.client() as anybody:
        assert anybody.get("/v3/clusters").status_code == 401
        assert anybody.get("/k8s/clusters/c-nobody/api/v1/namespaces").status_code == 401


def test_cluster_is_created_and_found(lariat: Server, admin: Client) -> None:
    created = admin.post("/v3/clusters", json={"name": "first"})
    assert created.status_code == 201, created.text
    found = admin.get(f"/v3/clusters/{created.json()['id']}").json()
    assert found["name"] == "first"
    assert lariat.reachable(found["links"]["self"]).startswith(f"{lariat.url}/v3/clusters/")
    listed = admin.get("/v3/clusters").json()["data"]
    assert created.json()["id"] in {cluster["id"] for cluster in listed}


def test_cluster_without_agent_says_so(admin: Client) -> None:
    cluster = admin.post("/v3/clusters", json={"name": "second"}).json()["id"]
    answer = admin.get(f"/k8s/clusters/{cluster}/api/v1/namespaces")
    assert answer.status_code == 503, answer.text
    assert answer.json()["kind"] == "Status"


@pytest.mark.parametrize("headers", [{}, {TOKEN: "made-up"}])
def test_nobody_opens_a_tunnel_without_a_token(
    deployment: Stack, link: websocket.WebSocket, headers: dict[str, str]
) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        link.connect(deployment.outputs["socket_url"], header=headers, timeout=30)
    assert refused.value.status_code in (401, 403)


def test_agents_message_is_answered(deployment: Stack, admin: Client, link: websocket.WebSocket) -> None:
    """In through the WebSocket API and a function, back through @connections."""
    cluster = admin.post("/v3/clusters", json={"name": "third"}).json()["id"]
    registration = admin.post("/v3/clusterregistrationtokens", json={"clusterId": cluster}).json()["token"]
    link.connect(deployment.outputs["socket_url"], header={TOKEN: registration}, timeout=30)
    for message in encode(Frame(Kind.PING, document="there?")):
        link.send(message.decode())
    answer = link.recv()
    assert isinstance(answer, str)
    assert decode(answer.encode()).kind is Kind.PONG


def test_user_names_are_taken_once(admin: Client) -> None:
    user = {"username": "taken", "password": PASSWORD}
    assert admin.post("/v3/users", json=user).status_code == 201
    answer = admin.post("/v3/users", json=user)
    assert (answer.status_code, answer.json()["code"]) == (422, "NotUnique")


def test_second_bootstrap_changes_nothing(deployment: Stack, lariat: Server) -> None:
    assert lariat.url
    assert deployment.bootstrap() == {"password": ""}
