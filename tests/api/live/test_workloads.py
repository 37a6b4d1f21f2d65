"""Workloads: one collection of all sorts, and what can be done to them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import yaml

from tests.api.live.conftest import Scene
from tests.api.live.least import POD
from tests.support.server import Caller

pytestmark = pytest.mark.cluster


def test_the_configuration_says_which_sort(scene: Scene) -> None:
    for sort, config in (
        ("deployment", {}),
        ("statefulSet", {"serviceName": "s"}),
        ("daemonSet", {}),
        ("job", {}),
        ("cronJob", {"schedule": "1 2 3 4 5"}),
    ):
        made = scene.make("workloads", name=f"sort-{sort.lower()}", **POD, **{f"{sort}Config": config})
        assert (made["type"], made["baseType"]) == (sort, "workload")
        assert made["id"] == f"{sort.lower()}:{scene.inside}:sort-{sort.lower()}"
        assert "/workloads/" in made["links"]["self"]
        assert scene.admin.get(scene.url(f"{sort}s")).json["data"][0]["links"]["self"].count("/workloads/") == 1
        assert scene.admin.get(made["links"]["self"]).json["type"] == sort


def test_what_another_owns_is_left_out(scene: Scene, admin: Caller) -> None:
    made = scene.make("deployments", name="owner", scale=0, **POD)
    sets = wait(lambda: [one for one in admin.get(scene.url("replicaSets")).ids if ":owner-" in one], 1)
    listed = admin.get(scene.url("workloads")).ids
    assert made["id"] in listed
    assert sets[0] not in listed


def wait(look: Any, count: int) -> Any:
    for _ in range(100):
        if len(found := look()) == count:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{count} were never seen")


def test_nested_objects_name_their_types(scene: Scene) -> None:
    made = scene.make("deployments", name="typed", scale=0, **POD)
    assert made["containers"][0]["type"] == "/v3/project/schemas/container"
    assert made["deploymentConfig"]["type"] == "/v3/project/schemas/deploymentConfig"
    assert made["deploymentConfig"]["strategy"] == "RollingUpdate"


def test_it_is_paused_resumed_redeployed_and_rolled_back(scene: Scene, admin: Caller) -> None:
    made = scene.make("deployments", name="acted", scale=0, **POD)
    actions, itself = made["actions"], made["links"]["self"]
    revisions = made["links"]["revisions"]
    assert actions.keys() == {"pause", "resume", "redeploy", "rollback"}
    assert admin.post(actions["resume"]).error[:2] == (422, "InvalidAction")
    assert (admin.post(actions["pause"]).status, admin.get(itself).json["paused"]) == (200, True)
    assert admin.post(actions["pause"]).error[:2] == (422, "InvalidAction")
    assert admin.post(actions["resume"]).status == 200
    wait(lambda: admin.get(revisions).json["data"], 1)
    assert admin.post(actions["redeploy"]).status == 200
    wait(lambda: admin.get(revisions).json["data"], 2)
    assert "cattle.io/timestamp" in admin.get(itself).json["annotations"]
    assert admin.put(itself, {"containers": [{"name": "one", "image": "nginx:9"}]}).status == 200
    sets = wait(lambda: admin.get(revisions).json["data"], 3)
    assert {one["type"] for one in sets} == {"replicaSet"}
    assert admin.post(actions["rollback"], {}).status == 200
    assert admin.get(itself).json["containers"][0]["image"] == "nginx"
    oldest = sets[-1]["id"]
    assert admin.post(actions["rollback"], {"replicaSetId": oldest}).status == 200
    assert "cattle.io/timestamp" not in admin.get(itself).json["annotations"]
    assert admin.post(actions["rollback"], {"replicaSetId": "replicaset:x:nosuch"}).status == 404


@pytest.mark.parametrize(("sort", "action"), [("daemonSets", "pause"), ("pods", "redeploy"), ("deployments", "zzz")])
def test_an_action_that_it_does_not_have(scene: Scene, sort: str, action: str) -> None:
    made = scene.make(sort, name="unacted", **POD)
    assert scene.admin.post(f"{made['links']['self']}?action={action}").error[:2] == (422, "InvalidAction")


def test_a_pod_of_a_cron_jobs_job_shows_the_cron_job(scene: Scene, admin: Caller) -> None:
    schedule = {"schedule": "* * * * *", "suspend": True}
    cron = scene.make("cronJobs", name="nightly", cronJobConfig=schedule, **POD)
    owner = {
        "apiVersion": "batch/v1beta1",
        "kind": "CronJob",
        "name": "nightly",
        "uid": cron["uuid"],
        "controller": True,
    }
    template = {"spec": {"restartPolicy": "Never", "containers": POD["containers"]}}
    job = {"metadata": {"name": "by-hand", "ownerReferences": [owner]}, "spec": {"template": template}}
    made = scene.cluster.request("POST", f"/apis/batch/v1/namespaces/{scene.inside}/jobs", json=job)
    assert made.status_code == 201, made.text
    own = f"{scene.url('pods')}?workloadId={cron['id']}"
    (pod,) = wait(lambda: admin.get(own).json["data"], 1)
    assert admin.get(pod["links"]["self"]).json["workloadId"] == cron["id"]
    assert pod["id"] not in admin.get(f"{scene.url('pods')}?workloadId=").ids


def test_the_manifest_is_one_link_away(scene: Scene, admin: Caller) -> None:
    made = scene.make("deployments", name="manifest", scale=0, **POD)
    manifest = admin.get(made["links"]["yaml"]).json
    assert (manifest["kind"], manifest["metadata"]["name"]) == ("Deployment", "manifest")
    assert admin.get(f"{made['links']['self']}/nosuch").status == 404


YAML = (("accept", "application/yaml"),)


def test_the_manifest_is_yaml_for_who_asks_for_it(scene: Scene, admin: Caller) -> None:
    made = scene.make("configMaps", name="manifest", data={"a": "1"})
    url = made["links"]["yaml"]
    for reply in (admin.get(url, headers=YAML), admin.get(f"{url}?_format=yaml")):
        assert dict(reply.headers)["content-type"] == "application/yaml"
        assert not reply.body.startswith(b"{")
        assert yaml.safe_load(reply.body) == admin.get(url).json


def test_a_manifest_replaces_the_object(scene: Scene, admin: Caller) -> None:
    made = scene.make("configMaps", name="rewritten", data={"a": "1"})
    url = made["links"]["yaml"]
    manifest = yaml.safe_load(admin.get(url, headers=YAML).body)
    manifest["data"] = {"b": "2"}
    typed = (*YAML, ("content-type", "application/yaml"))
    changed = admin.put(url, yaml.safe_dump(manifest).encode(), headers=typed)
    assert yaml.safe_load(changed.body)["data"] == {"b": "2"}
    assert admin.get(made["links"]["self"]).json["data"] == {"b": "2"}
    assert admin.put(url, yaml.safe_dump(manifest).encode(), headers=typed).error[:2] == (409, "Conflict")
    manifest["metadata"].pop("resourceVersion")
    assert admin.put(url, {**manifest, "data": {"c": "3"}}).json["data"] == {"c": "3"}


def test_what_a_manifest_can_not_do(scene: Scene, admin: Caller) -> None:
    made = scene.make("configMaps", name="kept", data={"a": "1"})
    url = made["links"]["yaml"]
    manifest = admin.get(url).json
    typed = (("content-type", "application/yaml"),)
    renamed = {**manifest, "metadata": {"name": "other", "namespace": scene.inside}}
    for body, status in ((b"", 422), (b"{: no yaml", 400), (json.dumps(renamed).encode(), 400)):
        assert admin.put(url, body, headers=typed).status == status
    assert admin.put(url, b"x" * (2 * 1024 * 1024 + 1), headers=typed).status == 413
    assert admin.delete(url).status == 405
    scene.grant(scene.plain.user, scene.inside)
    assert scene.plain.get(url).status == 200
    assert scene.plain.put(url, manifest).status == 403
    assert admin.get(made["links"]["self"]).json["data"] == {"a": "1"}


def test_replication_controllers_are_only_read(scene: Scene, admin: Caller) -> None:
    assert admin.get(scene.url("replicationControllers")).status == 200
    body = {"name": "rc", "namespaceId": scene.inside, **POD}
    assert admin.post(scene.url("replicationControllers"), body).status == 405
