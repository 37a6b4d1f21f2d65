"""``/v3/groupmembers``: who is in Lariat's own groups. Whoever changes that has to have all that the group was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api.behaviour import Behaviour, Call, Services
from chalicelib.api.subjects import Subjects
from chalicelib.errors import Forbidden
from chalicelib.schema.kind import Kind
from chalicelib.types import Resource


class GroupMembers(Behaviour):
    def __init__(self, kind: Kind, services: Services, subjects: Subjects) -> None:
        super().__init__(kind, services)
        self._subjects = subjects

    def create(self, call: Call, values: Mapping[str, Any]) -> Resource:
        self._demand(call, str(values["groupId"]))
        return super().create(call, self._subjects.member(values, call.identity.user))

    def remove(self, call: Call, resource: Resource) -> Resource:
        self._demand(call, str(resource.spec.get("groupId")))
        return super().remove(call, resource)

    def _demand(self, call: Call, group: str) -> None:
        """Else whoever manages groups could join a mighty one, or shut its members out. Raises ``Forbidden``."""
        if not call.access.outranks(self.services.rights.of_group(group)):
            raise Forbidden("the group may do more than you")
