"""What lives in a cluster as the v3 API shows it: declared fields only, secret ones never; ``live.py`` calls this.

Unlike Lariat's own resources, these come from the mapping in their final shape, and what is empty is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from chalicelib.api.present import lenient
from chalicelib.schema.field import Field
from chalicelib.schema.kind import Kind


def shown(kind: Kind, values: Mapping[str, Any], schemas: str) -> dict[str, Any]:
    """``schemas`` is where the schemas are whose names nested objects carry."""
    document: dict[str, Any] = {}
    for name, field in _visible(kind):
        value = values.get(name)
        if value is not None:
            document[name] = _inside(field, value, schemas)
        elif field.reference:
            document[name] = None
        if field.type == "date" and value is not None:
            document[f"{name}TS"] = lenient(value)
    return document


@cache
def _visible(kind: Kind) -> tuple[tuple[str, Field], ...]:
    return tuple((name, field) for name, field in kind.everything.items() if not field.secret)


def _inside(field: Field, value: Any, schemas: str) -> Any:
    part = field.part
    if part is None:
        return value
    if field.type.startswith("array[") and isinstance(value, list):
        return [_typed(part, each, schemas) for each in value]
    if field.type.startswith("map[") and isinstance(value, Mapping):
        return {key: _typed(part, each, schemas) for key, each in value.items()}
    return _typed(part, value, schemas)


def _typed(part: Kind, value: Any, schemas: str) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {"type": f"{schemas}/{part.id}", **shown(part, value, schemas)}
