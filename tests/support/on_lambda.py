"""What a test does with the AWS edge: its first administrator, and a cluster with the real agent in a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kubernetes.cluster import Cluster
from tests.support import edge_on_lambda
from tests.support.edge_on_lambda import EdgeOnLambda
from tests.support.lariat import PASSWORD, Client, Process, eventually
from tests.support.ministack import Deployed, Ministack


@contextmanager
def running(ministack: Ministack, folder: Path) -> Iterator[EdgeOnLambda]:
    """The edge, with its own connections trusting its own CA, as they trust a public one on AWS."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(folder / "authority.pem"))
        with edge_on_lambda.running(Deployed(ministack), folder) as edge:
            yield edge


def log_in(edge: EdgeOnLambda) -> Client:
    """Create the administrator if there is none yet, and log in."""
    edge.handlers.resync({"bootstrap": {"password": PASSWORD}}, None)
    with Client(edge.url, edge.authority) as anybody:
        credentials = {"username": "admin", "password": PASSWORD}
        answer = anybody.post("/v3-public/localProviders/local?action=login", json=credentials)
    assert answer.status_code == 201, answer.text
    return Client(edge.url, edge.authority, answer.json()["token"])


class Imported:
    """The real cluster, with the real agent in a process of its own."""

    def __init__(self, edge: EdgeOnLambda, admin: Client, cluster: Cluster, folder: Path) -> None:
        self.admin = admin
        self.id: str = admin.post("/v3/clusters", json={"name": "real"}).json()["id"]
        registration = admin.post("/v3/clusterregistrationtokens", json={"clusterId": self.id}).json()
        command = [sys.executable, "-m", "agent", "--server", edge.url, "--token", registration["token"]]
        command += ["--kubeconfig", str(cluster.kubeconfig), "--log-level", "debug"]
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "SSL_CERT_FILE": str(edge.authority)}
        self.agent = Process(command, environment, folder / "agent.log")
        self.path = f"/k8s/clusters/{self.id}"

    def show(self) -> dict[str, Any]:
        shown: dict[str, Any] = self.admin.get(f"/v3/clusters/{self.id}").json()
        return shown

    def await_state(self, state: str) -> None:
        eventually(lambda: self.show()["state"] == state, f"{state}: {self.show()}, {self.agent.output}", 30)


@contextmanager
def importing(edge: EdgeOnLambda, admin: Client, cluster: Cluster, folder: Path) -> Iterator[Imported]:
    imported = Imported(edge, admin, cluster, folder)
    try:
        imported.await_state("active")
        yield imported
    finally:
        imported.agent.stop()
