"""Workloads: ids, selectors, strategies, states and actions."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from chalicelib.errors import Invalid, NotFound
from chalicelib.mapping import rollout, workloads
from chalicelib.mapping.workloads import DEPLOYMENT, SELECTOR

NAMED = {"name": "web", "namespaceId": "default"}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({}, "deployment"),
        ({"deploymentConfig": {}}, "deployment"),
        ({"statefulSetConfig": {}}, "statefulSet"),
        ({"daemonSetConfig": {}, "jobConfig": None}, "daemonSet"),
        ({"replicaSetConfig": {}}, "replicaSet"),
        ({"replicationControllerConfig": {}}, "replicationController"),
        ({"jobConfig": {}}, "job"),
        ({"cronJobConfig": {}}, "cronJob"),
    ],
)
def test_the_config_chooses_the_kind(values: dict[str, Any], kind: str) -> None:
    assert workloads.chosen(values).id == kind


def test_ids() -> None:
    for kind in workloads.KINDS:
        shown = kind.to_v3(kind.to_kubernetes(NAMED))
        assert shown["id"] == f"{kind.id.lower()}:default:web"
        assert shown["baseType"] == "workload"
        assert workloads.of_id(shown["id"]) is kind
        assert kind.locate(shown["id"]) == ("default", "web")
    assert workloads.of_id("pod:default:web") is None
    for wrong in ("web", "default:web", "statefulset:default:web", "deployment:default:", "deployment:a:b:c"):
        with pytest.raises(NotFound):
            DEPLOYMENT.locate(wrong)


def test_a_selector_of_its_own() -> None:
    made = DEPLOYMENT.to_kubernetes({**NAMED, "labels": {"a": "b"}, "workloadLabels": {"c": "d"}})
    own = {SELECTOR: "deployment-default-web"}
    assert made["spec"]["selector"] == {"matchLabels": own}
    assert made["spec"]["template"]["metadata"]["labels"] == {"a": "b", **own}
    assert made["metadata"]["labels"] == {"c": "d", "cattle.io/creator": "norman", **own}


def test_a_long_name_still_makes_a_label() -> None:
    names = [f"{'x' * 61}{at}" for at in range(2)]
    labels = {DEPLOYMENT.to_kubernetes({**NAMED, "name": name})["metadata"]["labels"][SELECTOR] for name in names}
    assert len(labels) == 2
    assert all(len(label) <= 63 for label in labels)


@pytest.mark.parametrize("id", ["job", "cronJob"])
def test_jobs_restart_on_failure(id: str) -> None:
    kind = next(kind for kind in workloads.KINDS if kind.id == id)
    assert kind.to_v3(kind.to_kubernetes(NAMED))["restartPolicy"] == "OnFailure"
    assert kind.to_v3(kind.to_kubernetes({**NAMED, "restartPolicy": "Never"}))["restartPolicy"] == "Never"


@pytest.mark.parametrize(
    ("config", "made"),
    [
        ({"strategy": "Recreate", "maxSurge": 1}, {"type": "Recreate"}),
        ({"maxSurge": 2}, {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}}),
        ({"maxSurge": None, "maxUnavailable": None}, {"type": "RollingUpdate"}),
    ],
)
def test_strategies(config: dict[str, Any], made: dict[str, Any]) -> None:
    stored = DEPLOYMENT.to_kubernetes(NAMED)
    stored["spec"]["strategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert DEPLOYMENT.to_kubernetes({"deploymentConfig": config}, stored)["spec"]["strategy"] == made


def test_nested_types_that_callers_send_back_are_dropped() -> None:
    made = DEPLOYMENT.to_kubernetes(
        {
            **NAMED,
            "annotations": {"type": "/v3/kept"},
            "selector": {"type": "/v3/project/schemas/labelSelector", "matchLabels": {"a": "b"}},
            "volumes": [{"name": "v", "emptyDir": {"type": "/v3/project/schemas/emptyDirVolumeSource"}}],
        }
    )
    assert made["spec"]["selector"] == {"matchLabels": {"a": "b"}}
    assert made["spec"]["template"]["spec"]["volumes"] == [{"name": "v", "emptyDir": {}}]
    assert made["spec"]["template"]["metadata"]["annotations"] == {"type": "/v3/kept"}


READY = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}


@pytest.mark.parametrize(
    ("status", "state", "transitioning"),
    [
        (READY, "active", "no"),
        ({**READY, "readyReplicas": 1}, "updating", "yes"),
        ({**READY, "observedGeneration": 1}, "updating", "yes"),
        ({**READY, "updatedReplicas": 1}, "updating", "yes"),
        (
            {**READY, "conditions": [{"type": "Progressing", "status": "False", "message": "too slow"}]},
            "inactive",
            "error",
        ),
        (
            {**READY, "conditions": [{"type": "ReplicaFailure", "status": "True", "message": "quota"}]},
            "replicafailure",
            "error",
        ),
        ({**READY, "readyReplicas": 0, "conditions": [{"type": "Available", "status": "False"}]}, "updating", "yes"),
    ],
)
def test_state(status: dict[str, Any], state: str, transitioning: str) -> None:
    source = {
        "kind": "Deployment",
        "metadata": {"name": "n", "generation": 2},
        "spec": {"replicas": 2},
        "status": status,
    }
    shown = DEPLOYMENT.to_v3(source)
    assert (shown["state"], shown["transitioning"]) == (state, transitioning)


def test_pause_and_resume() -> None:
    stored = DEPLOYMENT.to_kubernetes(NAMED)
    paused = rollout.paused(stored)
    assert paused["spec"]["paused"] is True
    assert rollout.resumed(paused) == stored
    for action, source in ((rollout.paused, paused), (rollout.resumed, stored)):
        with pytest.raises(Invalid) as refused:
            action(source)
        assert refused.value.code == "InvalidAction"


@pytest.mark.parametrize("kind", workloads.KINDS, ids=lambda kind: kind.id)
def test_redeploy_changes_the_template(kind: Any) -> None:
    made = rollout.redeployed(kind.to_kubernetes(NAMED), "2026-11-24T08:00:00Z")
    assert kind.to_v3(made)["annotations"] == {rollout.TIMESTAMP: "2026-11-24T08:00:00Z"}


def revision(number: int, image: str) -> dict[str, Any]:
    owner = {"uid": "u", "controller": True}
    template = {
        "metadata": {"labels": {"a": "b", "pod-template-hash": "x"}},
        "spec": {"containers": [{"image": image}]},
    }
    metadata = {"name": f"web-{number}", "annotations": {rollout.REVISION: str(number)}, "ownerReferences": [owner]}
    return {"metadata": metadata, "spec": {"template": template}}


CURRENT: dict[str, Any] = {"metadata": {"name": "web", "uid": "u", "annotations": {rollout.REVISION: "3"}}, "spec": {}}
HISTORY = [revision(1, "one"), revision(3, "three"), revision(2, "two"), {"metadata": {"name": "other"}}]


@pytest.mark.parametrize(("to", "image"), [("", "two"), ("replicaset:default:web-1", "one"), ("web-3", "three")])
def test_rollback(to: str, image: str) -> None:
    template = rollout.rolled_back(CURRENT, HISTORY, to)["spec"]["template"]
    assert template == {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"image": image}]}}


def test_rollback_to_nowhere() -> None:
    with pytest.raises(NotFound):
        rollout.rolled_back(CURRENT, HISTORY, "replicaset:default:other")
    for history in ([], HISTORY[1:2]):
        with pytest.raises(Invalid):
            rollout.rolled_back(CURRENT, history)
    paused = copy.deepcopy(CURRENT)
    paused["spec"]["paused"] = True
    with pytest.raises(Invalid, match="resume"):
        rollout.rolled_back(paused, HISTORY)
