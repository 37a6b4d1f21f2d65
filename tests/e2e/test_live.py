"""The v3 API's live kinds through a real server and a real agent, and from real clients' point of view."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.kubernetes.cluster import Cluster
from tests.support.lariat import Client, Imported

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def project(imported: Imported, admin: Client) -> str:
    made = admin.post("/v3/projects", json={"name": "live", "clusterId": imported.id})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


@pytest.fixture(scope="module")
def namespace(imported: Imported, admin: Client, project: str) -> Any:
    made = admin.post(f"/v3/cluster/{imported.id}/namespaces", json={"name": "through", "projectId": project})
    assert made.status_code == 201, made.text
    return made.json()


def test_a_workloads_life(admin: Client, project: str, namespace: Any, cluster: Cluster) -> None:
    body = {"name": "web", "namespaceId": "through", "scale": 0, "containers": [{"name": "web", "image": "nginx"}]}
    made = admin.post(f"/v3/project/{project}/workloads", json=body)
    assert made.status_code == 201, made.text
    link = made.json()["links"]["self"].partition("/v3/")[2]
    assert admin.put(f"/v3/{link}", json={"paused": True}).json()["paused"] is True
    assert cluster.kubectl("-n", "through", "get", "deployment", "web", "-o", "json").json["spec"]["paused"] is True
    listed = admin.get(f"/v3/project/{project}/workloads?name=web").json()["data"]
    assert [each["id"] for each in listed] == ["deployment:through:web"]
    assert admin.delete(f"/v3/{link}").status_code == 204
    assert admin.get(f"/v3/{link}").status_code == 404


def test_many_at_once_do_not_stop_the_server(imported: Imported, admin: Client, namespace: Any) -> None:
    token = str(admin.headers["Authorization"]).removeprefix("Bearer ")

    def look(number: int) -> set[int]:
        with imported.lariat.client(token) as client:
            path = "/v3/users" if number % 2 else f"/v3/cluster/{imported.id}/namespaces"
            return {client.get(path).status_code for _ in range(10)}

    with ThreadPoolExecutor(16) as pool:
        statuses = set().union(*pool.map(look, range(16)))
    assert statuses == {200}


def test_a_cluster_whose_agent_has_gone(imported: Imported, admin: Client, project: str) -> None:
    """Last, as the agent does not come back."""
    assert imported.agent is not None
    imported.agent.stop()
    refused = admin.get(f"/v3/project/{project}/pods")
    assert refused.status_code == 503
    assert refused.json()["code"] == "ClusterUnavailable"
    assert "agent" in refused.json()["message"]
