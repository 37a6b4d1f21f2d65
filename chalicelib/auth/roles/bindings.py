"""Bindings, read strictly, and indexed by whom they are for.

A ``Grants`` is all that one user or one group was given: what a request needs to be authorised. ``index`` makes them;
``records.py`` keeps them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from chalicelib.auth.identity import CONTROLLER
from chalicelib.types import Resource

USER, GROUP = "User", "Group"
"""As Kubernetes calls the kinds of subjects."""

_UID = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_LONGEST = 512
_READ = {
    "globalRoleBinding": ("globalRoleId", "", re.compile("")),
    "clusterRoleTemplateBinding": ("roleTemplateId", "clusterId", re.compile(r"[a-z0-9-]+")),
    "projectRoleTemplateBinding": ("roleTemplateId", "projectId", re.compile(r"[a-z0-9-]+:[a-z0-9-]+")),
}
"""By kind: the fields of the role and of the scope, and what a scope looks like."""


class Subject(NamedTuple):
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Binding:
    """One binding. ``scope`` is a cluster's or a project's full id, empty for a global role's binding."""

    kind: str
    uid: str
    subject: Subject
    role: str
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Grants:
    """What one subject was given: global roles, and role templates by cluster and by project."""

    roles: tuple[str, ...] = ()
    clusters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    projects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def index(bindings: Iterable[Binding]) -> dict[Subject, Grants]:
    """Collect bindings by subject, in a stable order, so that equal stays equal."""
    found: dict[Subject, dict[str, dict[str, set[str]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(set)))
    for binding in bindings:
        found[binding.subject][binding.kind][binding.scope].add(binding.role)
    return {
        subject: Grants(
            tuple(sorted(kinds["globalRoleBinding"][""])),
            _sorted(kinds["clusterRoleTemplateBinding"]),
            _sorted(kinds["projectRoleTemplateBinding"]),
        )
        for subject, kinds in found.items()
    }


def read(resource: Resource) -> Binding | None:
    """Read a stored binding of any of the three kinds; ``None`` if it grants nothing, as it is not whole."""
    if resource.kind not in _READ or resource.removed or not _UID.fullmatch(resource.uid):
        return None
    role_field, scope_field, scopes = _READ[resource.kind]
    # The API keeps what a binding is inside of as its parent.
    inside = {scope_field or "userId": resource.parent} if resource.parent else {}
    spec = {**inside, **{name: value for name, value in resource.spec.items() if value is not None}}
    role, scope, subject = spec.get(role_field), spec.get(scope_field, ""), _subject(spec)
    if not (isinstance(role, str) and role and isinstance(scope, str) and scopes.fullmatch(scope)) or subject is None:
        return None
    return Binding(resource.kind, resource.uid, subject, role, scope)


def read_all(resources: Iterable[Resource]) -> tuple[Binding, ...]:
    return tuple(binding for binding in map(read, resources) if binding is not None)


def is_subject(name: object) -> bool:
    """A user or a group that Lariat may name to Kubernetes: never one of Kubernetes' own."""
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST:
        return False
    reserved = name.lower().startswith("system:") or name == CONTROLLER
    return name.isprintable() and name == name.strip() and not reserved


def _subject(spec: Mapping[str, Any]) -> Subject | None:
    """Exactly one user, or one group; anything else is nobody."""
    group = spec.get("groupPrincipalId") or spec.get("groupId")
    user = spec.get("userId")
    if group and (user or spec.get("userPrincipalId")):
        return None
    if group:
        return Subject(GROUP, group) if is_subject(group) else None
    return Subject(USER, str(user)) if is_subject(user) else None


def _sorted(scopes: Mapping[str, set[str]]) -> dict[str, tuple[str, ...]]:
    return {scope: tuple(sorted(roles)) for scope, roles in sorted(scopes.items())}
