"""A cluster's health; ``reconcile.py`` asks for a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.controllers import readiness
from chalicelib.outcomes import REGULAR
from chalicelib.types import Resource

PROBE_SECONDS = REGULAR
"""A connected cluster's API server is looked at this often; a lost tunnel is noticed at once."""

RETRY_SECONDS = 5.0
SOON = 0.2


@dataclass(frozen=True, slots=True)
class Observed:
    """``version`` is what the API server answered, ``failure`` why it did not.

    ``early``: rights are written into the cluster, but it does not know them yet.
    """

    connected: bool
    version: Mapping[str, Any] | None = None
    failure: str = ""
    early: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write: the cluster's new state, and in how many seconds to look again."""

    cluster: Resource
    again: float | None = None


def plan(cluster: Resource, observed: Observed, now: str) -> Plan:
    if observed.early:
        # Who sees the cluster as active may use it.
        return Plan(readiness.early(cluster, now), again=SOON)
    if observed.version is not None:
        return Plan(readiness.ready(replace(cluster, status=status(cluster, observed)), now), PROBE_SECONDS)
    if observed.connected:
        message = f"The agent is connected, but {observed.failure}"
        return Plan(readiness.unavailable(cluster, "ApiServerUnreachable", message, now), again=RETRY_SECONDS)
    if not readiness.was_connected(cluster):
        return Plan(readiness.waiting(cluster, now))
    message = "The cluster's agent is not connected; requests work again as soon as it is"
    return Plan(readiness.unavailable(cluster, "AgentDisconnected", message, now))


def status(cluster: Resource, observed: Observed) -> dict[str, Any]:
    """A cluster's status with the version that its API server answered, if it did."""
    return {**cluster.status, **({} if observed.version is None else {"version": dict(observed.version)})}
