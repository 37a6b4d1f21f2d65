"""Which project each namespace of a cluster is in, and what its own metadata says of it.

Rancher's clients put a namespace into a project by an annotation. Who may change a namespace could so move it into a
project of others and be sent its secrets. Therefore the annotation counts only when a namespace is first seen; from then
on Lariat's record counts, which the API alone changes once it has checked rights in both projects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.controllers.objects import Document, Patch, Plan, Ref

PROJECT = "field.cattle.io/projectId"
"""An annotation with a project's full id, and a label with the short one."""

NOBODYS = frozenset({"lariat-system"})
"""Namespaces that no project may have: whoever reads the agent's secrets is whomever they like (CVE-2018-20321)."""


@dataclass(frozen=True, slots=True)
class Placement:
    """``namespaces`` is name → project; ``record`` is what to remember: a namespace's uid → its project or ``""``."""

    namespaces: Mapping[str, str]
    record: Mapping[str, str]
    plan: Plan


def place(
    observed: Sequence[Document],
    record: Mapping[str, str],
    projects: frozenset[str],
    defaults: Mapping[str, str] = {},
) -> Placement:
    """``observed`` are the cluster's namespaces, ``projects`` the full ids of those that exist.

    ``defaults`` are the projects of the namespaces that come with a cluster, by name.
    """
    placed: dict[str, str] = {}
    remembered: dict[str, str] = {}
    patches: list[Patch] = []
    for namespace in observed:
        metadata = namespace["metadata"]
        project = _project(namespace, record, projects, defaults)
        remembered[metadata["uid"]] = project
        if project and not metadata.get("deletionTimestamp"):
            placed[metadata["name"]] = project
        patches.extend(_repairs(namespace, project))
    return Placement(placed, remembered, Plan(patch=tuple(patches)))


def _project(
    namespace: Document, record: Mapping[str, str], projects: frozenset[str], defaults: Mapping[str, str]
) -> str:
    if namespace["metadata"]["name"] in NOBODYS:
        return ""
    project = record.get(namespace["metadata"]["uid"])
    if project is None:
        wish = said(namespace)
        # What another Lariat has left says nothing here.
        project = wish if wish in projects else defaults.get(namespace["metadata"]["name"], "")
    return project if project in projects else ""


def _repairs(namespace: Document, project: str) -> list[Patch]:
    """What has to change so that the namespace says where it is, which may be nowhere."""
    label = (namespace["metadata"].get("labels") or {}).get(PROJECT, "")
    short = project.rpartition(":")[2]
    if namespace["metadata"].get("deletionTimestamp") or (said(namespace), label) == (project, short):
        return []
    right = {"annotations": {PROJECT: project or None}, "labels": {PROJECT: short or None}}
    return [Patch(Ref("v1", "Namespace", "", namespace["metadata"]["name"]), {"metadata": right})]


def said(namespace: Document) -> str:
    """The project that a namespace says it is in."""
    return str((namespace["metadata"].get("annotations") or {}).get(PROJECT, ""))
