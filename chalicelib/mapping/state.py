"""``state``, ``transitioning`` and ``transitioningMessage`` of a live object, by Rancher's table of conditions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.mapping.paths import Object, decoded, get
from chalicelib.mapping.place import Place

STUCK_SECONDS = 300
"""What takes longer to go is shown as an error."""

# ``Unknown`` is in progress, ``False`` an error.
TRANSITIONAL: Mapping[str, str] = {
    "Active": "activating",
    "AddonDeploy": "provisioning",
    "AgentDeployed": "provisioning",
    "BackingNamespaceCreated": "configuring",
    "Built": "building",
    "CertsGenerated": "provisioning",
    "ConfigOK": "configuring",
    "Created": "creating",
    "CreatorMadeOwner": "configuring",
    "DefaultNamespaceAssigned": "configuring",
    "DefaultNetworkPolicyCreated": "configuring",
    "DefaultProjectCreated": "configuring",
    "DockerProvisioned": "provisioning",
    "Downloaded": "downloading",
    "Drained": "draining",
    "etcd": "provisioning",
    "Inactive": "deactivating",
    "Initialized": "initializing",
    "InitialRolesPopulated": "activating",
    "Installed": "installing",
    "NodesCreated": "provisioning",
    "Pending": "pending",
    "PodScheduled": "scheduling",
    "Provisioned": "provisioning",
    "Refreshed": "refreshed",
    "Registered": "registering",
    "Removed": "removing",
    "Saved": "saving",
    "Updated": "updating",
    "Updating": "updating",
    "Waiting": "waiting",
    "AbleToScale": "pending",
    "ScalingActive": "pending",
}

ERROR_IF_TRUE = frozenset(
    {
        "OutOfDisk",
        "MemoryPressure",
        "DiskPressure",
        "NetworkUnavailable",
        "KernelHasNoDeadlock",
        "Unschedulable",
        "ReplicaFailure",
    }
)
ERROR_IF_FALSE = frozenset({"Failed", "Progressing"})

# ``False`` is in progress, ``Unknown`` an error.
DONE: Mapping[str, str] = {
    "Completed": "activating",
    "Ready": "unavailable",
    "Available": "updating",
    "Progressing": "inactive",
}


class State(NamedTuple):
    name: str
    transitioning: str = "no"
    message: str = ""


ACTIVE = State("active")


def state(source: Object, place: Place) -> State:
    """The state of any kind; the kinds that have more to say build upon it."""
    return removing(source, place) or by_conditions(source) or by_phase(source) or ACTIVE


def removing(source: Object, place: Place) -> State | None:
    since = get(source, "metadata", "deletionTimestamp")
    if not since:
        return None
    waiting = [str(name) for name in get(source, "metadata", "finalizers") or ()]
    message = f"waiting on {', '.join(waiting)}" if waiting else ""
    stuck = place.now is not None and place.now - datetime.fromisoformat(since).timestamp() > STUCK_SECONDS
    return State("removing", "error" if stuck else "yes", message)


def by_conditions(source: Object) -> State | None:
    """The first condition that is not as it should be decides the name; an error anywhere makes an error of it."""
    found: State | None = None
    for condition in conditions(source):
        now = _of(condition)
        if now is not None and (found is None or (now.transitioning == "error" and found.transitioning != "error")):
            found = State(found.name if found else now.name, now.transitioning, now.message)
    return found


def conditions(source: Object) -> list[Mapping[str, Any]]:
    """The status's conditions, and those that controllers keep in an annotation for lack of a status."""
    kept = get(decoded(get(source, "metadata", "annotations", "cattle.io/status")), "Conditions")
    kept = [item for item in kept if isinstance(item, dict)] if isinstance(kept, list) else []
    return [*(get(source, "status", "conditions") or ()), *map(_lowered, kept)]


def _lowered(condition: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key.lower(): value for key, value in condition.items()}


def _of(condition: Mapping[str, Any]) -> State | None:
    type, status = str(condition.get("type")), condition.get("status")
    message = str(condition.get("message") or condition.get("reason") or "")
    if condition.get("reason") == "Error" or type in (ERROR_IF_TRUE if status == "True" else ()):
        return State(TRANSITIONAL.get(type) or DONE.get(type) or type.lower(), "error", message)
    if type in (ERROR_IF_FALSE if status == "False" else ()):
        return State(DONE.get(type, "error"), "error", message)
    if type in TRANSITIONAL and status in ("Unknown", "False"):
        return State(TRANSITIONAL[type], "yes" if status == "Unknown" else "error", message)
    if type in DONE and status in ("Unknown", "False"):
        return State(DONE[type], "yes" if status == "False" else "error", message)
    return None


def by_phase(source: Object) -> State | None:
    phase = get(source, "status", "phase")
    return State(phase.lower()) if isinstance(phase, str) and phase else None
