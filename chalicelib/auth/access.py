"""What an identity may do with Lariat's own resources: one pure decision, asked by the API for every call.

Tokens and preferences are their owner's alone. Administrators may do everything else. Everybody else sees themselves,
the settings, and the clusters they created. Roles, memberships and projects are not there yet; until they are, nobody
gets more than this.

Inside a cluster it is not Lariat that decides but the cluster's own RBAC, asked as the impersonated user.
"""

from __future__ import annotations

from chalicelib.auth.identity import Identity
from chalicelib.types import Resource

READ = "get"
CREATE = "create"
UPDATE = "update"
DELETE = "delete"

PERSONAL = ("token", "preference")
"""Kinds that are their owner's alone; even administrators see only their own."""


def may(identity: Identity, verb: str, kind: str, resource: Resource | None = None, parent: str = "") -> bool:  # noqa: ARG001
    """May ``identity`` do ``verb`` with this resource, or (``None``) with the kind at all, inside of ``parent``?

    What a caller may do inside of a parent follows from roles; the parent counts for nothing until they are there.
    """
    if kind in PERSONAL:
        return bool(identity.user) and (resource is None or resource.parent == identity.user)
    if identity.administrator:
        return True
    if kind == "setting":
        return verb == READ
    if kind == "principal":
        return bool(identity.user) and verb == READ
    if verb != READ or resource is None:
        return False
    if kind == "user":
        return resource.id == identity.user
    return kind == "cluster" and bool(identity.user) and resource.creator == identity.user


def sees_all(identity: Identity, kind: str) -> bool:
    """May ``identity`` read every resource of the kind, so that a list needs no look at each?"""
    return identity.administrator and kind not in PERSONAL
