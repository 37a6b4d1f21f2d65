"""What a new user does on the standalone server: what every edge does, and streams."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.scenario import FirstLight
from tests.kubernetes.cluster import Cluster
from tests.support.lariat import Client, Imported, eventually

pytestmark = pytest.mark.cluster


class TestStandalone(FirstLight):
    """On the server of ``tests/conftest.py``."""


def test_a_watch_shows_events_as_they_happen(kubeconfig: Path, cluster: Cluster) -> None:
    command = [str(cluster.binaries / "kubectl"), "--kubeconfig", str(kubeconfig)]
    command += ["get", "configmaps", "-w", "--no-headers", "-o", "name"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(cluster.environment())) as watch:
        assert watch.stdout is not None
        try:
            for name in ("seen-1", "seen-2"):
                cluster.kubectl("create", "configmap", name)
                while watch.stdout.readline().strip() != f"configmap/{name}":
                    assert watch.poll() is None
        finally:
            watch.terminate()


def test_an_abandoned_watch_ends_at_the_cluster(imported: Imported, admin: Client) -> None:
    agent = imported.agent
    assert agent is not None
    path = f"/k8s/clusters/{imported.id}/api/v1/configmaps?watch=true&fieldSelector=metadata.name%3Dnever"
    with admin.get(path, stream=True) as watch:
        assert watch.status_code == 200
    eventually(lambda: "the caller went away" in agent.output, "the agent ends the watch")


def test_concurrent_requests_are_answered_each_with_its_own(
    imported: Imported, admin: Client, cluster: Cluster
) -> None:
    for number in range(8):
        cluster.kubectl("create", "configmap", f"mine-{number}", f"--from-literal=n={number}")
    token = str(admin.headers["Authorization"]).removeprefix("Bearer ")

    def fetch(number: int) -> bool:
        with imported.lariat.client(token) as client:
            path = f"/k8s/clusters/{imported.id}/api/v1/namespaces/default/configmaps/mine-{number % 8}"
            return all(client.get(path).json()["data"] == {"n": str(number % 8)} for _ in range(20))

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(fetch, range(16)))


def test_a_chunked_upload_arrives_whole(imported: Imported, admin: Client) -> None:
    def pieces() -> Any:
        yield b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"chunked"},"data":{"a":"'
        for _ in range(20):
            yield b"y" * 20_000
            time.sleep(0.005)
        yield b'"}}'

    path = f"/k8s/clusters/{imported.id}/api/v1/namespaces/default/configmaps"
    created: requests.Response = admin.post(path, data=pieces(), headers={"Content-Type": "application/json"})
    assert created.status_code == 201, created.text
    assert created.json()["data"] == {"a": "y" * 400_000}
