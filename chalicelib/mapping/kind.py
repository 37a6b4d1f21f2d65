"""A kind that lives in users' clusters: its rules in both directions, its ids, its state."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.errors import NotFound
from chalicelib.mapping.paths import Object, Values, get, put
from chalicelib.mapping.place import NOWHERE, Place
from chalicelib.mapping.rules import (
    Annotation,
    Field,
    Labels,
    Rule,
    Rules,
    Shown,
    fields,
    read,
    with_annotations,
    write,
)
from chalicelib.mapping.served import Served
from chalicelib.mapping.state import State, state

CREATOR = "field.cattle.io/creatorId"
PROJECT = "field.cattle.io/projectId"

METADATA: Rules = (
    Shown(Field("created", ("metadata", "creationTimestamp"), "date")),
    Shown(Field("removed", ("metadata", "deletionTimestamp"), "date")),
    Shown(Field("uuid", ("metadata", "uid"))),
    Shown(Field("ownerReferences", ("metadata", "ownerReferences"), "array[ownerReference]")),
)

# Fields whose keys are the user's own, where ``type`` may be one of them. (No label has a slash in its value.)
FREE = frozenset(
    {"annotations", "workloadAnnotations", "jobAnnotations", "data", "stringData", "environment", "parameters"}
)


def described(*rules: Rule, hidden: frozenset[str] = frozenset()) -> Rules:
    """The labels (but for hidden ones) and annotations of an ordinary object, its creator and its description."""
    kept = with_annotations("annotations", Annotation("description"), Shown(Annotation("creatorId")), *rules)
    return (Labels("labels", ("metadata", "labels"), hidden), *kept)


def no_defaults(values: Values, _place: Place) -> Values:
    return values


def no_check(_values: Values) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """``prefix`` leads the ids of workloads. ``selector`` is the field selector that lists only this kind's objects.

    ``state`` is ``None`` for a kind that has none. ``defaults`` fills in what a new object gets if the caller is silent.
    ``check`` refuses values that Kubernetes would take, though they make no sense.
    """

    id: str
    plural: str
    served: Served
    rules: Rules
    base: str = ""
    prefix: str = ""
    selector: str = ""
    state: Callable[[Object, Place], State] | None = state
    defaults: Callable[[Values, Place], Values] = no_defaults
    check: Callable[[Values], None] = no_check

    def to_v3(self, source: Object, place: Place = NOWHERE) -> Values:
        place = self._at(source, place)
        values: Values = {"id": self.object_id(place), "type": self.id, "baseType": self.base or self.id}
        values["name"] = place.name
        if self.served.namespaced:
            values["namespaceId"] = place.namespace
            values["projectId"] = place.projects.get(place.namespace)
        values |= read((*METADATA, *self.rules), source, place)
        values.setdefault("creatorId", None)
        return values | self._state(source, place)

    def to_kubernetes(
        self, values: Values, stored: Object | None = None, place: Place = NOWHERE, *, version: str = ""
    ) -> Object:
        """Make the object to send. ``stored`` is what a change is made upon; ``version`` is a new object's."""
        values = untyped(values)
        self.check(values)
        if stored is not None:
            target = copy.deepcopy(stored)
            write(self.rules, values, target, self._at(stored, place))
            return target
        target = self._new(values, version or self.served.versions[0].name)
        place = self._at(target, place)
        write(self.rules, self.defaults(values, place), target, place)
        return target

    def object_id(self, place: Place) -> str:
        return ":".join(part for part in (self.prefix, place.namespace, place.name) if part)

    def locate(self, id: str) -> tuple[str, str]:
        """Split an id into namespace and name. Raises ``NotFound`` for what can be none of this kind's."""
        parts = id.split(":")
        expected = int(bool(self.prefix)) + int(self.served.namespaced) + 1
        if len(parts) != expected or "" in parts or (self.prefix and parts[0] != self.prefix):
            raise NotFound(f"{self.id} {id[:200]} not found")
        return (parts[-2] if self.served.namespaced else "", parts[-1])

    @property
    def fields(self) -> Mapping[str, str]:
        """The fields that a caller may write, with their types."""
        return fields(self.rules)

    @property
    def read_only(self) -> Mapping[str, str]:
        """The fields that are shown and never written, with their types."""
        return fields(rule.rule for rule in (*METADATA, *self.rules) if isinstance(rule, Shown))

    def _at(self, source: Object, place: Place) -> Place:
        namespace = str(get(source, "metadata", "namespace") or "")
        return replace(place, namespace=namespace, name=str(get(source, "metadata", "name") or ""))

    def _new(self, values: Values, version: str) -> Object:
        target: Object = {"apiVersion": version, "kind": self.served.kind, "metadata": {}}
        put(target, ("metadata", "name"), values.get("name") or None)
        if self.served.namespaced:
            put(target, ("metadata", "namespace"), values.get("namespaceId") or None)
        put(target, ("metadata", "labels", "cattle.io/creator"), "norman")
        put(target, ("metadata", "annotations", CREATOR), values.get("creatorId"))
        return target

    def _state(self, source: Object, place: Place) -> Values:
        if self.state is None:
            return {}
        now = self.state(source, place)
        return {"state": now.name, "transitioning": now.transitioning, "transitioningMessage": now.message}


def untyped(value: Any) -> Any:
    """Take away the ``type`` with which answers mark nested objects, as callers send them back."""
    if isinstance(value, list):
        return [untyped(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: inner if key in FREE else untyped(inner)
        for key, inner in value.items()
        if not (key == "type" and isinstance(inner, str) and inner.startswith("/v3/"))
    }
