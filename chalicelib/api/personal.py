"""``/v3/preferences``: small things that a user interface remembers, each user's own, named by the user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from chalicelib.api.behaviour import Behaviour, Call
from chalicelib.types import Resource


class Preferences(Behaviour):
    """An id is the name alone, so the same path means another resource for each caller."""

    def identify(self, parent: str, values: Mapping[str, Any]) -> str:
        return f"{parent}:{values['name']}"

    def named(self, call: Call, id: str) -> Resource:
        return self.find(f"{call.identity.user}:{id}")

    def list(self, call: Call, parent: str | None = None) -> Iterable[Resource]:
        return self.resources.all(self.kind.id, call.identity.user)

    def seen(self, resource: Resource) -> Resource:
        return replace(resource, id=resource.id.partition(":")[2])

    def computed(self, call: Call, resource: Resource) -> Mapping[str, Any]:
        return {"namespaceId": resource.parent}
