"""``state``, ``transitioning`` and ``transitioningMessage`` from a resource's conditions; ``api/present.py`` shows them.

The rules are Rancher's: a transitional condition is in progress while ``Unknown`` and failed when ``False``; one that
says done is in progress while ``False`` and failed when ``Unknown``; some are errors when ``True``, or when ``False``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from chalicelib.controllers.readiness import CONTENTS
from chalicelib.types import Condition, Resource


class State(NamedTuple):
    name: str
    transitioning: str = "no"
    message: str = ""


class _Rule(NamedTuple):
    """The state's name, the status while in progress, and the one that is an error."""

    name: str
    working: str
    failed: str


def _named(working: str, failed: str, names: Mapping[str, str]) -> dict[str, _Rule]:
    return {type: _Rule(name, working, failed) for name, types in names.items() for type in types.split()}


TRANSITIONAL = {
    "activating": "Active InitialRolesPopulated",
    "building": "Built",
    "configuring": "BackingNamespaceCreated ConfigOK CreatorMadeOwner DefaultNamespaceAssigned "
    "DefaultNetworkPolicyCreated DefaultProjectCreated SystemProjectCreated",
    "creating": "Created",
    "deactivating": "Inactive",
    "deploying": "Deployed",
    "downloading": "Downloaded",
    "draining": "Drained",
    "initializing": "Initialized",
    "installing": "Installed",
    "pending": "Pending",
    "provisioning": "AddonDeploy AgentDeployed CertsGenerated DockerProvisioned etcd NodesCreated Provisioned",
    "refreshed": "Refreshed",
    "registering": "Registered",
    "removing": "Removed",
    "saving": "Saved",
    "scheduling": "PodScheduled",
    "updating": "Updated Updating",
    "waiting": "Waiting",
}
DONE = {"activating": "Completed", "inactive": "Progressing", "unavailable": "Ready", "updating": "Available"}
TROUBLE = {
    "error": "OutOfDisk MemoryPressure DiskPressure NetworkUnavailable KernelHasNoDeadlock Unschedulable ReplicaFailure"
}

_RULES = {
    **_named("Unknown", "False", TRANSITIONAL),
    **_named("False", "Unknown", DONE),
    **_named("", "True", TROUBLE),
    **_named("", "False", {"error": "Failed"}),
}


_WORDS = {CONTENTS: "what Lariat keeps in the cluster to be taken out"}


def state(resource: Resource) -> State:
    if resource.removed:
        waiting = ", ".join(_WORDS.get(each, each) for each in resource.finalizers)
        return State("removing", "yes", f"waiting for {waiting}" if waiting else "")
    for condition in resource.conditions:
        if found := _of(condition):
            return found
    return State(_settled(resource))


def _of(condition: Condition) -> State | None:
    rule = _RULES.get(condition.type)
    if rule is None or condition.status not in (rule.working, rule.failed):
        return None
    troubled = condition.status == rule.failed or condition.reason == "Error"
    return State(rule.name, "error" if troubled else "yes", condition.message)


def _settled(resource: Resource) -> str:
    active = resource.spec.get("active")
    if isinstance(active, bool):
        return "active" if active else "inactive"
    return str(resource.status.get("phase") or "active").lower()
