"""What a new cluster or project comes with: projects, and the roles of whoever created it.

The API stores it all in the transaction that creates the cluster or project; ``reconcile.py`` does the same once for a
cluster that came into being in another way, such as ``local``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from chalicelib.auth.roles.library import Library
from chalicelib.types import Resource

SYSTEM_PROJECT = "authz.management.cattle.io/system-project"
DEFAULT_PROJECT = "authz.management.cattle.io/default-project"
ROLES = "authz.management.cattle.io/creator-role-bindings"
OWNED = "authz.management.cattle.io/creator-owner-binding"

POPULATED = ("InitialRolesPopulated", "CreatorMadeOwner")
PROJECTS = (
    ("Default", "Default project created for the cluster", DEFAULT_PROJECT, "DefaultProjectCreated"),
    ("System", "System project created for the cluster", SYSTEM_PROJECT, "SystemProjectCreated"),
)

NAMESPACES = {
    DEFAULT_PROJECT: ("default",),
    SYSTEM_PROJECT: (
        "kube-system",
        "kube-public",
        "kube-node-lease",
        "cattle-system",
        "ingress-nginx",
    ),
}
"""Namespaces that a project of the label gets if they are in no project yet when they are first seen."""

Word = Callable[[], str]
"""Draws the random part of an id."""


def populated(cluster: Resource) -> bool:
    return any(condition.type == POPULATED[0] and condition.status == "True" for condition in cluster.conditions)


def noted(cluster: Resource, made: Resource) -> Resource:
    """Say of a cluster that was stored before what ``of_cluster`` has made for it."""
    kept = {condition.type for condition in cluster.conditions}
    added = tuple(condition for condition in made.conditions if condition.type not in kept)
    annotations = {**cluster.annotations, ROLES: made.annotations[ROLES]}
    return replace(cluster, conditions=(*cluster.conditions, *added), annotations=annotations)


def places(projects: Sequence[Resource]) -> dict[str, str]:
    """The namespaces that come with every cluster, and the project that each is in if nobody says otherwise."""
    return {
        name: project.id
        for project in projects
        for label, names in NAMESPACES.items()
        if project.labels.get(label) == "true"
        for name in names
    }


def of_cluster(cluster: Resource, library: Library, word: Word, now: str) -> tuple[Resource, ...]:
    """The cluster, which says so, and what it comes with."""
    found: list[Resource] = []
    for name, description, label, condition in PROJECTS:
        spec = {"name": name, "description": description}
        project = Resource(
            kind="project",
            id=f"{cluster.id}:p-{word()}",
            parent=cluster.id,
            spec=spec,
            labels={label: "true"},
            creator=cluster.creator,
        )
        found += of_project(project, library, now)
        cluster = cluster.with_condition(condition, "True", now=now)
    owned, *bindings = _owned(cluster, "clusterRoleTemplateBinding", library.defaults("cluster"), now)
    return (owned, *bindings, *found)


def of_project(project: Resource, library: Library, now: str) -> tuple[Resource, ...]:
    """The project, which says so, and its creator's bindings."""
    return tuple(_owned(project, "projectRoleTemplateBinding", library.defaults("project"), now))


def _owned(place: Resource, kind: str, templates: Sequence[str], now: str) -> list[Resource]:
    given = list(templates) if place.creator else []
    bindings = [_binding(place, kind, template) for template in given]
    for condition in POPULATED:
        place = place.with_condition(condition, "True", now=now)
    roles = json.dumps({"required": given, "created": given}, separators=(",", ":"))
    return [replace(place, annotations={**place.annotations, ROLES: roles}), *bindings]


def _binding(place: Resource, kind: str, template: str) -> Resource:
    user = place.creator
    return Resource(
        kind=kind,
        id=f"{place.id.rpartition(':')[2]}:creator-{template}",
        parent=place.id,
        spec={"roleTemplateId": template, "userId": user, "userPrincipalId": f"local://{user}"},
        annotations={OWNED: "true"},
        creator=user,
    )
