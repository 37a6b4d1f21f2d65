"""Show resources as the v3 API does. Only declared fields are shown, and secret ones never."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.api.state import state
from chalicelib.schema.kind import Kind
from chalicelib.types import Condition, Resource


def show(
    kind: Kind, resource: Resource, base: str, computed: Mapping[str, Any], links: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the JSON of a resource. ``computed`` are fields that don't stand in the resource itself."""
    self_url = f"{base}/v3/{kind.plural}/{resource.id}"
    document: dict[str, Any] = {"id": resource.id, "type": kind.id, "baseType": kind.id}
    document["links"] = dict.fromkeys(("self", *links), self_url)
    if kind.actions:
        document["actions"] = {name: f"{self_url}?action={name}" for name in kind.actions}
    for name, field in kind.fields.items():
        if field.secret:
            continue
        if name in computed:
            document[name] = computed[name]
        elif field.place != "sealed":
            document[name] = getattr(resource, field.place).get(name, field.default)
    if kind.scope:
        document[kind.scope] = resource.parent
    if "name" in kind.fields and not kind.named:
        document["name"] = resource.id.rpartition(":")[2]
    document |= _metadata(resource)
    if kind.stateful:
        document |= _state(resource)
    return document


def _metadata(resource: Resource) -> dict[str, Any]:
    return {
        "created": resource.created,
        "createdTS": milliseconds(resource.created),
        "creatorId": resource.creator or None,
        "uuid": resource.uid,
        "labels": {"cattle.io/creator": "norman", **resource.labels},
        "annotations": dict(resource.annotations),
        **({"removed": resource.removed, "removedTS": milliseconds(resource.removed)} if resource.removed else {}),
    }


def _state(resource: Resource) -> dict[str, Any]:
    now = state(resource)
    return {
        "state": now.name,
        "transitioning": now.transitioning,
        "transitioningMessage": now.message,
        "conditions": [_condition(condition) for condition in resource.conditions],
    }


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
