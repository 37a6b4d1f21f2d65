"""Who may put a namespace into a project, or take it out of one: the API and the proxy ask the same questions here.

A namespace's annotation says where it wants to be; Lariat's record says where it is (``controllers/placement.py``).
"""

from __future__ import annotations

from chalicelib.auth.access import UPDATE, may, may_hold
from chalicelib.auth.identity import Identity
from chalicelib.clusters.desired import place, placement
from chalicelib.controllers.objects import Document
from chalicelib.controllers.placement import said
from chalicelib.errors import Forbidden, Invalid
from chalicelib.store.resources import Resources, missing
from chalicelib.types import Resource


def enter(resources: Resources, identity: Identity, cluster: str, project: str) -> Resource:
    """May the caller have a namespace in this project of the cluster? Raises ``Forbidden`` or ``NotFound``."""
    if not may_hold(identity, project):
        raise Forbidden(f"you may not manage namespaces of project {project[:200]}")
    found = resources.find("project", project) if project.partition(":")[0] == cluster else None
    if found is None or found.removed:
        raise missing("project", project)
    return found


def current(resources: Resources, cluster: str, namespace: Document) -> str:
    """The project that a namespace is in; what it says of that itself counts only until it is first seen."""
    known = placement(resources, cluster).get(str(namespace["metadata"]["uid"]))
    return said(namespace) if known is None else known


def check(resources: Resources, identity: Identity, cluster: str, source: str, target: str) -> None:
    """May the caller move a namespace? Both projects are asked; either may be none. Raises what ``enter`` raises."""
    if source and not may_hold(identity, source):
        raise Forbidden("you may not manage the namespaces of the project that it is in")
    if not source and not may(identity, UPDATE, "cluster", Resource(kind="cluster", id=cluster)):
        # A project's owners get rights in it that they did not have.
        raise Forbidden("a namespace that is in no project is moved by those who may change the cluster")
    if target and enter(resources, identity, cluster, target).spec.get("resourceQuota"):
        raise Invalid(f"can't move the namespace: project {target} has a quota set", code="InvalidAction")


def move(resources: Resources, cluster: str, namespace: Document, target: str, source: str) -> None:
    """Once it is checked, and the namespace says so. Raises ``Conflict`` if it is not in ``source`` any more."""
    place(resources, cluster, str(namespace["metadata"]["uid"]), target, source)
