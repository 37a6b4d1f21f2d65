"""``/v3/authconfigs``: the configuration of every identity provider. Each is there from the start, and stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from chalicelib.api.behaviour import Behaviour, Call, Services
from chalicelib.errors import AlreadyExists
from chalicelib.schema.kind import Kind
from chalicelib.store.resources import missing
from chalicelib.types import Key, Resource

KIND = "authConfig"


class Provider(Behaviour):
    """One provider's configuration, with a kind of its own."""

    def __init__(self, kind: Kind, services: Services, name: str) -> None:
        super().__init__(kind, services)
        self.name = name

    def find(self, id: str) -> Resource:
        if id != self.name:
            raise missing(self.kind.id, id)
        enabled = {"enabled": True} if self.name == "local" else {}
        return self.resources.find(KIND, id) or Resource(kind=KIND, id=id, spec=enabled)

    def update(self, call: Call, resource: Resource, values: Mapping[str, Any]) -> Resource:
        if self.resources.find(KIND, resource.id) is None:
            try:
                return self.resources.create(self.merge(call, replace(resource, version=0), values))
            except AlreadyExists:
                # Somebody else configured it first; then this is an update like any other.
                pass
        key = Key(KIND, resource.id)
        return self.resources.update(key, lambda stored: self.merge(call, stored, values))


class Providers(Behaviour):
    def __init__(self, kind: Kind, services: Services, providers: Mapping[str, Provider]) -> None:
        super().__init__(kind, services)
        self._providers = providers

    def find(self, id: str) -> Resource:
        if id not in self._providers:
            raise missing(self.kind.id, id)
        return self._providers[id].find(id)

    def list(self, call: Call, parent: str | None = None) -> Iterable[Resource]:
        return [self.find(name) for name in sorted(self._providers)]

    def of(self, resource: Resource) -> Behaviour:
        return self._providers[resource.id]
