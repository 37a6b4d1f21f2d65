"""``/v3/globalrolebindings``: who is an administrator."""

from __future__ import annotations

from chalicelib.api.behaviour import Behaviour, Call
from chalicelib.auth.authenticate import grants_everything
from chalicelib.errors import Invalid
from chalicelib.types import Resource


class GlobalRoleBindings(Behaviour):
    def remove(self, call: Call, resource: Resource) -> Resource:
        others = (binding for binding in self.resources.all(self.kind.id) if binding.id != resource.id)
        if resource.spec.get("globalRoleId") == "admin" and not any(map(grants_everything, others)):
            raise Invalid("this is the last administrator: make another one first", code="InvalidAction")
        return super().remove(call, resource)
