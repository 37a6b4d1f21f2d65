"""Network isolation of projects: pods hear from their own project, from the System project, and from nobody else.

One NetworkPolicy in each namespace of a project, where the cluster has ``enableNetworkPolicy`` on. What a cluster's
network plugin does not enforce stays without effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.auth.roles.cluster import Place
from chalicelib.controllers.objects import Document, Plan, compare, metadata
from chalicelib.controllers.placement import PROJECT

OWNER = "network"
NAME = "np-default"
KINDS = ("NetworkPolicy",)

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""A label that the API server keeps on every namespace since Kubernetes 1.21, and that nobody can forge."""


def plan(place: Place, system: str, enabled: bool, named: bool, observed: Iterable[Document]) -> Plan:
    """``system`` is the System project's full id or empty; ``named`` says that the cluster labels namespaces by name."""
    wanted: list[Document] = []
    if enabled:
        for namespace, project in sorted((place.namespaces or {}).items()):
            if project != system:
                wanted.append(_policy(namespace, _friends(place, [project, system], named)))
    return compare(OWNER, wanted, observed)


def _policy(namespace: str, friends: list[dict[str, Any]]) -> Document:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(OWNER, NAME, namespace),
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": friends}]},
    }


def _friends(place: Place, projects: Sequence[str], named: bool) -> list[dict[str, Any]]:
    """Whom to hear: namespaces by name, or else by a label that their own administrators could change."""
    projects = [project for project in projects if project]
    if named:
        names = sorted({name for project in projects for name in place.of_project(project)})
        values, label = names, NAMESPACE_NAME
    else:
        values, label = sorted(project.rpartition(":")[2] for project in projects), PROJECT
    return [{"namespaceSelector": {"matchExpressions": [{"key": label, "operator": "In", "values": values}]}}]
