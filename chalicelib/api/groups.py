"""``/v3/groupmembers``: who is in Lariat's own groups. Whoever puts somebody into one gives them all that it was given."""

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
        if not call.access.outranks(self.services.rights.of_group(str(values["groupId"]))):
            raise Forbidden("the group may do more than you")
        return super().create(call, self._subjects.member(values, call.identity.user))
