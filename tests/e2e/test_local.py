"""The cluster ``local``: the one of a kubeconfig at the start, reached without an agent in it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kubernetes.cluster import ADMIN_TOKEN, Cluster
from tests.support.lariat import PASSWORD, ROOT, Client, Imported, Lariat, eventually, running

pytestmark = pytest.mark.cluster

LOCAL = "local"


def await_active(admin: Client) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        shown: dict[str, Any] = admin.get(f"/v3/clusters/{LOCAL}").json()
        return shown if shown.get("state") == "active" else None

    return eventually(look, f"the cluster is active, but {admin.get(f'/v3/clusters/{LOCAL}').text}")


def kubeconfig_of(admin: Client, path: Path) -> Path:
    answer = admin.post(f"/v3/clusters/{LOCAL}?action=generateKubeconfig")
    assert answer.status_code == 200, answer.text
    path.write_text(answer.json()["config"])
    return path


class TestLocal:
    """One server with the cluster of an administrator's kubeconfig, by client certificate."""

    @pytest.fixture(scope="class")
    @classmethod
    def lariat(cls, tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Iterator[Lariat]:
        folder = tmp_path_factory.mktemp("local")
        with running(folder, LARIAT_LOCAL_KUBECONFIG=str(cluster.kubeconfig)) as lariat:
            yield lariat

    @pytest.fixture(scope="class")
    @classmethod
    def admin(cls, lariat: Lariat) -> Iterator[Client]:
        with lariat.log_in() as client:
            await_active(client)
            yield client

    @pytest.fixture(scope="class")
    @classmethod
    def theirs(cls, lariat: Lariat, admin: Client) -> Path:
        return kubeconfig_of(admin, lariat.folder / "local.kubeconfig")

    def test_it_is_active_and_described(self, admin: Client, cluster: Cluster) -> None:
        shown = await_active(admin)
        assert (shown["id"], shown["name"], shown["internal"]) == (LOCAL, LOCAL, True)
        assert shown["apiEndpoint"] == cluster.url
        assert base64.b64decode(shown["caCert"]) == cluster.authority.read_bytes()
        assert shown["version"]["gitVersion"].startswith("v1.")
        assert {condition["type"]: condition["status"] for condition in shown["conditions"]}["Ready"] == "True"

    def test_kubectl_works_through_it(self, cluster: Cluster, theirs: Path) -> None:
        assert cluster.kubectl("create", "configmap", "through-local", kubeconfig=theirs).code == 0
        assert cluster.kubectl("get", "configmap", "through-local").code == 0
        assert cluster.kubectl("delete", "configmap", "through-local", kubeconfig=theirs).code == 0
        assert cluster.kubectl("auth", "can-i", "*", "*", kubeconfig=theirs).out.strip() == "yes"

    def test_a_large_list_works_through_it(self, cluster: Cluster, theirs: Path) -> None:
        for number in range(3):
            body = {"metadata": {"name": f"local-{number}", "labels": {"size": "local"}}, "data": {"x": "y" * 900_000}}
            assert cluster.request("POST", "/api/v1/namespaces/default/configmaps", json=body).status_code == 201
        listed = cluster.kubectl("get", "configmaps", "-l", "size=local", "-o", "json", kubeconfig=theirs)
        assert [len(item["data"]["x"]) for item in listed.json["items"]] == [900_000] * 3
        assert cluster.kubectl("delete", "configmaps", "-l", "size=local", kubeconfig=theirs).code == 0

    def test_a_watch_through_it_shows_events_as_they_happen(self, cluster: Cluster, theirs: Path) -> None:
        command = [str(cluster.binaries / "kubectl"), "--kubeconfig", str(theirs)]
        command += ["get", "configmaps", "-w", "--no-headers", "-o", "name"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(cluster.environment())) as watch:
            assert watch.stdout is not None
            try:
                for name in ("local-seen-1", "local-seen-2"):
                    cluster.kubectl("create", "configmap", name)
                    while watch.stdout.readline().strip() != f"configmap/{name}":
                        assert watch.poll() is None
            finally:
                watch.terminate()

    def test_a_plain_user_has_no_power_in_it(
        self, lariat: Lariat, admin: Client, cluster: Cluster, theirs: Path
    ) -> None:
        created = admin.post("/v3/users", json={"username": "plain", "password": PASSWORD})
        assert created.status_code == 201, created.text
        user = created.json()["id"]
        with lariat.log_in("plain") as plain:
            assert plain.get(f"/v3/clusters/{LOCAL}").status_code == 404
            assert plain.get(f"/k8s/clusters/{LOCAL}/version").status_code == 403
            member = {"clusterId": LOCAL, "userId": user, "roleTemplateId": "cluster-member"}
            assert admin.post("/v3/clusterroletemplatebindings", json=member).status_code == 201
            refused = plain.get(f"/k8s/clusters/{LOCAL}/api/v1/secrets")
        assert refused.status_code == 403
        assert f'User "{user}" cannot list resource' in refused.json()["message"]

    def test_it_can_not_be_deleted(self, admin: Client) -> None:
        refused = admin.delete(f"/v3/clusters/{LOCAL}")
        assert refused.status_code == 405
        assert "can't be deleted" in refused.json()["message"]
        assert await_active(admin)["state"] == "active"

    def test_it_stays_the_same_over_a_restart(self, lariat: Lariat, admin: Client, cluster: Cluster) -> None:
        before = admin.get(f"/v3/clusters/{LOCAL}").json()
        lariat.kill()
        lariat.start()
        after = await_active(admin)
        assert (after["uuid"], after["created"]) == (before["uuid"], before["created"])
        assert len(admin.get("/v3/clusters").json()["data"]) == 1
        kubeconfig = kubeconfig_of(admin, lariat.folder / "again.kubeconfig")
        assert cluster.kubectl("get", "namespaces", kubeconfig=kubeconfig).code == 0

    def test_an_agent_of_another_cluster_is_not_in_its_way(
        self, lariat: Lariat, admin: Client, cluster: Cluster
    ) -> None:
        imported = Imported(lariat, admin, "beside-local")
        try:
            imported.connect(cluster.kubeconfig)
            assert cluster.kubectl("get", "namespaces", kubeconfig=imported.kubeconfig()).code == 0
            assert await_active(admin)["state"] == "active"
        finally:
            imported.stop()


EXEC = """\
import json, os, pathlib, sys
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
assert info["kind"] == "ExecCredential", info
runs = pathlib.Path({runs!r})
count = len(runs.read_text()) if runs.exists() else 0
runs.write_text("x" * (count + 1))
assert os.environ["FROM_ENV"] == "yes" and sys.argv[1:] == ["an argument"]
status = {{"token": {token!r} if count else "stale", "expirationTimestamp": "2099-01-01T00:00:00Z"}}
if not count:
    status["expirationTimestamp"] = "2001-01-01T00:00:00Z"
json.dump({{"apiVersion": info["apiVersion"], "kind": "ExecCredential", "status": status}}, sys.stdout)
"""


class Kubeconfigs:
    """Kubeconfigs for the real cluster, each with another kind of credential."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder = folder
        self._document: dict[str, Any] = yaml.safe_load(cluster.kubeconfig.read_text())
        self._authority = cluster.authority

    @property
    def user(self) -> dict[str, Any]:
        user: dict[str, Any] = self._document["users"][0]["user"]
        return user

    def certificate_files(self) -> Path:
        """Everything in files beside the kubeconfig, by relative paths."""
        pairs = {"client-certificate": "client-certificate-data", "client-key": "client-key-data"}
        for name, data in pairs.items():
            (self.folder / f"{name}.pem").write_bytes(base64.b64decode(self.user[data]))
        (self.folder / "ca.pem").write_bytes(self._authority.read_bytes())
        cluster = self._document["clusters"][0]["cluster"]
        del cluster["certificate-authority-data"]
        cluster["certificate-authority"] = "ca.pem"
        return self.write({name: f"{name}.pem" for name in pairs})

    def token(self) -> Path:
        return self.write({"token": ADMIN_TOKEN})

    def token_file(self) -> Path:
        (self.folder / "token").write_text(f"{ADMIN_TOKEN}\n")
        return self.write({"tokenFile": "token"})

    def insecure(self) -> Path:
        cluster = self._document["clusters"][0]["cluster"]
        del cluster["certificate-authority-data"]
        cluster["insecure-skip-tls-verify"] = True
        return self.token()

    def command(self) -> Path:
        """A credential command whose first token has expired already."""
        script = self.folder / "credential.py"
        script.write_text(EXEC.format(runs=str(self.folder / "runs"), token=ADMIN_TOKEN))
        settings = {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": sys.executable,
            "args": [str(script), "an argument"],
            "env": [{"name": "FROM_ENV", "value": "yes"}],
        }
        return self.write({"exec": settings})

    def relative_command(self) -> Path:
        """A command beside the kubeconfig: client-go looks there for one with a slash in its name."""
        script = self.folder / "credential"
        status = {"apiVersion": "client.authentication.k8s.io/v1", "status": {"token": ADMIN_TOKEN}}
        script.write_text(f"#!/bin/sh\necho '{json.dumps(status)}'\n")
        script.chmod(0o755)
        return self.write({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./credential"}})

    def unknown_context(self) -> Path:
        self._document["current-context"] = "elsewhere"
        return self.write(self.user)

    def no_context(self) -> Path:
        del self._document["current-context"]
        return self.write(self.user)

    def unknown_user(self) -> Path:
        self._document["contexts"][0]["context"]["user"] = "nobody"
        return self.write(self.user)

    def wrong_key(self) -> Path:
        return self.write({**self.user, "client-key-data": base64.b64encode(b"no key").decode()})

    def no_base64(self) -> Path:
        return self.write({**self.user, "client-key-data": "***"})

    def missing_certificate(self) -> Path:
        return self.write({"client-certificate": "absent.pem", "client-key": "absent.pem"})

    def missing_command(self) -> Path:
        return self.write({"exec": {"command": "/no/such/command"}})

    def failing_command(self) -> Path:
        return self.write({"exec": {"command": "false"}})

    def babbling_command(self) -> Path:
        return self.write({"exec": {"command": "echo", "args": ["hello"]}})

    def no_address(self) -> Path:
        self._document["clusters"][0]["cluster"]["server"] = "elsewhere"
        return self.write(self.user)

    def no_yaml(self) -> Path:
        path = self.folder / "kubeconfig"
        path.write_text("{")
        return path

    def a_list(self) -> Path:
        path = self.folder / "kubeconfig"
        path.write_text("- a\n- b\n")
        return path

    def missing_token_file(self) -> Path:
        return self.write({"tokenFile": "absent"})

    def write(self, user: dict[str, Any]) -> Path:
        self._document["users"][0]["user"] = user
        path = self.folder / "kubeconfig"
        path.write_text(yaml.safe_dump(self._document))
        return path


@pytest.fixture
def kubeconfigs(tmp_path: Path, cluster: Cluster) -> Kubeconfigs:
    folder = tmp_path / "kube"
    folder.mkdir()
    return Kubeconfigs(folder, cluster)


Make = Callable[[Kubeconfigs], Path]


@pytest.mark.parametrize(
    "make",
    [
        Kubeconfigs.certificate_files,
        Kubeconfigs.token,
        Kubeconfigs.token_file,
        Kubeconfigs.insecure,
        Kubeconfigs.command,
        Kubeconfigs.relative_command,
    ],
    ids=lambda make: str(make.__name__),
)
def test_every_kind_of_credential_works(tmp_path: Path, kubeconfigs: Kubeconfigs, make: Make) -> None:
    with running(tmp_path, LARIAT_LOCAL_KUBECONFIG=str(make(kubeconfigs))) as lariat, lariat.log_in() as admin:
        await_active(admin)
        for _ in range(3):
            assert admin.get(f"/k8s/clusters/{LOCAL}/api/v1/namespaces/default").status_code == 200
        assert "Traceback" not in lariat.output
    runs = kubeconfigs.folder / "runs"
    # Once at the start; once more as that token had expired; and not for every request.
    assert not runs.exists() or runs.read_text() == "xx"


def test_a_rotated_token_is_read_anew(tmp_path: Path, kubeconfigs: Kubeconfigs) -> None:
    path = kubeconfigs.token_file()
    with running(tmp_path, LARIAT_LOCAL_KUBECONFIG=str(path)) as lariat, lariat.log_in() as admin:
        await_active(admin)
        where = f"/k8s/clusters/{LOCAL}/api/v1/namespaces/default"
        assert admin.get(where).status_code == 200
        (kubeconfigs.folder / "token").write_text("revoked")
        assert admin.get(where).status_code == 401
        (kubeconfigs.folder / "token").write_text(ADMIN_TOKEN)
        assert admin.get(where).status_code == 200


def attempt(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start a server that is to refuse its options."""
    complete = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LARIAT_LISTEN": "127.0.0.1:0",
        "LARIAT_DATA": str(folder / "data"),
        **environment,
    }
    command = [sys.executable, "-m", "standalone", *arguments]
    return subprocess.run(command, env=complete, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)


BROKEN: list[tuple[Make, str]] = [
    (Kubeconfigs.unknown_context, "there is no context 'elsewhere'"),
    (Kubeconfigs.no_context, "has no current context"),
    (Kubeconfigs.unknown_user, "there is no user 'nobody'"),
    (Kubeconfigs.wrong_key, "don't fit together"),
    (Kubeconfigs.no_base64, "client-key-data is not base64"),
    (Kubeconfigs.missing_certificate, "can't read absent.pem"),
    (Kubeconfigs.missing_command, "the credential command '/no/such/command' failed"),
    (Kubeconfigs.failing_command, "the credential command 'false' failed"),
    (Kubeconfigs.babbling_command, "printed no ExecCredential"),
    (Kubeconfigs.missing_token_file, "can't read the token file"),
    (Kubeconfigs.no_address, "'elsewhere' is no address of an API server"),
    (Kubeconfigs.no_yaml, "is no YAML"),
    (Kubeconfigs.a_list, "is no kubeconfig"),
]


@pytest.mark.parametrize(("make", "part"), BROKEN, ids=[make.__name__ for make, _ in BROKEN])
def test_a_broken_kubeconfig_that_was_named_is_answered_in_one_line(
    tmp_path: Path, kubeconfigs: Kubeconfigs, make: Make, part: str
) -> None:
    refused = attempt(tmp_path, LARIAT_LOCAL_KUBECONFIG=str(make(kubeconfigs)))
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1, refused.stderr
    assert refused.stderr.startswith("lariat: --local-kubeconfig: ")
    assert part in refused.stderr


def test_a_kubeconfig_that_is_not_there_is_answered_in_one_line(tmp_path: Path) -> None:
    refused = attempt(tmp_path, "--local-kubeconfig", str(tmp_path / "absent"))
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "there is no such file" in refused.stderr


def without_local(lariat: Lariat) -> None:
    with lariat.log_in() as admin:
        assert admin.get("/v3/clusters").json()["data"] == []
        assert admin.get(f"/k8s/clusters/{LOCAL}/version").status_code == 404


def test_a_broken_default_kubeconfig_is_a_warning(tmp_path: Path, kubeconfigs: Kubeconfigs) -> None:
    broken = str(kubeconfigs.unknown_context())
    with running(tmp_path, LARIAT_LOCAL_KUBECONFIG="", KUBECONFIG=broken) as lariat:
        assert "WARNING" in lariat.output
        assert "there will be no cluster `local`: kubeconfig: there is no context 'elsewhere'" in lariat.output
        without_local(lariat)


def test_kubectls_own_kubeconfig_is_taken(tmp_path: Path, kubeconfigs: Kubeconfigs) -> None:
    usual = kubeconfigs.token()
    with (
        running(tmp_path, LARIAT_LOCAL_KUBECONFIG="", KUBECONFIG=str(usual)) as lariat,
        lariat.log_in() as admin,
    ):
        await_active(admin)


def test_the_kubeconfig_at_home_is_taken(tmp_path: Path, kubeconfigs: Kubeconfigs) -> None:
    (tmp_path / ".kube").mkdir()
    kubeconfigs.token().rename(tmp_path / ".kube" / "config")
    with running(tmp_path, LARIAT_LOCAL_KUBECONFIG="") as lariat, lariat.log_in() as admin:
        await_active(admin)


@pytest.mark.parametrize("value", ["none", ""])
def test_without_a_kubeconfig_there_is_no_local_cluster(tmp_path: Path, value: str) -> None:
    with running(tmp_path, LARIAT_LOCAL_KUBECONFIG=value) as lariat:
        assert "WARNING" not in lariat.output
        without_local(lariat)


def test_none_means_none_whatever_kubectl_uses(tmp_path: Path, kubeconfigs: Kubeconfigs) -> None:
    with running(tmp_path, KUBECONFIG=str(kubeconfigs.token())) as lariat:
        without_local(lariat)


def test_a_local_cluster_that_is_down_is_unavailable_and_says_why(tmp_path: Path, kubeconfigs: Kubeconfigs) -> None:
    path = kubeconfigs.token()
    down = path.read_text()
    document = yaml.safe_load(down)
    document["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    path.write_text(yaml.safe_dump(document))
    with running(tmp_path, LARIAT_LOCAL_KUBECONFIG=str(path)) as lariat, lariat.log_in() as admin:
        refused = admin.get(f"/k8s/clusters/{LOCAL}/version")
        assert refused.status_code == 502
        assert refused.json()["kind"] == "Status"
        assert "can't reach the cluster's API server at 127.0.0.1:9" in refused.json()["message"]
        shown = eventually(
            lambda: (
                found
                if "can't reach" in (found := admin.get(f"/v3/clusters/{LOCAL}").json())["transitioningMessage"]
                else None
            ),
            "the cluster says why",
        )
        assert shown["state"] != "active"
