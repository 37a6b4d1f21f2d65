"""The audit log of the real server with the real kubectl: who did what, also in streams, and no secret."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_streaming import EXEC, SPDY, Wire, token_of
from tests.kubernetes.cluster import Cluster
from tests.support.kubelet import Kubelet, node
from tests.support.lariat import PASSWORD, Client, Imported, Lariat, eventually, running

pytestmark = pytest.mark.cluster

CANARY = "canary-that-must-not-sing"


@pytest.fixture(scope="module")
def lariat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lariat]:
    with running(tmp_path_factory.mktemp("audited"), LARIAT_AUDIT_LEVEL="3") as lariat:
        yield lariat


@pytest.fixture(scope="module")
def kubelet(cluster: Cluster) -> Iterator[Kubelet]:
    with node(cluster, "audited") as kubelet:
        yield kubelet


def log(lariat: Lariat) -> str:
    return (lariat.data / "audit.log").read_text()


def events(lariat: Lariat, **wanted: Any) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in log(lariat).splitlines()]
    return [event for event in found if all(event.get(name) == value for name, value in wanted.items())]


def of(lariat: Lariat, name: str, stage: str = "answered") -> list[dict[str, Any]]:
    return [event for event in events(lariat, stage=stage) if event.get("object", {}).get("name") == name]


def kubectl(cluster: Cluster, kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(cluster.binaries / "kubectl"), "--kubeconfig", str(kubeconfig), *arguments]
    environment = dict(cluster.environment())
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)


def test_kubectl_is_recorded(lariat: Lariat, imported: Imported, kubeconfig: Path, cluster: Cluster) -> None:
    assert kubectl(cluster, kubeconfig, "create", "configmap", "seen", f"--from-literal=a={CANARY}").returncode == 0
    answered = events(lariat, verb="create", stage="answered")
    (created,) = [event for event in answered if event["object"].get("resource") == "configmaps"]
    assert created["user"]["name"] == "admin"
    assert created["cluster"] == {"id": imported.id, "name": "real"}
    assert created["source"]["address"] == "127.0.0.1"
    assert created["source"]["agent"].startswith("kubectl/")
    assert created["requestBody"]["metadata"]["name"] == "seen"
    assert created["requestBody"]["data"] == {"a": "[redacted]"}
    assert kubectl(cluster, kubeconfig, "delete", "configmap", "seen").returncode == 0
    assert [event["verb"] for event in of(lariat, "seen")] == ["delete", *["get"] * (len(of(lariat, "seen")) - 1)]
    (ended,) = events(lariat, request=created["request"], stage="ended")
    assert ended["answerBody"]["data"] == {"a": "[redacted]"}


def test_secrets_are_not(lariat: Lariat, kubeconfig: Path, cluster: Cluster) -> None:
    manifest = lariat.folder / "secret.yaml"
    manifest.write_text(f"apiVersion: v1\nkind: Secret\nmetadata: {{name: confided}}\nstringData: {{a: {CANARY}}}\n")
    for command in (["apply", "-f"], ["apply", "--server-side", "--force-conflicts", "-f"], ["replace", "-f"]):
        assert kubectl(cluster, kubeconfig, *command, str(manifest)).returncode == 0
    patch = json.dumps([{"op": "add", "path": "/data/b", "value": "Y2FuYXJ5LXRoYXQ="}])
    assert kubectl(cluster, kubeconfig, "patch", "secret", "confided", "--type=json", f"-p={patch}").returncode == 0
    assert (
        CANARY
        in kubectl(
            cluster, kubeconfig, "get", "secret", "confided", "-o", "go-template={{.data.a|base64decode}}"
        ).stdout
    )
    assert kubectl(cluster, kubeconfig, "delete", "secret", "confided").returncode == 0
    assert len(of(lariat, "confided")) >= 5
    text = log(lariat)
    token = kubeconfig.read_text().partition("token: ")[2].split()[0].strip('"')
    for secret in (CANARY, "Y2FuYXJ5LXRoYXQ", token.partition(":")[2], PASSWORD):
        assert secret not in text


def test_exec_is_recorded_when_it_begins_and_when_it_ends(
    lariat: Lariat, imported: Imported, admin: Client, kubelet: Kubelet
) -> None:
    path = f"/k8s/clusters/{imported.id}/api/v1/namespaces/default/pods/audited/{EXEC}&command=--password%3Dhush"
    with Wire(lariat) as wire:
        wire.ask("POST", path, token_of(admin), *SPDY)
        assert wire.answer().status == 101
        (begun,) = of(lariat, "audited")
        assert events(lariat, request=begun["request"], stage="ended") == []
    assert (begun["status"], begun["user"]["name"], begun["verb"]) == (101, "admin", "create")
    assert begun["object"] == {
        "version": "v1", "namespace": "default", "resource": "pods", "name": "audited", "subresource": "exec"
    }  # fmt: skip
    assert "command=cat" in begun["uri"]
    assert "hush" not in log(lariat)
    eventually(lambda: events(lariat, request=begun["request"], stage="ended"), "the end is recorded")


def test_a_failed_exec_and_a_stranger(lariat: Lariat, imported: Imported, kubeconfig: Path, cluster: Cluster) -> None:
    assert kubectl(cluster, kubeconfig, "exec", "nowhere", "--", "date").returncode != 0
    assert 404 in [event["status"] for event in of(lariat, "nowhere")]
    with lariat.client("token-x:hush-hush") as stranger:
        assert stranger.get(f"/k8s/clusters/{imported.id}/api/v1/pods/stranger").status_code == 401
    (refused,) = of(lariat, "stranger")
    assert (refused["status"], refused["user"]["id"]) == (401, "")
    assert "hush-hush" not in log(lariat)


def test_large_bodies_pass_whole_and_are_not_recorded(lariat: Lariat, imported: Imported, admin: Client) -> None:
    body = {"metadata": {"name": "large"}, "data": {"a": "x" * 500_000}}
    path = f"/k8s/clusters/{imported.id}/api/v1/namespaces/default/configmaps"
    assert admin.post(path, json=body).json()["data"] == body["data"]
    (event,) = [event for event in events(lariat, stage="answered", verb="create") if event["uri"] == path]
    assert event["requestBody"]["withheld"] == "too large"
    assert event["requestBody"]["bytes"] > 500_000
    assert admin.delete(f"{path}/large").status_code == 200


def test_rotation_and_kill(lariat: Lariat, admin: Client) -> None:
    file, moved = lariat.data / "audit.log", lariat.data / "audit.log.1"
    assert file.stat().st_mode & 0o777 == 0o600
    file.rename(moved)
    assert lariat.process is not None
    lariat.process.signal(signal.SIGHUP)
    eventually(file.exists, "a new file")
    made = admin.post("/v3/users", json={"username": "last", "password": PASSWORD})
    assert made.status_code == 201
    lariat.kill()
    assert [event["object"]["id"] for event in events(lariat, verb="create", stage="answered")][-1:] == [
        made.json()["id"]
    ]
    assert PASSWORD not in log(lariat) + moved.read_text()
    lariat.start()
    assert admin.get("/v3/users").status_code == 200
