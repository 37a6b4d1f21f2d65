"""Show resources as the v3 API does. Only declared fields are shown, and secret ones never.

What depends on the kind alone is worked out once a kind, as a page may hold thousands of resources.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import quote

from chalicelib.api.state import state
from chalicelib.schema.field import Field
from chalicelib.schema.kind import Kind
from chalicelib.types import Condition, Resource

UNMET = "Implemented"
"""The condition of a kind that nobody acts on yet."""


class Place:
    """Where resources of a kind are found: the URL before their ids, and whose schemas describe them."""

    def __init__(self, url: str, schemas: str = "/v3/schemas") -> None:
        self.url = url
        self.schemas = schemas

    def of(self, id: str) -> str:
        return f"{self.url}/{quote(id, safe=':')}"


def show(
    kind: Kind,
    resource: Resource,
    base: str,
    computed: Mapping[str, Any],
    links: Sequence[str] = (),
    *,
    place: Place | None = None,
    actions: Sequence[str] | None = None,
    related: Mapping[str, str] = {},
) -> dict[str, Any]:
    """Return the JSON of a resource. ``computed`` are fields that don't stand in the resource itself.

    ``links`` lead to the resource itself, ``related`` elsewhere; ``actions`` are those that it offers, by default all.
    """
    place = place or Place(f"{base}/v3/{kind.plural}")
    url = place.of(resource.id)
    document: dict[str, Any] = {"id": resource.id, "type": kind.id, "baseType": kind.base}
    document["links"] = {**dict.fromkeys(("self", *links), url), **related}
    offered = kind.actions if actions is None else actions
    if offered:
        document["actions"] = {name: f"{url}?action={name}" for name in offered}
    document |= values(kind, resource, place.schemas)
    document |= {name: value for name, value in computed.items() if name in _shown(kind)}
    return document


def values(kind: Kind, resource: Resource, schemas: str = "/v3/schemas") -> dict[str, Any]:
    """The fields of a resource that stand in it or follow from it alone."""
    shown: dict[str, Any] = {}
    spec, status = resource.spec, resource.status
    for name, in_spec, default, form in _plan(kind, schemas):
        value = (spec if in_spec else status).get(name, default)
        shown[name] = form(value) if form is not None and value is not None else value
    for name in _dates(kind):
        shown[f"{name}TS"] = lenient(shown.get(name))
    if kind.parent:
        shown[kind.parent] = resource.parent or None
        shown["namespaceId"] = None
    if "name" in kind.fields and not kind.named:
        shown["name"] = resource.id.rpartition(":")[2]
    shown |= _metadata(resource)
    if kind.stateful:
        shown |= _state(resource)
    if kind.stateful or kind.later:
        shown["conditions"] = _conditions(kind, resource)
    for formatter in kind.formatters:
        shown |= formatter(resource)
    return shown


Read = Callable[[Resource], Any]


@cache
def reader(kind: Kind, name: str) -> Read:
    """How one field is read that stands in a resource or follows from it alone, as ``values`` shows it."""
    if name != "id" and (kind.formatters or name not in (*kind.fields, *_DIRECT)):
        return lambda resource: values(kind, resource).get(name)
    if name == kind.parent:
        return lambda resource: resource.parent or None
    if name == "name" and not kind.named:
        return lambda resource: resource.id.rpartition(":")[2]
    if name in kind.fields:
        field = kind.fields[name]
        return lambda resource: (resource.spec if field.place == "spec" else resource.status).get(name, field.default)
    return _DIRECT[name]


_DIRECT: Mapping[str, Read] = {
    "id": lambda resource: resource.id,
    "created": lambda resource: resource.created,
    "creatorId": lambda resource: resource.creator or None,
    "state": lambda resource: state(resource).name,
    "transitioning": lambda resource: state(resource).transitioning,
}


@cache
def _shown(kind: Kind) -> frozenset[str]:
    return frozenset(name for name, field in kind.everything.items() if not field.secret)


Step = tuple[str, bool, Any, Callable[[Any], Any] | None]


@cache
def _plan(kind: Kind, schemas: str) -> tuple[Step, ...]:
    """For each field that is shown: its name, whether it stands in the spec, its default, and how to show it."""
    return tuple(
        (name, field.place == "spec", field.default, _form(field, schemas))
        for name, field in kind.fields.items()
        if not field.secret and field.place != "sealed" and name != kind.parent
    )


def _form(field: Field, schemas: str) -> Callable[[Any], Any] | None:
    if field.part is None:
        return None
    part = field.part

    def one(value: Any) -> Any:
        return _embedded(part, value, schemas) if isinstance(value, Mapping) else value

    if field.type.startswith("array["):
        return lambda value: [one(each) for each in value]
    if field.type.startswith("map["):
        return lambda value: {key: one(each) for key, each in value.items()}
    return one


def _embedded(part: Kind, value: Mapping[str, Any], schemas: str) -> dict[str, Any]:
    document: dict[str, Any] = {"type": f"{schemas}/{part.id}"}
    for name, _, default, form in _plan(part, schemas):
        held = value.get(name, default)
        if held is not None:
            document[name] = form(held) if form is not None else held
    return document


@cache
def _dates(kind: Kind) -> tuple[str, ...]:
    return tuple(name for name, field in kind.fields.items() if field.type == "date" and not field.secret)


def _metadata(resource: Resource) -> dict[str, Any]:
    document = {
        "created": resource.created,
        "createdTS": milliseconds(resource.created),
        "creatorId": resource.creator or None,
        "uuid": resource.uid,
        "labels": {"cattle.io/creator": "norman", **resource.labels},
        "annotations": dict(resource.annotations),
    }
    if resource.removed:
        document |= {"removed": resource.removed, "removedTS": milliseconds(resource.removed)}
    return document


def _state(resource: Resource) -> dict[str, Any]:
    now = state(resource)
    return {"state": now.name, "transitioning": now.transitioning, "transitioningMessage": now.message}


def _conditions(kind: Kind, resource: Resource) -> list[dict[str, Any]]:
    conditions = resource.conditions
    if lacking := kind.later or kind.lacking(resource):
        conditions = (*conditions, Condition(UNMET, "False", "ControllerMissing", lacking, resource.created))
    return [_condition(condition) for condition in conditions]


def _condition(condition: Condition) -> dict[str, Any]:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": condition.changed,
        "lastTransitionTimeTS": milliseconds(condition.changed),
        "lastUpdateTime": condition.changed,
        "lastUpdateTimeTS": milliseconds(condition.changed),
    }


def milliseconds(time: str) -> int | None:
    """A time as the companion field ``…TS`` gives it: milliseconds since 1970."""
    return int(datetime.fromisoformat(time).timestamp() * 1000) if time else None


def lenient(time: Any) -> int | None:
    """The same for a date that a caller sent, which may be any text."""
    try:
        return milliseconds(str(time or ""))
    except (ValueError, OverflowError):
        return None
