"""Every kind's behaviour, and what references between kinds lead to; ``api/resources.py`` asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.api.behaviour import Behaviour, Call
from chalicelib.auth.access import READ, may
from chalicelib.errors import Invalid, NotFound
from chalicelib.schema.kind import Kind
from chalicelib.store.resources import missing
from chalicelib.types import Resource


class Registry:
    def __init__(self, behaviours: Mapping[str, Behaviour]) -> None:
        self._behaviours = behaviours

    def of(self, kind: Kind | None, name: str) -> Behaviour:
        """Raises ``NotFound`` for what is no kind, or none that has resources."""
        if kind is None or kind.id not in self._behaviours:
            raise NotFound(f"failed to find schema {name}")
        return self._behaviours[kind.id]

    def visible(self, call: Call, kind: str, id: str) -> Resource:
        """Return a resource that the caller may refer to; one that he may not see does not exist for him."""
        resource = self._behaviours[kind].find(id)
        if not may(call.identity, READ, kind, resource) and not (kind == "user" and _may_name_users(call)):
            raise missing(kind, id)
        return resource

    def check(self, call: Call, kind: Kind, values: Mapping[str, Any]) -> None:
        """Everything that is referred to must be there. Raises ``NotFound`` for the parent, else ``Invalid``."""
        if not self._behaviours[kind.id].refers:
            return
        for name, target, id in _references(kind, values):
            behaviour = self._behaviours.get(target)
            if behaviour is None or not behaviour.referable:
                continue
            try:
                resource = self.visible(call, target, id)
            except NotFound:
                if name == kind.parent:
                    raise
                message = f"{name} names a {target} that does not exist: {id}"
                raise Invalid(message, code="InvalidReference", field=name) from None
            if resource.removed:
                raise Invalid(f"{name} names a {target} that is being removed", code="InvalidReference", field=name)


def _may_name_users(call: Call) -> bool:
    """Whoever may look for principals knows the users' ids anyway, and gives them roles."""
    return may(call.identity, READ, "principal")


def _references(kind: Kind, values: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, field in kind.fields.items():
        value = values.get(name)
        if not value:
            continue
        if field.reference:
            yield name, field.reference, str(value)
        elif field.element and field.element.reference:
            yield from [(name, field.element.reference, str(each)) for each in value]
