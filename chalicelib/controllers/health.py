"""A cluster's health, and its administrators' rights in it; ``reconcile.py`` asks for a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.controllers import readiness
from chalicelib.types import Resource

PROBE_SECONDS = 60.0
"""A connected cluster's API server is looked at this often; a lost tunnel is noticed at once."""

RETRY_SECONDS = 5.0
BOUND = "boundAdministrators"
"""Where a cluster's status keeps whose bindings were made in it."""

BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"


@dataclass(frozen=True, slots=True)
class Observed:
    """``version`` is what the API server answered, ``failure`` why it did not."""

    connected: bool
    version: Mapping[str, Any] | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Ensure:
    """An object that has to exist in the cluster; ``path`` is its collection."""

    path: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write: the cluster's new state, objects in it, and in how many seconds to look again.

    ``withdraw`` are paths of objects that must not exist in the cluster any more.
    """

    cluster: Resource
    ensure: tuple[Ensure, ...] = ()
    withdraw: tuple[str, ...] = ()
    again: float | None = None


def plan(cluster: Resource, observed: Observed, administrators: Sequence[str], now: str) -> Plan:
    if observed.version is not None:
        known = {**cluster.status, "version": dict(observed.version), BOUND: list(administrators)}
        ensure, withdraw = _bindings(cluster, administrators)
        return Plan(readiness.ready(replace(cluster, status=known), now), ensure, withdraw, PROBE_SECONDS)
    if observed.connected:
        message = f"The agent is connected, but {observed.failure}"
        return Plan(readiness.unavailable(cluster, "ApiServerUnreachable", message, now), again=RETRY_SECONDS)
    if not readiness.was_connected(cluster):
        return Plan(readiness.waiting(cluster, now))
    message = "The cluster's agent is not connected; requests work again as soon as it is"
    return Plan(readiness.unavailable(cluster, "AgentDisconnected", message, now))


def _bindings(cluster: Resource, administrators: Sequence[str]) -> tuple[tuple[Ensure, ...], tuple[str, ...]]:
    """Compare who is bound with who should be; after an absence nothing is taken for granted."""
    bound = cluster.status.get(BOUND, [])
    missing = [user for user in administrators if user not in bound or not readiness.is_ready(cluster)]
    surplus = [user for user in bound if user not in administrators]
    return tuple(_binding(user) for user in missing), tuple(f"{BINDINGS}/globaladmin-{user}" for user in surplus)


def _binding(user: str) -> Ensure:
    """Bind an administrator to ``cluster-admin``, under the name that Rancher gives the binding."""
    document = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"globaladmin-{user}", "labels": {"cattle.io/creator": "norman"}},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }
    return Ensure(BINDINGS, document)
