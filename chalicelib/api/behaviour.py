"""What a kind may do beyond its declaration; one subclass a kind, in the file named after it.

``api/resources.py`` checks rights and values first, then asks the kind's behaviour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.api.http import Request, Response
from chalicelib.auth import tokens
from chalicelib.auth.identity import Identity
from chalicelib.errors import Invalid
from chalicelib.schema.kind import Kind
from chalicelib.store.resources import Resources
from chalicelib.types import Random, Resource


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated API call."""

    request: Request
    identity: Identity

    @property
    def base(self) -> str:
        return self.request.base


class Behaviour:
    """The plain life of a kind: store what was validated, show it, merge updates, remove."""

    def __init__(self, kind: Kind, resources: Resources, random: Random) -> None:
        self.kind = kind
        self.resources = resources
        self.random = random

    def create(self, call: Call, values: Mapping[str, Any]) -> Resource:
        return self.resources.create_new(lambda: self.new(call, values))

    def new(self, call: Call, values: Mapping[str, Any]) -> Resource:
        """Make the resource of validated values, with its id and its parent."""
        parent = str(values.get(self.kind.scope, "")) if self.kind.scope else ""
        return Resource(
            kind=self.kind.id,
            id=self.identify(parent, values),
            parent=parent,
            spec={name: value for name, value in values.items() if name != self.kind.scope},
            creator=call.identity.user,
        )

    def identify(self, parent: str, values: Mapping[str, Any]) -> str:
        name = "" if self.kind.named else str(values.get("name") or "")
        name = name or f"{self.kind.prefix}-{tokens.word(self.random, 5)}"
        return f"{parent}:{name}" if self.kind.scope == "clusterId" else name

    def update(self, call: Call, resource: Resource, values: Mapping[str, Any]) -> Resource:
        """Merge ``values`` into the stored resource, however often somebody else writes meanwhile."""
        return self.resources.update(resource.key, lambda stored: replace(stored, spec={**stored.spec, **values}))

    def remove(self, call: Call, resource: Resource) -> Resource:
        return self.resources.remove(resource.key)

    def find(self, id: str) -> Resource:
        """Raises ``NotFound``."""
        return self.resources.get(self.kind.id, id)

    def list(self, call: Call) -> list[Resource]:
        """Everything of the kind; what the caller may not see is left out by who asks."""
        return list(self.resources.all(self.kind.id))

    def links(self, resource: Resource) -> tuple[str, ...]:
        """The links beside ``self``: ``update`` and ``remove``, where the resource allows it."""
        methods = {"PUT": "update", "DELETE": "remove"}
        return tuple(methods[method] for method in self.kind.resource_methods if method in methods)

    def computed(self, call: Call, resource: Resource) -> Mapping[str, Any]:
        """Fields that don't stand in the resource itself."""
        return {}

    def act(self, name: str, call: Call, resource: Resource) -> Response:
        """Carry out an action that the kind declares."""
        raise Invalid(f"Invalid action: {name}", code="InvalidAction")

    def act_on_collection(self, name: str, call: Call) -> Response:
        raise Invalid(f"Invalid action: {name}", code="InvalidAction")
