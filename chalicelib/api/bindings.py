"""Bindings: who holds which role. Nobody gives a role that allows more than they may do themselves in the same place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api.behaviour import Behaviour, Call, Services
from chalicelib.api.subjects import Subjects
from chalicelib.auth.access import scope
from chalicelib.auth.roles import kinds
from chalicelib.auth.roles.library import is_everything
from chalicelib.errors import Forbidden, Invalid
from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds.rbac import one_subject
from chalicelib.types import Resource

BEYOND = "the role allows more than you may do yourself"


class GlobalRoleBindings(Behaviour):
    """Who holds a global role, and so who is an administrator; there is always one."""

    def create(self, call: Call, values: Mapping[str, Any]) -> Resource:
        one_subject(values)
        if not call.access.may_bind_globally(str(values["globalRoleId"])):
            raise Forbidden(BEYOND)
        return super().create(call, values)

    def remove(self, call: Call, resource: Resource) -> Resource:
        if self._makes_administrator(resource):
            if not call.access.administrator:
                raise Forbidden("only an administrator may end another one")
            if not any(self._is_other(binding, resource) for binding in self.resources.all(self.kind.id)):
                raise Invalid("this is the last administrator: make another one first", code="InvalidAction")
        return super().remove(call, resource)

    def _is_other(self, binding: Resource, resource: Resource) -> bool:
        """Does another binding keep an administrator who can log in? A group may have no members."""
        if binding.id == resource.id or binding.removed or not binding.parent:
            return False
        if not self._makes_administrator(binding):
            return False
        user = self.resources.find("user", binding.parent)
        return user is not None and not user.removed and user.spec.get("enabled", True) is True

    def _makes_administrator(self, binding: Resource) -> bool:
        return is_everything(self.services.rights.library().role(str(binding.spec.get("globalRoleId"))))


class RoleBindings(Behaviour):
    """Who holds a role template in a cluster or a project."""

    def __init__(self, kind: Kind, services: Services, subjects: Subjects) -> None:
        super().__init__(kind, services)
        self._subjects = subjects

    def create(self, call: Call, values: Mapping[str, Any]) -> Resource:
        # First of all, as naming somebody may make a user.
        self._check(call, values, self.parent_of(call, values))
        return super().create(call, self._subjects.bound(values, call.identity.user))

    def merge(self, call: Call, stored: Resource, values: Mapping[str, Any]) -> Resource:
        binding = super().merge(call, stored, values)
        if binding.spec.get("roleTemplateId") != stored.spec.get("roleTemplateId"):
            self._check(call, binding.spec, binding.parent)
        return binding

    def _check(self, call: Call, values: Mapping[str, Any], parent: str) -> None:
        where = scope(kinds.target(self.kind.id), parent)
        if not call.access.may_bind(str(values.get("roleTemplateId")), where):
            raise Forbidden(BEYOND)
