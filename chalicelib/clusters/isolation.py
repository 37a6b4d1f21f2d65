"""What the API shows of projects' network isolation: a ``projectNetworkPolicy`` for each project that is isolated.

``desired.py`` keeps them in each pass over a cluster whose isolation is on, or was.
"""

from __future__ import annotations

import contextlib

from chalicelib.controllers.contents import Desired, isolated
from chalicelib.controllers.defaults import SYSTEM_PROJECT
from chalicelib.errors import AlreadyExists
from chalicelib.store.resources import Resources
from chalicelib.types import Key, Resource

KIND = "projectNetworkPolicy"
NAME = "pnp-default"
APPLIED = "appliedEnableNetworkPolicy"
"""Where a cluster's status says what was applied last."""

_DESCRIPTION = "Pods hear from their own project and from the System project"


def keep(resources: Resources, desired: Desired) -> None:
    """One read, and a write for each project that has become isolated or is so no more."""
    on = isolated(desired.cluster)
    if not on and not desired.cluster.status.get(APPLIED):
        return
    wanted = {_key(each): each for each in desired.projects if on and not _is_system(each) and not each.removed}
    there = {each.key: each for each in resources.several([_key(project) for project in desired.projects])}
    for key in wanted.keys() - there.keys():
        _create(resources, key, wanted[key])
    for key in there.keys() - wanted.keys():
        resources.discard(there[key])


def _create(resources: Resources, key: Key, project: Resource) -> None:
    status = {"description": _DESCRIPTION}
    with contextlib.suppress(AlreadyExists):
        resources.create(Resource(kind=key.kind, id=key.id, parent=project.id, status=status))


def _key(project: Resource) -> Key:
    return Key(KIND, f"{project.id.rpartition(':')[2]}:{NAME}")


def _is_system(project: Resource) -> bool:
    return project.labels.get(SYSTEM_PROJECT) == "true"
