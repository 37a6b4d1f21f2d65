"""A workload's actions: each makes of a stored object the one to put in its place."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from chalicelib.errors import Invalid, NotFound
from chalicelib.mapping.paths import Object, get, put
from chalicelib.mapping.pods import HASH

TIMESTAMP = "cattle.io/timestamp"
REVISION = "deployment.kubernetes.io/revision"


def paused(deployment: Object) -> Object:
    if get(deployment, "spec", "paused"):
        raise Invalid("Deployment already paused", code="InvalidAction")
    return _with_paused(deployment, True)


def resumed(deployment: Object) -> Object:
    if not get(deployment, "spec", "paused"):
        raise Invalid("Deployment is not paused", code="InvalidAction")
    return _with_paused(deployment, None)


def _with_paused(deployment: Object, paused: bool | None) -> Object:
    target = copy.deepcopy(deployment)
    put(target, ("spec", "paused"), paused)
    return target


def redeployed(workload: Object, now: str) -> Object:
    """New pods from the same template. ``now`` is written into the template, and so makes it another."""
    template = (
        ("spec", "jobTemplate", "spec", "template") if workload.get("kind") == "CronJob" else ("spec", "template")
    )
    target = copy.deepcopy(workload)
    put(target, (*template, "metadata", "annotations", TIMESTAMP), now)
    return target


def revisions(deployment: Object, replica_sets: Iterable[Object]) -> list[Object]:
    """The ReplicaSets of a Deployment, the newest first."""
    uid = get(deployment, "metadata", "uid")
    owned = [item for item in replica_sets if uid and uid in _owners(item)]
    return sorted(owned, key=_revision, reverse=True)


def rolled_back(deployment: Object, replica_sets: Iterable[Object], to: str = "") -> Object:
    """The Deployment with the template of another revision: the one named by id (``replicaset:ns:name``), or the previous."""
    if get(deployment, "spec", "paused"):
        raise Invalid("Deployment is paused: resume it first", code="InvalidAction")
    history = revisions(deployment, replica_sets)
    chosen = _chosen(history, to) if to else _previous(deployment, history)
    template = copy.deepcopy(get(chosen, "spec", "template"))
    put(template, ("metadata", "labels", HASH), None)
    target = copy.deepcopy(deployment)
    put(target, ("spec", "template"), template)
    return target


def _chosen(history: list[Object], id: str) -> Object:
    name = id.rpartition(":")[2]
    found = next((item for item in history if get(item, "metadata", "name") == name), None)
    if found is None:
        raise NotFound(f"the Deployment has no revision {id[:200]}")
    return found


def _previous(deployment: Object, history: list[Object]) -> Object:
    now = int(get(deployment, "metadata", "annotations", REVISION) or _revision(history[0]) if history else 0)
    found = next((item for item in history if _revision(item) < now), None)
    if found is None:
        raise Invalid("the Deployment has no earlier revision", code="InvalidAction")
    return found


def _owners(source: Object) -> set[str]:
    return {
        str(owner.get("uid")) for owner in get(source, "metadata", "ownerReferences") or [] if owner.get("controller")
    }


def _revision(source: Object) -> int:
    text = str(get(source, "metadata", "annotations", REVISION) or "")
    return int(text) if text.isascii() and text.isdecimal() else 0
