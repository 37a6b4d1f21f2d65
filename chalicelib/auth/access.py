"""What an identity may do with Lariat's own resources: one pure decision, asked by the API for every call.

Tokens are their owner's alone. Administrators may do everything else. Everybody else sees themselves, the settings, and
the clusters they created. Roles, memberships and projects are not there yet; until they are, nobody gets more than this.

Inside a cluster it is not Lariat that decides but the cluster's own RBAC, asked as the impersonated user.
"""

from __future__ import annotations

from chalicelib.auth.identity import Identity
from chalicelib.types import Resource

READ = "get"
CREATE = "create"
UPDATE = "update"
DELETE = "delete"


def allowed(identity: Identity, verb: str, kind: str, resource: Resource | None = None) -> bool:
    """May ``identity`` do ``verb`` with this resource, or (``None``) with the kind at all?"""
    if kind == "token":
        return resource is None or resource.parent == identity.user
    if identity.administrator:
        return True
    if kind == "setting":
        return verb == READ
    if verb != READ or resource is None:
        return False
    if kind == "user":
        return resource.id == identity.user
    return kind == "cluster" and resource.creator == identity.user
