"""Who is a member of a cluster or a project, as the access mode ``restricted`` asks; ``chalicelib/main.py`` passes it on."""

from __future__ import annotations

from collections.abc import Collection

from chalicelib.auth.providers.principal import LOCAL, parse
from chalicelib.store.resources import Resources
from chalicelib.types import Resource

BINDINGS = ("clusterRoleTemplateBinding", "projectRoleTemplateBinding")


def is_member(resources: Resources, ids: Collection[str]) -> bool:
    """Does a binding of a cluster or a project name one of these principals?"""
    users = {parse(id).rest for id in ids if parse(id).provider == LOCAL}
    return any(_names(binding, ids, users) for kind in BINDINGS for binding in resources.all(kind))


def _names(binding: Resource, ids: Collection[str], users: Collection[str]) -> bool:
    spec = binding.spec
    named = spec.get("userPrincipalId") in ids or spec.get("groupPrincipalId") in ids or spec.get("userId") in users
    return named and not binding.removed
