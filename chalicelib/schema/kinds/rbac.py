"""Roles, and who holds them where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.errors import Invalid
from chalicelib.schema.field import (
    DESCRIPTION,
    IN_CLUSTER,
    IN_PROJECT,
    Field,
    enum,
    flag,
    label,
    listed,
    read_only,
    ref,
    text,
)
from chalicelib.schema.kind import Kind, part

RULE = part(
    "policyRule",
    apiGroups=listed(),
    resources=listed(),
    resourceNames=listed(),
    nonResourceURLs=listed(),
    verbs=listed(),
)

USERS = ("userId", "userPrincipalId")
GROUPS = ("groupId", "groupPrincipalId")


def one_subject(values: Mapping[str, Any]) -> None:
    user, group = any(values.get(name) for name in USERS), any(values.get(name) for name in GROUPS)
    if user == group:
        raise Invalid("name one user or one group", code="InvalidBodyContent")


RIGHTS = part("rights", verbs=read_only("array[string]"), inside=read_only("map[array[string]]"))
"""What a caller may do with an object, and, by kind, inside of it."""

GLOBAL_ROLE = Kind(
    id="globalRole",
    named=True,
    fields={
        "name": text(253, required=True, nullable=False),
        "description": DESCRIPTION,
        "newUserDefault": flag(False),
        "rules": listed(RULE),
        "builtin": flag(False, create=False, update=False),
    },
)

GLOBAL_ROLE_BINDING = Kind(
    id="globalRoleBinding",
    parent="userId",
    falls_with=("globalRoleId",),
    fields={
        "name": label(update=False),
        "userId": ref("user", update=False),
        "groupPrincipalId": ref("principal", update=False),
        "globalRoleId": ref("globalRole", update=False, required=True),
    },
)

ROLE_TEMPLATE = Kind(
    id="roleTemplate",
    named=True,
    fields={
        "name": text(253, required=True, nullable=False),
        "description": DESCRIPTION,
        "context": enum("cluster", "project"),
        "rules": listed(RULE),
        "roleTemplateIds": listed(ref("roleTemplate")),
        "external": flag(False),
        "hidden": flag(False),
        "locked": flag(False),
        "clusterCreatorDefault": flag(False),
        "projectCreatorDefault": flag(False),
        "builtin": flag(False, create=False, update=False),
    },
)

SUBJECTS: Mapping[str, Field] = {
    "userId": ref("user", update=False),
    "userPrincipalId": ref("principal", update=False),
    "groupId": ref("group", update=False),
    "groupPrincipalId": ref("principal", update=False),
}


def _binding(id: str, scope: Mapping[str, Field]) -> Kind:
    return Kind(
        id=id,
        parent=next(iter(scope)),
        falls_with=("userId", "groupId", "roleTemplateId"),
        fields={
            **scope,
            "roleTemplateId": ref("roleTemplate", required=True, nullable=False),
            "name": label(update=False),
            **SUBJECTS,
        },
        validators=(one_subject,),
    )


CLUSTER_BINDING = _binding("clusterRoleTemplateBinding", IN_CLUSTER)
PROJECT_BINDING = _binding("projectRoleTemplateBinding", IN_PROJECT)

KINDS = (GLOBAL_ROLE, GLOBAL_ROLE_BINDING, ROLE_TEMPLATE, CLUSTER_BINDING, PROJECT_BINDING)
