"""Nodes that are found in a cluster: shown, labelled, cordoned and drained by whom the cluster lets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.live.conftest import Scene
from tests.support.server import Caller

pytestmark = pytest.mark.cluster


def node(scene: Scene, name: str) -> Any:
    made = scene.cluster.request("POST", "/api/v1/nodes", json={"metadata": {"name": name}})
    assert made.status_code == 201, made.text
    return scene.admin.get(f"/v3/nodes/c-1:{name}").json


@pytest.mark.parametrize("path", ["/v3/nodes", "/v3/nodes?clusterId=c-1", "/v3/clusters/c-1/nodes"])
def test_it_is_found(scene: Scene, admin: Caller, path: str) -> None:
    shown = scene.cluster.get("/api/v1/nodes/found").ok or node(scene, "found")
    assert shown
    assert "c-1:found" in admin.get(path).ids
    found = admin.get("/v3/nodes/c-1:found").json
    assert (found["nodeName"], found["clusterId"], found["worker"], found["imported"]) == ("found", "c-1", True, True)
    assert found["links"].keys() == {"self", "update"}
    assert scene.plain.get(path).ids == []
    assert scene.plain.get("/v3/nodes/c-1:found").status == 403


def test_what_is_not_there(scene: Scene, admin: Caller) -> None:
    for id in ("c-1:nosuch", "c-nope:found", "nosuch"):
        assert admin.get(f"/v3/nodes/{id}").status == 404


def test_it_is_labelled_and_not_removed(scene: Scene, admin: Caller) -> None:
    made = node(scene, "labelled")
    changed = admin.put(made["links"]["update"], {"labels": {"disk": "ssd"}})
    assert (changed.status, changed.json["labels"]["disk"]) == (200, "ssd")
    assert admin.delete(made["links"]["self"]).status == 405
    assert scene.plain.put(made["links"]["self"], {"labels": {}}).status == 403


def test_it_is_cordoned_and_drained(scene: Scene, admin: Caller) -> None:
    itself = node(scene, "drained")["links"]["self"]
    pod = {"metadata": {"name": "on-it"}, "spec": {"nodeName": "drained", "containers": [{"name": "a", "image": "i"}]}}
    assert scene.cluster.request("POST", f"/api/v1/namespaces/{scene.inside}/pods", json=pod).status_code == 201
    assert admin.post(f"{itself}?action=cordon").status == 200
    cordoned = admin.get(itself).json
    assert (cordoned["state"], cordoned["actions"].keys()) == ("cordoned", {"uncordon", "drain"})
    assert admin.post(f"{itself}?action=cordon").error[:2] == (422, "InvalidAction")
    unwilling = admin.post(cordoned["actions"]["drain"], {})
    assert unwilling.error[:2] == (422, "InvalidAction")
    assert "on-it" in unwilling.json["message"]
    assert scene.plain.post(cordoned["actions"]["drain"], {"force": True}).status == 403
    stale = [("if-match", '"1"')]
    assert admin.post(cordoned["actions"]["drain"], {"force": True}, headers=stale).error[:2] == (409, "Conflict")
    # Whoever says which node he has read means the first of the writes that a drain takes.
    read = [("if-match", dict(admin.get(itself).headers)["etag"])]
    assert admin.post(cordoned["actions"]["drain"], {"force": True}, headers=read).status == 200
    assert admin.get(itself).json["state"] == "drained"
    gone = scene.cluster.get(f"/api/v1/namespaces/{scene.inside}/pods/on-it")
    assert gone.status_code == 404 or gone.json()["metadata"]["deletionTimestamp"]
    assert admin.post(f"{itself}?action=uncordon").status == 200
    assert admin.get(itself).json["unschedulable"] is False


def test_a_budget_keeps_a_pod(scene: Scene, admin: Caller) -> None:
    itself = node(scene, "kept")["links"]["self"]
    container = {"name": "a", "image": "i"}
    labels = {"app": "kept"}
    pod = {"metadata": {"name": "kept", "labels": labels}, "spec": {"nodeName": "kept", "containers": [container]}}
    assert scene.cluster.request("POST", f"/api/v1/namespaces/{scene.inside}/pods", json=pod).status_code == 201
    running = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    url = f"/api/v1/namespaces/{scene.inside}/pods/kept/status"
    patch = {"Content-Type": "application/merge-patch+json"}
    assert scene.cluster.request("PATCH", url, json=running, headers=patch).ok
    budget = ("create", "poddisruptionbudget", "all", "--selector=app=kept", "--min-available=1")
    assert scene.cluster.kubectl("-n", scene.inside, *budget).code == 0
    refused = admin.post(f"{itself}?action=drain", {"force": True})
    assert refused.error[:2] == (409, "Conflict")
    assert "kept" in refused.json["message"]
    assert admin.get(itself).json["state"] == "cordoned"


def test_a_node_that_lariat_keeps_has_no_such_actions(scene: Scene, admin: Caller) -> None:
    made = admin.make("/v3/nodes", {"clusterId": "c-1", "requestedHostname": "mine"})
    assert "actions" not in made or not made["actions"]
    assert admin.post(f"{made['links']['self']}?action=cordon").error[:2] == (404, "ActionNotAvailable")
    assert scene.plain.get(made["links"]["self"]).status == 404
    assert admin.delete(made["links"]["self"]).status == 204
