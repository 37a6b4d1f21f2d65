"""``/v3/groups`` and ``/v3/groupmembers``: Lariat's own groups, changed by whoever has all that they were given alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api.behaviour import Behaviour, Call, Services
from chalicelib.api.subjects import Subjects
from chalicelib.errors import Forbidden
from chalicelib.schema.kind import Kind
from chalicelib.types import Resource


class Groups(Behaviour):
    def remove(self, call: Call, resource: Resource) -> Resource:
        demand(self.services, call, resource.id)
        return super().remove(call, resource)


class GroupMembers(Behaviour):
    def __init__(self, kind: Kind, services: Services, subjects: Subjects) -> None:
        super().__init__(kind, services)
        self._subjects = subjects

    def create(self, call: Call, values: Mapping[str, Any]) -> Resource:
        demand(self.services, call, str(values["groupId"]))
        return super().create(call, self._subjects.member(values, call.identity.user))

    def remove(self, call: Call, resource: Resource) -> Resource:
        demand(self.services, call, str(resource.spec.get("groupId")))
        return super().remove(call, resource)


def demand(services: Services, call: Call, group: str) -> None:
    """Else whoever manages groups could join a mighty one, or shut its members out. Raises ``Forbidden``."""
    if not call.access.outranks(services.rights.of_group(group)):
        raise Forbidden("the group may do more than you")
