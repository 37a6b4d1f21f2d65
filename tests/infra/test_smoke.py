"""The deployed server answers: the scenario of first light, as far as it needs no cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import websocket
from botocore.session import get_session

from chalicelib.gateway.sockets import TOKEN
from chalicelib.tunnel.frames import Frame, Kind, decode, encode
from tests.infra.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Api:
    """The deployed REST API, as a client sees it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def call(self, method: str, path: str, body: Any = None, token: str = "") -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self._session.request(method, self.url + path, json=body, headers=headers, timeout=60)

    def close(self) -> None:
        self._session.close()


@pytest.fixture(scope="module")
def api(deployment: Stack) -> Iterator[Api]:
    api = Api(deployment.outputs["url"])
    yield api
    api.close()


def bootstrap(deployment: Stack) -> Any:
    """Do what the output says, without AWS's command line."""
    assert "lariat-resync:live" in deployment.outputs["bootstrap"]
    client: Any = get_session().create_client(
        "lambda",
        region_name="us-east-1",
        endpoint_url=deployment.endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    answer = client.invoke(FunctionName="lariat-resync", Qualifier="live", Payload=json.dumps({"bootstrap": {}}))
    made = json.loads(answer["Payload"].read())
    client.close()
    return made


@pytest.fixture(scope="module")
def password(deployment: Stack) -> str:
    made = bootstrap(deployment)
    assert made.get("password"), made
    return str(made["password"])


@pytest.fixture(scope="module")
def token(api: Api, password: str) -> str:
    body = {"username": "admin", "password": password}
    answer = api.call("POST", "/v3-public/localProviders/local?action=login", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


def test_ping(api: Api) -> None:
    answer = api.call("GET", "/ping")
    assert (answer.status_code, answer.text) == (200, "pong")


def test_nobody_gets_in_without_a_token(api: Api) -> None:
    assert api.call("GET", "/v3/clusters").status_code == 401
    assert api.call("GET", "/k8s/clusters/c-nobody/api/v1/namespaces").status_code == 401


def test_cluster_is_created_and_found(api: Api, token: str) -> None:
    created = api.call("POST", "/v3/clusters", {"name": "first"}, token)
    assert created.status_code == 201, created.text
    found = api.call("GET", f"/v3/clusters/{created.json()['id']}", token=token)
    assert found.json()["name"] == "first"
    assert found.json()["links"]["self"].startswith("https://")
    listed = api.call("GET", "/v3/clusters", token=token).json()["data"]
    assert created.json()["id"] in {cluster["id"] for cluster in listed}


def test_cluster_without_agent_says_so(api: Api, token: str) -> None:
    cluster = api.call("POST", "/v3/clusters", {"name": "second"}, token).json()["id"]
    answer = api.call("GET", f"/k8s/clusters/{cluster}/api/v1/namespaces", token=token)
    assert answer.status_code == 503, answer.text
    assert answer.json()["kind"] == "Status"


def test_nobody_opens_a_tunnel_without_a_token(deployment: Stack) -> None:
    for headers in ({}, {TOKEN: "made-up"}):
        link = websocket.WebSocket()
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            link.connect(deployment.outputs["socket_url"], header=headers, timeout=30)
        assert refused.value.status_code in (401, 403)
        link.shutdown()


def test_agents_message_is_answered(deployment: Stack, api: Api, token: str) -> None:
    """In through the WebSocket API and a function, back through @connections."""
    cluster = api.call("POST", "/v3/clusters", {"name": "third"}, token).json()["id"]
    registration = api.call("POST", "/v3/clusterregistrationtokens", {"clusterId": cluster}, token).json()["token"]
    link = websocket.WebSocket()
    link.connect(deployment.outputs["socket_url"], header={TOKEN: registration}, timeout=30)
    for message in encode(Frame(Kind.PING, document="there?")):
        link.send(message.decode())
    answer = link.recv()
    link.close()
    assert isinstance(answer, str)
    assert decode(answer.encode()).kind is Kind.PONG


def test_user_names_are_taken_once(api: Api, token: str) -> None:
    user = {"username": "taken", "password": "correct horse battery"}
    assert api.call("POST", "/v3/users", user, token).status_code == 201
    answer = api.call("POST", "/v3/users", user, token)
    assert (answer.status_code, answer.json()["code"]) == (422, "NotUnique")


def test_second_bootstrap_changes_nothing(deployment: Stack, password: str) -> None:
    assert password
    assert bootstrap(deployment) == {"password": ""}
