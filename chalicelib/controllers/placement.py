"""Which project each namespace of a cluster is in, and what its own metadata says of it.

Rancher's clients put a namespace into a project by an annotation. Who may change a namespace could so move it into a
project of others and be sent its secrets. Therefore the annotation counts only when a namespace is first seen; from then
on Lariat's record counts, which the API alone changes once it has checked rights in both projects.

A project that goes takes along those of its namespaces that were made through the API. Others stay, in no project.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.controllers.objects import Delete, Document, Patch, Plan, Ref
from chalicelib.mapping.kind import CREATOR

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
    *,
    leaving: bool = False,
) -> Placement:
    """``observed`` are the cluster's namespaces, ``projects`` the full ids of those that exist.

    ``defaults`` are the projects of the namespaces that come with a cluster, by name. ``leaving``: the projects go because
    the cluster does, which keeps what is in it.
    """
    placed: dict[str, str] = {}
    remembered: dict[str, str] = {}
    patches: list[Patch] = []
    deletes: list[Delete] = []
    for namespace in observed:
        metadata = namespace["metadata"]
        known = record.get(metadata["uid"], "")
        if not leaving and known and known not in projects and _goes_along(namespace):
            # That it was in the project is remembered until it is gone, however often that has to be tried.
            remembered[metadata["uid"]] = known
            deletes.extend(_deletion(namespace))
            continue
        project = _project(namespace, record, projects, defaults)
        remembered[metadata["uid"]] = project
        if project and not metadata.get("deletionTimestamp"):
            placed[metadata["name"]] = project
        patches.extend(_repairs(namespace, project))
    return Placement(placed, remembered, Plan(delete=tuple(deletes), patch=tuple(patches)))


def _goes_along(namespace: Document) -> bool:
    """Was it made through the API, and is it nobody's but its project's?"""
    metadata = namespace["metadata"]
    return metadata["name"] not in NOBODYS and bool((metadata.get("annotations") or {}).get(CREATOR))


def _deletion(namespace: Document) -> list[Delete]:
    metadata = namespace["metadata"]
    return [] if metadata.get("deletionTimestamp") else [Delete(_ref(namespace), metadata["uid"])]


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
    return [Patch(_ref(namespace), {"metadata": right})]


def _ref(namespace: Document) -> Ref:
    return Ref("v1", "Namespace", "", namespace["metadata"]["name"])


def said(namespace: Document) -> str:
    """The project that a namespace says it is in."""
    return str((namespace["metadata"].get("annotations") or {}).get(PROJECT, ""))
