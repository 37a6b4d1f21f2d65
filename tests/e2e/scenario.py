"""What a new user does: log in, import a cluster, and use the real kubectl through Lariat. Every edge runs this suite."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kubernetes.cluster import Cluster
from tests.support.lariat import PASSWORD, Client, Imported, Server, eventually


def config_map(name: str, data: dict[str, str]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})


class Kubectl:
    """kubectl through Lariat, and the same straight at the cluster for comparison."""

    def __init__(self, cluster: Cluster, kubeconfig: Path) -> None:
        self._cluster = cluster
        self.kubeconfig = kubeconfig

    def __call__(self, *arguments: str, stdin: str | None = None) -> Any:
        return self._cluster.kubectl(*arguments, kubeconfig=self.kubeconfig, stdin=stdin)

    def direct(self, *arguments: str, stdin: str | None = None) -> Any:
        return self._cluster.kubectl(*arguments, stdin=stdin)


class FirstLight:
    """The subclass's module has the fixture ``lariat``, or takes the standalone one."""

    @pytest.fixture(scope="class")
    @classmethod
    def kubectl(cls, cluster: Cluster, kubeconfig: Path) -> Kubectl:
        return Kubectl(cluster, kubeconfig)

    @pytest.fixture(scope="class")
    @classmethod
    def newcomer(cls, lariat: Server, admin: Client) -> tuple[str, str]:
        """A user without any binding: id and token."""
        created = admin.post("/v3/users", json={"username": "newcomer", "password": PASSWORD, "name": "New Comer"})
        assert created.status_code == 201, created.text
        with lariat.log_in("newcomer") as client:
            return created.json()["id"], str(client.headers["Authorization"]).removeprefix("Bearer ")

    def test_a_new_cluster_waits_and_says_for_what(self, lariat: Server, admin: Client) -> None:
        waiting = Imported(lariat, admin, "waiting")
        shown = waiting.show()
        assert (shown["state"], shown["transitioning"]) == ("pending", "yes")
        assert "registration token" in shown["transitioningMessage"]
        assert waiting.registration["command"].startswith(f"kubectl apply -f {lariat.url}/")
        refused = admin.get(f"/k8s/clusters/{waiting.id}/api")
        assert refused.status_code == 503
        assert refused.json()["kind"] == "Status"
        assert "waiting" in refused.json()["message"]

    def test_an_imported_cluster_is_active_and_described(self, imported: Imported, cluster: Cluster) -> None:
        shown = imported.show()
        assert (shown["state"], shown["transitioning"], shown["driver"]) == ("active", "no", "imported")
        assert shown["apiEndpoint"] == cluster.url
        assert shown["version"]["gitVersion"].startswith("v1.")
        assert base64.b64decode(shown["caCert"]) == cluster.authority.read_bytes()
        assert {condition["type"]: condition["status"] for condition in shown["conditions"]}["Ready"] == "True"

    def test_get_apply_patch_and_delete(self, kubectl: Kubectl) -> None:
        assert "default" in kubectl("get", "namespaces").out
        assert kubectl("apply", "-f", "-", stdin=config_map("walk", {"a": "1"})).code == 0
        assert kubectl("patch", "configmap", "walk", "--type=merge", "-p", '{"data":{"b":"2"}}').code == 0
        assert kubectl("get", "configmap", "walk", "-o", "json").json["data"] == {"a": "1", "b": "2"}
        assert kubectl("apply", "-f", "-", stdin=config_map("walk", {"a": "3"})).code == 0
        assert kubectl.direct("get", "configmap", "walk", "-o", "jsonpath={.data.a}").out == "3"
        assert kubectl("delete", "configmap", "walk").code == 0
        assert kubectl.direct("get", "configmap", "walk").code == 1

    def test_server_side_apply_and_dry_run(self, kubectl: Kubectl) -> None:
        assert kubectl("apply", "--server-side", "-f", "-", stdin=config_map("served", {"a": "1"})).code == 0
        assert kubectl("apply", "--dry-run=server", "-f", "-", stdin=config_map("dry", {})).code == 0
        assert kubectl("get", "configmap", "dry").code == 1

    def test_the_administrator_may_do_everything(self, kubectl: Kubectl) -> None:
        assert kubectl("auth", "can-i", "*", "*", "--all-namespaces").out.strip() == "yes"

    def test_discovery_is_the_clusters_own(self, kubectl: Kubectl) -> None:
        ours, direct = kubectl("api-resources", "--no-headers"), kubectl.direct("api-resources", "--no-headers")
        assert ours.code == 0
        assert ours.out == direct.out
        assert "configmaps" in ours.out

    def test_a_list_of_five_megabytes(self, kubectl: Kubectl, cluster: Cluster) -> None:
        names = [f"big-{number}" for number in range(10)]
        for name in names:
            body = json.loads(config_map(name, {"blob": name * 110_000}))
            body["metadata"]["labels"] = {"size": "big"}
            assert cluster.request("POST", "/api/v1/namespaces/default/configmaps", json=body).status_code == 201
        listed = kubectl("get", "configmaps", "-l", "size=big", "-o", "json")
        assert len(listed.out) > 5_000_000
        assert {item["metadata"]["name"]: item["data"]["blob"] for item in listed.json["items"]} == {
            name: name * 110_000 for name in names
        }
        assert kubectl("delete", "configmaps", "-l", "size=big").code == 0

    def test_a_config_map_of_900_kilobytes(self, kubectl: Kubectl) -> None:
        blob = "x" * 900 * 1024
        assert kubectl("create", "-f", "-", stdin=config_map("large", {"blob": blob})).code == 0
        assert kubectl.direct("get", "configmap", "large", "-o", "jsonpath={.data.blob}").out == blob
        assert kubectl("delete", "configmap", "large").code == 0

    @pytest.mark.parametrize(
        ("arguments", "stdin", "part"),
        [
            (("get", "configmap", "absent"), None, '(NotFound): configmaps "absent" not found'),
            (("create", "-f", "-"), config_map("twice", {}), "(AlreadyExists)"),
            (("create", "-f", "-"), config_map("Not_A_Name", {}), "is invalid: metadata.name"),
            (("create", "-f", "-"), config_map("huge", {"blob": "x" * 3_200_000}), "Request entity too large"),
        ],
        ids=["404", "409", "422", "413"],
    )
    def test_errors_are_the_clusters_own(
        self, kubectl: Kubectl, arguments: tuple[str, ...], stdin: str | None, part: str
    ) -> None:
        kubectl.direct("create", "-f", "-", stdin=config_map("twice", {}))
        ours, direct = kubectl(*arguments, stdin=stdin), kubectl.direct(*arguments, stdin=stdin)
        assert (ours.code, ours.err) == (direct.code, direct.err)
        assert part in ours.err

    def test_who_was_given_nothing_does_not_get_in(self, imported: Imported, newcomer: tuple[str, str]) -> None:
        with imported.lariat.client(newcomer[1]) as client:
            refused = client.get(f"/k8s/clusters/{imported.id}/version")
        assert refused.status_code == 403
        assert (refused.json()["kind"], refused.json()["reason"]) == ("Status", "Forbidden")

    def test_the_newcomer_sees_nothing_of_others(
        self, lariat: Server, newcomer: tuple[str, str], imported: Imported
    ) -> None:
        user, token = newcomer
        with lariat.client(token) as client:
            assert client.get("/v3/clusters").json()["data"] == []
            assert client.get(f"/v3/clusters/{imported.id}").status_code == 404
            assert client.post(f"/v3/clusters/{imported.id}?action=generateKubeconfig").status_code == 404
            assert [each["id"] for each in client.get("/v3/users").json()["data"]] == [user]
            assert client.post("/v3/clusters", json={"name": "mine"}).status_code == 403
            assert client.post("/v3/users", json={"username": "x", "password": PASSWORD}).status_code == 403
            assert client.get("/v3/clusterregistrationtokens").json()["data"] == []

    def test_a_user_without_rights_inside_gets_kubernetes_own_refusal(
        self, imported: Imported, cluster: Cluster, newcomer: tuple[str, str]
    ) -> None:
        """A member of the cluster gets in; what he may not do there Kubernetes says."""
        user, token = newcomer
        binding = {"clusterId": imported.id, "userId": user, "roleTemplateId": "cluster-member"}
        bound = imported.admin.post("/v3/clusterroletemplatebindings", json=binding)
        assert bound.status_code == 201, bound.text
        theirs = imported.kubeconfig_of(token)
        with imported.lariat.client(token) as client:
            path = f"/k8s/clusters/{imported.id}/version"
            eventually(lambda: client.get(path).status_code == 200, "the member gets in")
        refused = cluster.kubectl("get", "secrets", kubeconfig=theirs)
        assert refused.code == 1
        assert f'Error from server (Forbidden): secrets is forbidden: User "{user}" cannot list resource' in refused.err
        assert cluster.kubectl("auth", "can-i", "create", "pods", kubeconfig=theirs).out.strip() == "no"

    def test_kubernetes_rbac_decides_about_a_user(
        self, imported: Imported, cluster: Cluster, newcomer: tuple[str, str]
    ) -> None:
        user, token = newcomer
        theirs = imported.kubeconfig_of(token)
        assert cluster.kubectl("create", "rolebinding", "viewer", "--clusterrole=view", f"--user={user}").code == 0
        allowed = eventually(
            lambda: result if (result := cluster.kubectl("get", "configmaps", kubeconfig=theirs)).code == 0 else None,
            "the binding counts",
        )
        assert allowed.out
        assert cluster.kubectl("delete", "rolebinding", "viewer").code == 0

    def test_the_kubeconfigs_token_is_good_for_its_cluster_alone(self, imported: Imported, kubeconfig: Path) -> None:
        token = yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]["token"]
        with imported.lariat.client(token) as client:
            assert client.get(f"/k8s/clusters/{imported.id}/version").status_code == 200
            assert client.get("/k8s/clusters/c-other1/version").status_code == 401
            assert client.get("/v3/clusters").status_code == 401

    def test_the_answer_to_a_head_request_has_no_body(self, imported: Imported, admin: Client) -> None:
        answer = admin.head(f"/k8s/clusters/{imported.id}/version")
        assert (answer.status_code, answer.content) in ((200, b""), (405, b""))


class WithoutStreams(FirstLight):
    """Where a request and its answer are one value each."""

    def test_a_watch_returns_what_came(self, imported: Imported) -> None:
        path = f"/k8s/clusters/{imported.id}/api/v1/namespaces?watch=true&timeoutSeconds=1"
        answer = imported.admin.get(path)
        assert answer.status_code == 200
        assert {json.loads(line)["type"] for line in answer.text.splitlines()} == {"ADDED"}

    def test_exec_names_the_way_that_works(self, imported: Imported) -> None:
        path = f"/k8s/clusters/{imported.id}/api/v1/namespaces/a/pods/b/exec?command=ls"
        answer = imported.admin.post(path, headers={"Connection": "Upgrade", "Upgrade": "SPDY/3.1"})
        assert answer.status_code == 400
        assert "lariat kubectl" in answer.json()["message"]

    def test_an_agent_that_comes_back_is_found(self, imported: Imported, cluster: Cluster) -> None:
        path = f"/k8s/clusters/{imported.id}/version"
        assert imported.admin.get(path).status_code == 200
        assert imported.agent is not None
        imported.agent.kill()
        imported.await_state("unavailable")
        answer = imported.admin.get(path)
        assert (answer.status_code, answer.json()["kind"]) == (503, "Status")
        imported.connect(cluster.kubeconfig)
        assert imported.admin.get(path).status_code == 200
