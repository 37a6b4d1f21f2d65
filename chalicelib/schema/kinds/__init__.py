"""The kinds that this server knows, by area. More join by a declaration in one of these files; what is absent is 404."""

from __future__ import annotations

from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds import (
    alerts,
    catalogs,
    clusters,
    configuration,
    identity,
    logging,
    namespaces,
    networking,
    nodes,
    pipelines,
    projects,
    providers,
    rbac,
    secrets,
    settings,
    workloads,
)
from chalicelib.schema.version import Version

INSIDE = (namespaces, pipelines, workloads, networking, configuration, secrets)
"""Areas whose kinds live inside of a cluster or a project."""

AREAS = (
    clusters,
    nodes,
    identity,
    providers,
    rbac,
    projects,
    catalogs,
    alerts,
    logging,
    settings,
)

MANAGEMENT = Version(
    "/v3", "management.cattle.io", tuple(kind for area in AREAS for kind in area.KINDS), parts=(rbac.RIGHTS,)
)
LIVE: tuple[Kind, ...] = (*namespaces.KINDS, *workloads.KINDS, *networking.KINDS, *configuration.KINDS)
"""Kinds whose resources live in clusters."""

CLUSTER_CONTEXT = Version("/v3/cluster", "cluster.cattle.io", namespaces.KINDS, context="cluster")
PROJECT_CONTEXT = Version(
    "/v3/project",
    "project.cattle.io",
    (*pipelines.KINDS, *LIVE[len(namespaces.KINDS) :], *secrets.KINDS),
    context="project",
)
PUBLIC = Version("/v3-public", "management.cattle.io", identity.PUBLIC_KINDS, version="v3public")

KINDS: tuple[Kind, ...] = MANAGEMENT.kinds

find = MANAGEMENT.find

CONTEXTS = {version.context: version for version in (CLUSTER_CONTEXT, PROJECT_CONTEXT)}
"""What lives inside of a cluster or a project, by the kind of the context."""

STORED: tuple[Kind, ...] = (*MANAGEMENT.kinds, *pipelines.KINDS, *secrets.KINDS)
"""Kinds whose resources Lariat keeps itself."""


def dependents() -> dict[str, list[tuple[str, str]]]:
    """What goes with a resource, by its kind: kinds, each with the field that names it (empty: its parent)."""
    found: dict[str, list[tuple[str, str]]] = {}
    for kind in STORED:
        if kind.parent and kind.base == kind.id:
            # A sort of another kind is stored as that.
            found.setdefault(kind.scope, []).append((kind.id, ""))
        for name in kind.falls_with:
            found.setdefault(kind.fields[name].reference, []).append((kind.id, name))
    return found
