"""``/v3/globalroles`` and ``/v3/roletemplates``: nobody writes a role that allows more than they may do themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.api.behaviour import Call, Services
from chalicelib.api.shipped import Shipped
from chalicelib.auth.rights import library
from chalicelib.auth.roles.globals import GLOBAL_ROLES
from chalicelib.auth.roles.library import Library
from chalicelib.auth.roles.rule import parse_all
from chalicelib.auth.roles.shipped import restored
from chalicelib.auth.roles.templates import ROLE_TEMPLATES
from chalicelib.errors import Conflict, Forbidden, Invalid
from chalicelib.schema.kind import Kind
from chalicelib.types import Resource

MOST_DEFAULTS = 5
"""Roles that whoever creates a cluster or a project is given at most: they are bound in the transaction that creates it."""

BEYOND = "the role allows more than you may do yourself"


class Roles(Shipped):
    """What both have in common: the shipped ones are Lariat's, except for a few choices."""

    def find(self, id: str) -> Resource:
        return self._whole(super().find(id))

    def list(self, call: Call, parent: str | None = None) -> Iterable[Resource]:
        return map(self._whole, super().list(call, parent))

    def new(self, call: Call, values: Mapping[str, Any]) -> Resource:
        role = super().new(call, values)
        self.check(call, role)
        return role

    def merge(self, call: Call, stored: Resource, values: Mapping[str, Any]) -> Resource:
        role = self._whole(super().merge(call, self._whole(stored), values))
        self.check(call, role)
        return role

    def check(self, call: Call, role: Resource) -> None:
        """Raises ``Invalid`` or ``Forbidden`` for a role that must not be stored."""
        raise NotImplementedError

    def _whole(self, stored: Resource) -> Resource:
        shipped = self._shipped.get(stored.id)
        return restored(stored, shipped) if shipped else stored


class GlobalRoles(Roles):
    def __init__(self, kind: Kind, services: Services) -> None:
        super().__init__(kind, services, GLOBAL_ROLES, ("newUserDefault",))

    def check(self, call: Call, role: Resource) -> None:
        if not call.access.may_define_globally(parse_all(role.spec.get("rules"))):
            raise Forbidden(BEYOND)


class RoleTemplates(Roles):
    def __init__(self, kind: Kind, services: Services) -> None:
        super().__init__(kind, services, ROLE_TEMPLATES, ("locked", "clusterCreatorDefault", "projectCreatorDefault"))

    def check(self, call: Call, role: Resource) -> None:
        known = library(self.resources)
        _few_defaults(known, role)
        if role.id in self._shipped:
            # Its rules are Lariat's own; what is bound at creations is bound with the creator's consent alone.
            return
        parents = [str(parent) for parent in role.spec.get("roleTemplateIds") or ()]
        if known.inherits(parents, role.id):
            raise Invalid("a role can't inherit from itself", code="InvalidReference", field="roleTemplateIds")
        may_define = call.access.may_define(parse_all(role.spec.get("rules")), parents)
        if not may_define or (role.spec.get("external") and not call.access.administrator):
            raise Forbidden(BEYOND)

    def links(self, resource: Resource) -> tuple[str, ...]:
        links = super().links(resource)
        heirs = self.services.rights.library().heirs(resource.id)
        return tuple(link for link in links if link != "remove") if heirs else links

    def remove(self, call: Call, resource: Resource) -> Resource:
        heirs = library(self.resources).heirs(resource.id)
        if heirs:
            raise Conflict(f"roles inherit from this one: {', '.join(heirs)}")
        return super().remove(call, resource)


def _few_defaults(known: Library, role: Resource) -> None:
    for context in ("cluster", "project"):
        field = f"{context}CreatorDefault"
        if role.spec.get(field) and len({*known.defaults(context), role.id}) > MOST_DEFAULTS:
            raise Invalid(f"at most {MOST_DEFAULTS} roles can be the default", code="MaxLimitExceeded", field=field)
