"""A cluster's readiness, in conditions and in words; set by the API at creation and by the health controller after it."""

from __future__ import annotations

from chalicelib.types import Resource

PENDING = "Pending"
PROVISIONED = "Provisioned"
READY = "Ready"

_WAITING = "Waiting for the cluster's agent: run the command of a cluster registration token"


def waiting(cluster: Resource, now: str) -> Resource:
    """No agent has ever connected."""
    return cluster.with_condition(PENDING, "Unknown", "WaitingForAgent", _WAITING, now=now)


def ready(cluster: Resource, now: str) -> Resource:
    """The cluster's API server answers."""
    for condition in (PENDING, PROVISIONED, READY):
        cluster = cluster.with_condition(condition, "True", now=now)
    return cluster


def unavailable(cluster: Resource, reason: str, message: str, now: str) -> Resource:
    """The agent was there, but requests can't get through: ``message`` says why and what happens next."""
    cluster = cluster.with_condition(PENDING, "True", now=now)
    return cluster.with_condition(READY, "False", reason, message, now=now)


def is_ready(cluster: Resource) -> bool:
    return any(condition.type == READY and condition.status == "True" for condition in cluster.conditions)


def was_connected(cluster: Resource) -> bool:
    return any(condition.type == PENDING and condition.status == "True" for condition in cluster.conditions)
