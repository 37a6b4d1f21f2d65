"""A cluster's readiness, in conditions and in words; set by the API at creation and by the health controller after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from chalicelib.types import Resource

PENDING = "Pending"
PROVISIONED = "Provisioned"
READY = "Ready"
PROPAGATED = "Propagated"
"""Does the cluster hold what follows from bindings, roles, projects and policies?"""

CONTENTS = "lariat/contents"
"""A finalizer: what Lariat made in the cluster has to go before the cluster does."""

BOUND = "boundAdministrators"
"""Where the status of a cluster of an older Lariat has whose bindings were made in it, without a label that says so."""

LONGEST = 1000

_APPLIED = {
    "appliedEnableNetworkPolicy": "enableNetworkPolicy",
    "appliedPodSecurityPolicyTemplateId": "defaultPodSecurityPolicyTemplateId",
}
"""Where a cluster's status says what it was last brought in line with."""

_WAITING = "Waiting for the cluster's agent: run the command of a cluster registration token"


def waiting(cluster: Resource, now: str) -> Resource:
    """No agent has ever connected."""
    return cluster.with_condition(PENDING, "Unknown", "WaitingForAgent", _WAITING, now=now)


def early(cluster: Resource, now: str) -> Resource:
    """Rights are written into the cluster, which does not go by them yet."""
    message = "The rights of Lariat's administrators are written into the cluster, but don't count there yet"
    if was_connected(cluster):
        return unavailable(cluster, "RightsNotEffective", message, now)
    return cluster.with_condition(PENDING, "Unknown", "RightsNotEffective", message, now=now)


def ready(cluster: Resource, now: str) -> Resource:
    """The cluster's API server answers."""
    for condition in (PENDING, PROVISIONED, READY):
        cluster = cluster.with_condition(condition, "True", now=now)
    return cluster


def unavailable(cluster: Resource, reason: str, message: str, now: str) -> Resource:
    """The agent was there, but requests can't get through: ``message`` says why and what happens next."""
    cluster = cluster.with_condition(PENDING, "True", now=now)
    return cluster.with_condition(READY, "False", reason, message, now=now)


def propagated(cluster: Resource, wanted: Resource, refused: Sequence[str], now: str) -> Resource:
    """A pass over the contents of a cluster was made, as it ``wanted`` them; ``refused`` says what could not be."""
    status = {name: value for name, value in cluster.status.items() if name != BOUND}
    cluster = replace(cluster, status=status)
    if not refused:
        applied = {said: wanted.spec.get(asked) for said, asked in _APPLIED.items()}
        return replace(cluster, status={**status, **applied}).with_condition(PROPAGATED, "True", now=now)
    return cluster.with_condition(PROPAGATED, "False", "Refused", "; ".join(refused)[:LONGEST], now=now)


def leaving(cluster: Resource) -> Resource:
    """The cluster is about to be removed; one that has never been reached holds nothing of Lariat's."""
    if cluster.removed or CONTENTS in cluster.finalizers or not was_connected(cluster):
        return cluster
    return replace(cluster, finalizers=(*cluster.finalizers, CONTENTS))


def is_ready(cluster: Resource) -> bool:
    return any(condition.type == READY and condition.status == "True" for condition in cluster.conditions)


def was_connected(cluster: Resource) -> bool:
    return any(condition.type == PENDING and condition.status == "True" for condition in cluster.conditions)


def version(cluster: Resource) -> Mapping[str, Any]:
    """What a cluster's API server last said of its version."""
    return cluster.status.get("version") or {}
