"""Pods: owners, containers' states, and the state that follows."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.mapping.place import Place
from chalicelib.mapping.pods import POD


def pod(**parts: Any) -> dict[str, Any]:
    metadata = {"name": "p", "namespace": "ns", **parts.pop("metadata", {})}
    return {"kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": "c"}]}, **parts}


def owned(kind: str, name: str, **labels: str) -> dict[str, Any]:
    return {"ownerReferences": [{"kind": kind, "name": name, "controller": True}], "labels": labels}


@pytest.mark.parametrize(
    ("metadata", "workload"),
    [
        ({}, None),
        (owned("StatefulSet", "db"), "statefulset:ns:db"),
        (owned("ReplicaSet", "web-5d4f", **{"pod-template-hash": "5d4f"}), "deployment:ns:web"),
        (owned("ReplicaSet", "alone"), "replicaset:ns:alone"),
        (owned("ReplicaSet", "known-1"), "deployment:ns:known"),
        (owned("Job", "nightly-27"), "cronjob:ns:nightly"),
        (owned("Node", "n"), None),
    ],
)
def test_the_top_owner(metadata: dict[str, Any], workload: str | None) -> None:
    owners = {"replicaset:ns:known-1": "deployment:ns:known", "job:ns:nightly-27": "cronjob:ns:nightly"}
    assert POD.to_v3(pod(metadata=metadata), Place(owners=owners))["workloadId"] == workload


RUNNING = {"name": "c", "ready": True, "restartCount": 2, "state": {"running": {}}}
READY = [{"type": "Ready", "status": "True"}]
UNREADY = [{"type": "Ready", "status": "False", "message": "containers with unready status: [c]"}]


@pytest.mark.parametrize(
    ("container", "state", "transitioning"),
    [
        (RUNNING, "running", "no"),
        ({**RUNNING, "ready": False}, "notready", "yes"),
        ({"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff"}}}, "waiting", "yes"),
        ({"name": "c", "state": {"terminated": {"exitCode": 0}}}, "terminated", "no"),
        ({"name": "c", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}, "terminated", "error"),
        ({"name": "c"}, "pending", "no"),
    ],
)
def test_a_containers_state(container: dict[str, Any], state: str, transitioning: str) -> None:
    shown = POD.to_v3(pod(status={"containerStatuses": [container]}))["containers"][0]
    assert (shown["state"], shown["transitioning"]) == (state, transitioning)


@pytest.mark.parametrize(
    ("status", "state", "transitioning"),
    [
        ({"phase": "Running", "conditions": READY, "containerStatuses": [RUNNING]}, "running", "no"),
        ({"phase": "Running", "conditions": UNREADY}, "unavailable", "yes"),
        (
            {
                "phase": "Running",
                "conditions": UNREADY,
                "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
            },
            "unavailable",
            "error",
        ),
        ({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False"}]}, "scheduling", "error"),
        ({"phase": "Succeeded", "conditions": UNREADY}, "succeeded", "no"),
        ({"phase": "Failed", "reason": "Evicted"}, "failed", "error"),
        ({"phase": "Pending"}, "pending", "no"),
    ],
)
def test_state(status: dict[str, Any], state: str, transitioning: str) -> None:
    shown = POD.to_v3(pod(status=status))
    assert (shown["state"], shown["transitioning"]) == (state, transitioning)


@pytest.mark.parametrize(("now", "transitioning"), [(None, "yes"), (1795426851.0, "yes"), (1795427251.0, "error")])
def test_one_that_is_going(now: float | None, transitioning: str) -> None:
    metadata = {"deletionTimestamp": "2026-11-23T09:40:51Z", "finalizers": ["example.org/wait"]}
    shown = POD.to_v3(pod(metadata=metadata), Place(now=now))
    assert (shown["state"], shown["transitioning"]) == ("removing", transitioning)
    assert "example.org/wait" in shown["transitioningMessage"]
    assert shown["removed"] == "2026-11-23T09:40:51Z"
