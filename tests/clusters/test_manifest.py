"""What an import puts into a cluster, and the little it may do there."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml

from chalicelib.clusters.manifest import NAMESPACE, manifest

SERVER, TOKEN, CHECKSUM, IMAGE = "https://lariat.example:8443", "t" * 54, "c" * 64, "registry.example/agent:1"


def documents(**changed: str) -> list[Any]:
    given = {"server": SERVER, "token": TOKEN, "checksum": CHECKSUM, "image": IMAGE, **changed}
    return list(yaml.safe_load_all(manifest(**given)))


def one(kind: str, **changed: str) -> Any:
    (document,) = [document for document in documents(**changed) if document["kind"] == kind]
    return document


def test_it_holds_these_documents_and_no_others() -> None:
    assert [(document["apiVersion"], document["kind"]) for document in documents()] == [
        ("v1", "Namespace"),
        ("v1", "ServiceAccount"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole"),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
        ("v1", "Secret"),
        ("apps/v1", "Deployment"),
    ]


def test_the_only_rule_is_to_impersonate_users_and_groups() -> None:
    rules = one("ClusterRole")["rules"]
    assert rules == [{"apiGroups": [""], "resources": ["users", "groups"], "verbs": ["impersonate"]}]


def test_the_account_gets_that_role_and_nobody_else() -> None:
    binding, account, role = one("ClusterRoleBinding"), one("ServiceAccount"), one("ClusterRole")
    assert binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": role["metadata"]["name"],
    }
    name = account["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}]


def test_all_lies_in_one_namespace() -> None:
    namespaced = [document for document in documents() if "namespace" in document["metadata"]]
    assert {document["kind"] for document in namespaced} == {"ServiceAccount", "Secret", "Deployment"}
    assert {document["metadata"]["namespace"] for document in namespaced} == {NAMESPACE}
    assert one("Namespace")["metadata"]["name"] == NAMESPACE


def test_the_secret_says_where_to_and_who() -> None:
    data = {name: base64.b64decode(value).decode() for name, value in one("Secret")["data"].items()}
    assert data == {"url": SERVER, "token": TOKEN, "checksum": CHECKSUM}


def test_the_token_stands_in_the_secret_alone() -> None:
    assert TOKEN not in manifest(server=SERVER, token=TOKEN, checksum=CHECKSUM, image=IMAGE)


@pytest.mark.parametrize("changed", [{"token": "u" * 54}, {"server": "https://other.example"}])
def test_new_credentials_are_a_new_secret(changed: dict[str, str]) -> None:
    """So that the pods of the deployment are replaced."""
    assert one("Secret", **changed)["metadata"]["name"] != one("Secret")["metadata"]["name"]
    assert one("Secret")["metadata"]["name"] == one("Secret")["metadata"]["name"]


def test_the_agent_takes_all_from_the_secret() -> None:
    (container,) = one("Deployment")["spec"]["template"]["spec"]["containers"]
    secret = one("Secret")
    assert container["image"] == IMAGE
    references = {variable["name"]: variable["valueFrom"]["secretKeyRef"] for variable in container["env"]}
    assert {reference["name"] for reference in references.values()} == {secret["metadata"]["name"]}
    assert {name: reference["key"] for name, reference in references.items()} == {
        "LARIAT_SERVER": "url",
        "LARIAT_TOKEN": "token",
        "LARIAT_CA_CHECKSUM": "checksum",
    }


def test_the_agents_pod_has_no_privileges() -> None:
    pod = one("Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["serviceAccountName"] == one("ServiceAccount")["metadata"]["name"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not pod.keys() & {"hostNetwork", "hostPID", "volumes"}


def test_the_deployment_finds_its_pods() -> None:
    spec = one("Deployment")["spec"]
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    assert spec["replicas"] == 1


@pytest.mark.parametrize("image", ["a: b", "x\n  evil: true", "{x}", "'", '"', "# x", "---"])
def test_nothing_breaks_out_of_its_place(image: str) -> None:
    (container,) = one("Deployment", image=image)["spec"]["template"]["spec"]["containers"]
    assert container["image"] == image
