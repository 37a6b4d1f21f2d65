"""Objects as somebody would write them anew: without what the cluster has added; ``api/export.py`` calls it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.mapping import secrets
from chalicelib.mapping.kinds import PROJECT_SCOPED
from chalicelib.mapping.served import Served

Object = dict[str, Any]

CONTENTS: tuple[Served, ...] = tuple(
    dict.fromkeys(kind.served for kind in PROJECT_SCOPED if kind.id not in {each.id for each in secrets.KINDS})
)
"""What a namespace's export holds: everything that is managed in one but secrets, which no answer shows."""

_ADDED = ("uid", "resourceVersion", "creationTimestamp", "generation", "selfLink", "managedFields")
_CHOSEN: Mapping[str, tuple[str, ...]] = {
    "Service": ("clusterIP", "clusterIPs"),
    "PersistentVolumeClaim": ("volumeName",),
    "Job": ("selector",),
    "Pod": ("nodeName",),
}
"""Fields of ``spec`` that a cluster fills in, and that mean nothing in another one."""

_MARKS = ("controller-uid", "job-name")
_ROOT_CA = "kube-root-ca.crt"


def is_own(found: Object) -> bool:
    """Is it there because somebody wanted it, and not because another object or the cluster made it?"""
    metadata = found["metadata"]
    made = any(owner.get("controller") for owner in metadata.get("ownerReferences") or ())
    return not made and metadata["name"] != _ROOT_CA


def written(found: Object, kind: str) -> Object:
    """The object of that Kubernetes kind, ready to be applied."""
    metadata = {name: value for name, value in found["metadata"].items() if name not in _ADDED}
    rest = {name: value for name, value in found.items() if name not in ("apiVersion", "kind", "metadata", "status")}
    if isinstance(rest.get("spec"), dict):
        rest["spec"] = _spec(rest["spec"], kind)
    return {"apiVersion": found["apiVersion"], "kind": kind, "metadata": metadata, **rest}


def _spec(spec: Object, kind: str) -> Object:
    if (kind == "Service" and spec.get("clusterIP") == "None") or (kind == "Job" and spec.get("manualSelector")):
        # Here it was chosen by whoever wrote it.
        return spec
    kept = {name: value for name, value in spec.items() if name not in _CHOSEN.get(kind, ())}
    return {**kept, "template": _unmarked(kept["template"])} if kind == "Job" else kept


def _unmarked(template: Object) -> Object:
    """A job's template without the labels by which the cluster finds its pods."""
    metadata = template.get("metadata") or {}
    labels = {name: value for name, value in (metadata.get("labels") or {}).items() if name not in _MARKS}
    return {**template, "metadata": {**metadata, "labels": labels}}
