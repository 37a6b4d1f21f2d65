"""Pods: a template's fields, and how its containers do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.mapping.kind import Kind, described
from chalicelib.mapping.paths import Object, Values, get
from chalicelib.mapping.place import Place
from chalicelib.mapping.pod_spec import TEMPLATE
from chalicelib.mapping.rules import Annotation, Hidden, Nested, Shown, move, same
from chalicelib.mapping.served import Served
from chalicelib.mapping.state import ACTIVE, State, by_conditions, by_phase, removing

HASH = "pod-template-hash"


class ContainerStates:
    """Adds to each container of ``containers`` how it does; stands after the rule that shows them."""

    @property
    def fields(self) -> Mapping[str, str]:
        return {}

    def read(self, source: Object, values: Values, place: Place) -> None:
        states = {str(item.get("name")): _container_state(item) for item in _statuses(source)}
        for container in values.get("containers", []):
            container |= states.get(str(container.get("name")), {"state": "unknown"})

    def write(self, values: Values, target: Object, place: Place) -> None:
        return


def _statuses(source: Object) -> list[Mapping[str, Any]]:
    status = get(source, "status") or {}
    return [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]


def _container_state(status: Mapping[str, Any]) -> Values:
    values: Values = {"state": "pending", "transitioning": "no", "transitioningMessage": ""}
    values["restartCount"] = status.get("restartCount", 0)
    now = status.get("state") or {}
    if (ended := now.get("terminated")) is not None:
        code = ended.get("exitCode", 0)
        outcome = {"state": "terminated", "exitCode": code, "transitioning": "error" if code else "no"}
        return values | outcome | {"transitioningMessage": _message(ended)}
    if now.get("running") is not None:
        ready = bool(status.get("ready"))
        return values | ({"state": "running"} if ready else {"state": "notready", "transitioning": "yes"})
    if (waiting := now.get("waiting")) is not None:
        return values | {"state": "waiting", "transitioning": "yes", "transitioningMessage": _message(waiting)}
    return values


def _message(state: Mapping[str, Any]) -> str:
    return ": ".join(str(state[name]) for name in ("reason", "message") if state.get(name))


class Owner:
    """``workloadId``: the workload on top of the pod's owners."""

    @property
    def fields(self) -> Mapping[str, str]:
        return {}

    def read(self, source: Object, values: Values, place: Place) -> None:
        values["workloadId"] = workload_id(source, place)

    def write(self, values: Values, target: Object, place: Place) -> None:
        return


WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob")


def workload_id(source: Object, place: Place) -> str | None:
    """A Deployment is found without being asked for, as its ReplicaSets carry its name and the pods' own hash."""
    owner = next((item for item in get(source, "metadata", "ownerReferences") or [] if item.get("controller")), None)
    if owner is None or owner.get("kind") not in WORKLOADS:
        return None
    direct = f"{owner['kind'].lower()}:{place.namespace}:{owner['name']}"
    suffix = f"-{get(source, 'metadata', 'labels', HASH)}"
    if owner["kind"] == "ReplicaSet" and direct not in place.owners and owner["name"].endswith(suffix):
        return f"deployment:{place.namespace}:{owner['name'].removesuffix(suffix)}"
    return place.owners.get(direct, direct)


def pod_state(source: Object, place: Place) -> State:
    """A pod that runs is as good as its containers; one that has ended is what its phase says."""
    gone = removing(source, place)
    phase = by_phase(source)
    if gone or (phase and phase.name in ("succeeded", "failed")):
        return gone or _ended(phase or ACTIVE, source)
    troubled = [state for state in map(_container_state, _statuses(source)) if state["transitioning"] != "no"]
    found = by_conditions(source)
    if found is None:
        return phase or ACTIVE
    failed = any(state["transitioning"] == "error" or "BackOff" in state["transitioningMessage"] for state in troubled)
    message = found.message or "; ".join(state["transitioningMessage"] for state in troubled)
    return State(found.name, "error" if failed else found.transitioning, message)


def _ended(phase: State, source: Object) -> State:
    if phase.name == "succeeded":
        return phase
    return State("failed", "error", str(get(source, "status", "message") or get(source, "status", "reason") or ""))


STATUS = (
    *same("phase", "message", "reason", "qosClass", "nominatedNodeName"),
    *same("startTime", type="date"),
    *same("conditions", type="array[podCondition]"),
    *same("containerStatuses", "initContainerStatuses", type="array[containerStatus]"),
    move("nodeIp", "hostIP"),
    move("podIp", "podIP"),
)

POD = Kind(
    id="pod",
    plural="pods",
    served=Served("Pod", "pods"),
    rules=(
        *described(Hidden("ports"), Shown(Annotation("publicEndpoints", "array[publicEndpoint]"))),
        *TEMPLATE,
        ContainerStates(),
        Owner(),
        Shown(Nested("status", ("status",), STATUS, "podStatus")),
    ),
    state=pod_state,
)
