"""Bindings: who holds which role. Nobody gives a role that allows more than they may do themselves in the same place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api.behaviour import Behaviour, Call
from chalicelib.auth.access import scope
from chalicelib.auth.providers.accounts import claim
from chalicelib.auth.roles import kinds
from chalicelib.auth.roles.library import is_everything
from chalicelib.errors import Forbidden, Invalid
from chalicelib.types import Resource

BEYOND = "the role allows more than you may do yourself"
LOCAL = "local://"


class GlobalRoleBindings(Behaviour):
    """Who holds a global role, and so who is an administrator; there is always one."""

    def new(self, call: Call, values: Mapping[str, Any]) -> Resource:
        if not call.access.may_bind_globally(str(values["globalRoleId"])):
            raise Forbidden(BEYOND)
        return super().new(call, values)

    def remove(self, call: Call, resource: Resource) -> Resource:
        if self._makes_administrator(resource):
            if not call.access.administrator:
                raise Forbidden("only an administrator may end another one")
            if not any(self._is_other(binding, resource) for binding in self.resources.all(self.kind.id)):
                raise Invalid("this is the last administrator: make another one first", code="InvalidAction")
        return super().remove(call, resource)

    def _is_other(self, binding: Resource, resource: Resource) -> bool:
        """Does another binding keep an administrator who can log in?"""
        if binding.id == resource.id or binding.removed or not self._makes_administrator(binding):
            return False
        user = self.resources.find("user", binding.parent)
        return user is not None and not user.removed and user.spec.get("enabled", True) is True

    def _makes_administrator(self, binding: Resource) -> bool:
        return is_everything(self.services.rights.library().role(str(binding.spec.get("globalRoleId"))))


class RoleBindings(Behaviour):
    """Who holds a role template in a cluster or a project."""

    def new(self, call: Call, values: Mapping[str, Any]) -> Resource:
        binding = super().new(call, self._named(values))
        self._check(call, binding)
        return binding

    def merge(self, call: Call, stored: Resource, values: Mapping[str, Any]) -> Resource:
        binding = super().merge(call, stored, values)
        if binding.spec.get("roleTemplateId") != stored.spec.get("roleTemplateId"):
            self._check(call, binding)
        return binding

    def _check(self, call: Call, binding: Resource) -> None:
        where = scope(kinds.target(self.kind.id), binding.parent)
        if not call.access.may_bind(str(binding.spec.get("roleTemplateId")), where):
            raise Forbidden(BEYOND)

    def _named(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Complete a user and the principal that they log in as from each other."""
        user, principal = values.get("userId"), values.get("userPrincipalId")
        if principal:
            found = self._user_of(str(principal))
            if not found or (user and found != user):
                message = "nobody has logged in with this principal yet" if not found else "that is another user"
                raise Invalid(message, code="InvalidReference", field="userPrincipalId")
            return {**values, "userId": found}
        return {**values, "userPrincipalId": f"{LOCAL}{user}"} if user else values

    def _user_of(self, principal: str) -> str:
        if principal.startswith(LOCAL):
            user = self.resources.find("user", principal.removeprefix(LOCAL))
            return user.id if user else ""
        holder = self.resources.holder(claim(principal))
        return holder.id if holder else ""
