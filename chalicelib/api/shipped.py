"""Kinds of which some resources come with the server: they are there unless a stored one of that id replaces them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chalicelib.api.behaviour import Behaviour, Call, Services
from chalicelib.errors import Forbidden
from chalicelib.schema.kind import Kind
from chalicelib.types import Resource


class Shipped(Behaviour):
    """``changeable`` are the fields of a shipped resource that may be changed; the rest is dropped silently."""

    def __init__(
        self, kind: Kind, services: Services, shipped: Sequence[Resource], changeable: Sequence[str] = ()
    ) -> None:
        super().__init__(kind, services)
        self._shipped = {resource.id: resource for resource in shipped}
        self._changeable = frozenset(changeable)

    def find(self, id: str) -> Resource:
        shipped = self._shipped.get(id)
        return (self.resources.find(self.kind.id, id) or shipped) if shipped else super().find(id)

    def list(self, call: Call, parent: str | None = None) -> Iterable[Resource]:
        stored = {resource.id: resource for resource in super().list(call, parent)}
        return (self._shipped | stored).values()

    def computed(self, call: Call, resource: Resource) -> Mapping[str, Any]:
        return {"builtin": resource.id in self._shipped}

    def update(self, call: Call, resource: Resource, values: Mapping[str, Any]) -> Resource:
        if resource.id not in self._shipped:
            return super().update(call, resource, values)
        values = {name: value for name, value in values.items() if name in self._changeable}
        shipped = self._shipped[resource.id]
        with self.naming(values):
            return self.resources.record(shipped, lambda stored: self.merge(call, stored, values))

    def links(self, resource: Resource) -> tuple[str, ...]:
        links = super().links(resource)
        return tuple(link for link in links if link != "remove") if resource.id in self._shipped else links

    def remove(self, call: Call, resource: Resource) -> Resource:
        if resource.id in self._shipped:
            raise Forbidden(f"this {self.kind.id} comes with the server and can't be deleted")
        return super().remove(call, resource)
