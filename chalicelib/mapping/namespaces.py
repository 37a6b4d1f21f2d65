"""Namespaces, and how one moves to another project."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from chalicelib.mapping.kind import PROJECT, Kind, described
from chalicelib.mapping.paths import Object, Values, get, put
from chalicelib.mapping.place import Place
from chalicelib.mapping.rules import Annotation, Hidden
from chalicelib.mapping.served import Served

SYSTEM = "management.cattle.io/system-namespace"


class Project:
    """``projectId`` stands in full in an annotation, and its last part in a label, which can be selected by."""

    @property
    def fields(self) -> Mapping[str, str]:
        return {"projectId": "reference[/v3/schemas/project]"}

    def read(self, source: Object, values: Values, place: Place) -> None:
        values["projectId"] = get(source, "metadata", "annotations", PROJECT)

    def write(self, values: Values, target: Object, place: Place) -> None:
        """For a new namespace only: into another project it gets by ``move``, which asks for more rights."""
        if not get(target, "metadata", "uid"):
            _assign(target, values["projectId"])


NAMESPACE = Kind(
    id="namespace",
    plural="namespaces",
    served=Served("Namespace", "namespaces", namespaced=False),
    rules=(
        *described(
            Hidden("projectId"),
            Annotation("resourceQuota", "namespaceResourceQuota"),
            Annotation("containerDefaultResourceLimit", "containerResourceLimit"),
            hidden=frozenset({PROJECT}),
        ),
        Project(),
    ),
)


def _assign(target: Object, project: str | None) -> None:
    put(target, ("metadata", "annotations", PROJECT), project or None)
    put(target, ("metadata", "labels", PROJECT), str(project).rpartition(":")[2] if project else None)


def project_of(namespace: Object) -> str | None:
    project: str | None = get(namespace, "metadata", "annotations", PROJECT)
    return project


def moved(namespace: Object, project: str | None) -> Object:
    """The action ``move``: the same namespace in another project, or in none."""
    target = copy.deepcopy(namespace)
    _assign(target, project)
    return target


def is_hidden(namespace: Object) -> bool:
    return bool(get(namespace, "metadata", "annotations", SYSTEM) == "true")
