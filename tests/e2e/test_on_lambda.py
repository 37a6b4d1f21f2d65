"""A real cluster behind the AWS edge: the real agent, kubectl, and ``app.py``'s handlers on an emulated account."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kubernetes.cluster import Cluster, Result
from tests.support.edge_on_lambda import EdgeOnLambda
from tests.support.lariat import PASSWORD, Client, eventually
from tests.support.ministack import Ministack
from tests.support.on_lambda import Imported, importing, log_in, running

pytestmark = pytest.mark.cluster

Kubectl = Callable[..., Result]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lambda")


@pytest.fixture(scope="module")
def edge(ministack: Ministack, folder: Path) -> Iterator[EdgeOnLambda]:
    with running(ministack, folder) as edge:
        yield edge


@pytest.fixture(scope="module")
def admin(edge: EdgeOnLambda) -> Iterator[Client]:
    assert edge.handlers.resync({"bootstrap": {"password": PASSWORD}}, None) == {"password": PASSWORD}
    assert edge.handlers.resync({"bootstrap": {"password": PASSWORD}}, None) == {"password": ""}
    with log_in(edge) as client:
        yield client


@pytest.fixture(scope="module")
def imported(edge: EdgeOnLambda, admin: Client, cluster: Cluster, folder: Path) -> Iterator[Imported]:
    with importing(edge, admin, cluster, folder) as imported:
        yield imported


@pytest.fixture(scope="module")
def kubectl(imported: Imported, cluster: Cluster, edge: EdgeOnLambda, folder: Path) -> Kubectl:
    answer = imported.admin.post(f"/v3/clusters/{imported.id}?action=generateKubeconfig")
    assert answer.status_code == 200, answer.text
    path = folder / "kubeconfig"
    # What a public certificate does: kubectl trusts it by itself.
    authority = f"certificate-authority: {edge.authority}\n    server:"
    path.write_text(re.sub(r"server:", authority, answer.json()["config"], count=1))
    return lambda *arguments, stdin=None: cluster.kubectl(*arguments, kubeconfig=path, stdin=stdin)


def config_map(name: str, data: dict[str, str]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})


def test_an_imported_cluster_is_active(imported: Imported) -> None:
    assert imported.show()["version"]["gitVersion"].startswith("v1.")


def test_get_apply_patch_and_delete(kubectl: Kubectl) -> None:
    assert "default" in kubectl("get", "namespaces").out
    assert kubectl("apply", "-f", "-", stdin=config_map("walk", {"a": "1"})).code == 0
    assert kubectl("patch", "configmap", "walk", "--type=merge", "-p", '{"data":{"b":"2"}}').code == 0
    assert json.loads(kubectl("get", "configmap", "walk", "-o", "json").out)["data"] == {"a": "1", "b": "2"}
    assert kubectl("delete", "configmap", "walk").code == 0


def test_bodies_of_900_kilobytes_both_ways(kubectl: Kubectl) -> None:
    blob = "x" * 900 * 1024
    assert kubectl("create", "-f", "-", stdin=config_map("large-by-lambda", {"blob": blob})).code == 0
    assert kubectl("get", "configmap", "large-by-lambda", "-o", "jsonpath={.data.blob}").out == blob
    assert kubectl("delete", "configmap", "large-by-lambda").code == 0


def test_a_watch_returns_what_came(imported: Imported) -> None:
    path = f"{imported.path}/api/v1/namespaces?watch=true&timeoutSeconds=1"
    answer = imported.admin.get(path)
    assert answer.status_code == 200
    assert {json.loads(line)["type"] for line in answer.text.splitlines()} == {"ADDED"}


def test_exec_names_the_way_that_works(imported: Imported, kubectl: Kubectl) -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1"}
    answer = imported.admin.post(f"{imported.path}/api/v1/namespaces/a/pods/b/exec?command=ls", headers=headers)
    assert answer.status_code == 400
    assert "lariat kubectl" in answer.json()["message"]


def test_an_agent_that_comes_back_is_found(imported: Imported) -> None:
    assert imported.admin.get(f"{imported.path}/version").status_code == 200
    imported.agent.kill()
    eventually(lambda: imported.show()["state"] == "unavailable", "the cluster is unavailable", 30)
    answer = imported.admin.get(f"{imported.path}/version")
    assert (answer.status_code, answer.json()["kind"]) == (503, "Status")
