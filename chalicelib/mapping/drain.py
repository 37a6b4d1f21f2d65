"""The plan of a node's drain: which pods to evict, or why not to begin. The same rules as ``kubectl drain``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.errors import Invalid
from chalicelib.mapping.paths import Object, get
from chalicelib.mapping.served import Served, Version

MIRROR = "kubernetes.io/config.mirror"
"""Static pods, which the API server can't evict."""

EVICTION = Served("Eviction", "evictions", (Version("policy/v1", since=22), Version("policy/v1beta1", until=21)))


@dataclass(frozen=True, slots=True)
class Options:
    """The fields of ``nodeDrainInput`` with its defaults; a negative ``grace`` leaves each pod its own."""

    delete_local_data: bool = False
    force: bool = False
    ignore_daemon_sets: bool = True
    grace: int = -1
    timeout: int = 60


def options(values: Mapping[str, Any]) -> Options:
    known = Options()
    return Options(
        bool(values.get("deleteLocalData", known.delete_local_data)),
        bool(values.get("force", known.force)),
        bool(values.get("ignoreDaemonSets", known.ignore_daemon_sets)),
        _number(values, "gracePeriod", known.grace),
        _number(values, "timeout", known.timeout),
    )


def _number(values: Mapping[str, Any], name: str, default: int) -> int:
    value = values.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        raise Invalid(f"{name} must be a number", code="InvalidType", field=name)
    return value


def plan(pods: Iterable[Object], wanted: Options, minor: int) -> list[Object]:
    """Return an Eviction for each pod that has to go. Raises ``Invalid`` with all the pods that forbid the drain."""
    going, problems = [], []
    for pod in pods:
        if _stays(pod, wanted):
            continue
        problem = _problem(pod, wanted)
        if problem:
            problems.append(f"{_name(pod)}: {problem}")
        else:
            going.append(_eviction(pod, wanted, minor))
    if problems:
        raise Invalid("cannot drain: " + "; ".join(sorted(problems)), code="InvalidAction")
    return going


def _stays(pod: Object, wanted: Options) -> bool:
    if MIRROR in (get(pod, "metadata", "annotations") or {}) or get(pod, "metadata", "deletionTimestamp"):
        return True
    return _owner(pod) == "DaemonSet" and wanted.ignore_daemon_sets


def _problem(pod: Object, wanted: Options) -> str:
    if get(pod, "status", "phase") in ("Succeeded", "Failed"):
        return ""
    if _owner(pod) == "DaemonSet":
        return "is managed by a DaemonSet (set ignoreDaemonSets)"
    if _owner(pod) is None and not wanted.force:
        return "is managed by nothing that would replace it (set force)"
    if any("emptyDir" in volume for volume in get(pod, "spec", "volumes") or []) and not wanted.delete_local_data:
        return "has local data (set deleteLocalData)"
    return ""


def _owner(pod: Object) -> str | None:
    owners = get(pod, "metadata", "ownerReferences") or []
    return next((owner.get("kind") for owner in owners if owner.get("controller")), None)


def _name(pod: Object) -> str:
    return f"{get(pod, 'metadata', 'namespace')}/{get(pod, 'metadata', 'name')}"


def _eviction(pod: Object, wanted: Options, minor: int) -> Object:
    metadata = {name: get(pod, "metadata", name) for name in ("namespace", "name")}
    eviction: Object = {"apiVersion": EVICTION.version(minor), "kind": "Eviction", "metadata": metadata}
    return eviction if wanted.grace < 0 else {**eviction, "deleteOptions": {"gracePeriodSeconds": wanted.grace}}
