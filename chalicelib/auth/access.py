"""What an identity may do with Lariat's own resources: one pure decision, asked by the API for every call.

Roles and bindings decide (``roles/access.py``); what everybody may who has logged in stands here. Inside a cluster it is
the cluster's own RBAC that decides, asked as the impersonated user; who may enter it at all is ``may_enter``.
"""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.auth.identity import Identity
from chalicelib.auth.roles import kinds
from chalicelib.auth.roles.access import GLOBALLY, Scope
from chalicelib.auth.roles.kinds import OWN, Target
from chalicelib.types import Resource

READ = "get"
CREATE = "create"
UPDATE = "update"
DELETE = "delete"

COMMON = ("setting", "principal")
"""Kinds that every user may read: no client works without."""

CLUSTERS = kinds.target("cluster")


def may(identity: Identity, verb: str, kind: str, resource: Resource | None = None, parent: str = "") -> bool:
    """May ``identity`` do ``verb`` with this resource, or (``None``) with the kind at all, inside of ``parent``?"""
    if identity.access is None:
        return False
    if verb in _common(identity, kind):
        return True
    return identity.access.allows(verb, *_asked(identity, kind, resource, parent))


def rights(identity: Identity, kind: str, resource: Resource | None = None, parent: str = "") -> frozenset[str]:
    """Every verb that ``may`` says yes to."""
    if identity.access is None:
        return frozenset()
    return identity.access.summary(*_asked(identity, kind, resource, parent)).union(_common(identity, kind))


def readable(identity: Identity, kind: str, resources: Iterable[Resource]) -> list[Resource]:
    """Those that ``identity`` may read. Where that is all there is in a place, each of the rest is not looked at."""
    target = kinds.target(kind)
    whole: dict[str, bool] = {}

    def is_whole(resource: Resource) -> bool:
        place = _place(target, resource)
        if place not in whole:
            whole[place] = sees_all(identity, kind, place)
        return whole[place]

    return [each for each in resources if is_whole(each) or may(identity, READ, kind, each)]


def sees_all(identity: Identity, kind: str, parent: str = "") -> bool:
    """May ``identity`` read every resource of the kind (inside of ``parent``), so that a list needs no look at each?"""
    target = kinds.target(kind)
    if identity.access is None or (kinds.level(target) == OWN and not parent):
        return False
    return identity.access.allows(READ, *target, "", scope(target, parent))


def is_scattered(identity: Identity, kind: str) -> bool:
    """Is what ``identity`` may see of a kind to be looked for everywhere, rather than where their bindings are?"""
    target = kinds.target(kind)
    if identity.access is None or kind in COMMON or kinds.level(target) == OWN:
        return True
    return identity.access.reaches(READ, *target)


def may_enter(identity: Identity, cluster: str) -> bool:
    """May ``identity`` send requests to a cluster? Who may see it may; its own RBAC decides about each request."""
    return identity.access is not None and identity.access.allows(READ, *CLUSTERS, cluster)


def may_hold(identity: Identity, project: str) -> bool:
    """May ``identity`` have namespaces in a project (full id), so put them there and take them away?

    Rights to a cluster's namespaces alone are none to its projects (CVE-2020-10676).
    """
    there = Resource(kind="project", id=project, parent=project.partition(":")[0])
    return may(identity, READ, "project", there) and may(identity, CREATE, "namespace", parent=project)


def _common(identity: Identity, kind: str) -> tuple[str, ...]:
    return (READ,) if kind in COMMON and identity.user else ()


def _asked(identity: Identity, kind: str, resource: Resource | None, parent: str) -> tuple[str, str, str, Scope]:
    """A question as roles answer it: the group and resource, the id, and where it is."""
    target = kinds.target(kind)
    id, where = (resource.id, _place(target, resource)) if resource is not None else ("", parent)
    if kinds.level(target) == OWN and resource is None:
        where = parent or identity.user
    return *target, id, scope(target, where)


def _place(target: Target, resource: Resource) -> str:
    """Its parent; what is somebody's own, but in no user, is its creator's."""
    own = kinds.level(target) == OWN
    return (resource.parent or resource.creator) if own else resource.parent


def scope(target: Target, parent: str) -> Scope:
    """Where a resource of that parent is. A project's id begins with its cluster's."""
    match kinds.level(target):
        case kinds.GLOBAL:
            return GLOBALLY
        case kinds.OWN:
            return Scope(user=parent)
    cluster, _, inside = parent.partition(":")
    return Scope(cluster, parent if inside else "")
