"""What a namespace or a project exports can be applied, and holds what the caller may read and no more."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.api.live.conftest import Scene
from tests.api.live.least import CASES, SECRET
from tests.support.server import Caller

pytestmark = pytest.mark.cluster
YAML = [("accept", "application/yaml")]
LEFT_OUT = ("Secret", "Namespace")


@pytest.fixture(scope="module")
def filled(scene: Scene) -> Scene:
    """One of each kind stands in ``inside``."""
    for number, case in enumerate(case for case in CASES if case.mode == "project"):
        scene.make(case.plural, name=f"one-{number}", **case.needed)
    return scene


def link(scene: Scene, name: str = "") -> str:
    return str(scene.admin.get(f"/v3/cluster/c-1/namespaces/{name or scene.inside}").json["links"]["yaml"])


def action(scene: Scene, caller: Caller) -> str:
    return str(caller.get(f"/v3/projects/{scene.home}").json["actions"]["exportYaml"])


def named(document: Any) -> set[tuple[str, str]]:
    return {(each["kind"], each["metadata"]["name"]) for each in document["items"]}


def test_a_namespaces_export_applies_elsewhere(filled: Scene) -> None:
    reply = filled.admin.get(link(filled), headers=YAML)
    assert (reply.status, dict(reply.headers)["content-type"]) == (200, "application/yaml")
    document = yaml.safe_load(reply.body)
    assert (document["apiVersion"], document["kind"]) == ("v1", "List")
    assert document == filled.admin.get(link(filled)).json
    kinds = {kind for kind, _ in named(document)}
    assert {"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Service", "Ingress", "ConfigMap"} <= kinds
    assert not kinds & set(LEFT_OUT)
    assert SECRET not in reply.body.decode()
    filled.namespace("elsewhere", filled.other)
    for each in document["items"]:
        each["metadata"]["namespace"] = "elsewhere"
    applied = filled.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(document))
    assert applied.code == 0, applied
    again = filled.admin.get(link(filled, "elsewhere")).json
    assert named(document) <= named(again)


def test_what_the_cluster_made_is_not_in_it(filled: Scene) -> None:
    for each in filled.admin.get(link(filled)).json["items"]:
        assert "status" not in each
        assert not each["metadata"].keys() & {"uid", "resourceVersion", "managedFields", "creationTimestamp"}
        assert not any(owner.get("controller") for owner in each["metadata"].get("ownerReferences", ()))
        assert each["metadata"]["name"] != "kube-root-ca.crt"


def test_it_is_no_way_to_write(filled: Scene) -> None:
    assert filled.admin.put(link(filled), {"kind": "List"}).error[:2] == (405, "MethodNotAllow")
    assert filled.admin.get(link(filled).replace("/yaml", "/other")).status == 404


def test_a_project_exports_its_namespaces(filled: Scene) -> None:
    reply = filled.admin.post(action(filled, filled.admin))
    assert (reply.status, dict(reply.headers)["content-type"]) == (200, "text/yaml")
    document = yaml.safe_load(reply.body)
    assert ("Namespace", filled.inside) in named(document)
    assert ("Namespace", filled.outside) not in named(document)
    assert named(filled.admin.get(link(filled)).json) <= named(document)
    assert filled.cluster.kubectl("apply", "--dry-run=client", "-f", "-", stdin=reply.body.decode()).code == 0


def test_a_caller_exports_what_the_cluster_lets_him_read(filled: Scene) -> None:
    reader = filled.server.user("exporter")
    assert filled.admin.post(f"/v3/projects/{filled.home}?action=exportYaml").status == 200
    assert reader.post(f"/v3/projects/{filled.home}?action=exportYaml").status == 404
    body = {"projectId": filled.home, "userId": "u-exporter", "roleTemplateId": "read-only"}
    filled.admin.make("/v3/projectroletemplatebindings", body)
    nothing = reader.post(action(filled, reader))
    assert yaml.safe_load(nothing.body)["items"] == []
    role = ("--verb=get,list", "--resource=namespaces,configmaps")
    assert filled.cluster.kubectl("create", "clusterrole", "exporting", *role).code == 0
    assert (
        filled.cluster.kubectl(
            "create", "clusterrolebinding", "exporting", "--clusterrole=exporting", "--user=u-exporter"
        ).code
        == 0
    )
    some = yaml.safe_load(reader.post(action(filled, reader)).body)
    assert {kind for kind, _ in named(some)} == {"Namespace", "ConfigMap"}
