"""Check a caller's body against a kind's declaration; ``api/resources.py`` calls it for every create and update.

The rules and codes are those of the v3 API: unknown and read-only fields are ignored, so that a client may send back a
whole resource; everything else must fit. ``convert.py`` brings single values into their type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.errors import Invalid
from chalicelib.schema.convert import check, convert
from chalicelib.schema.field import Field
from chalicelib.schema.kind import Kind

EMPTY = (None, "")


def creation(kind: Kind, body: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Return the values of a new resource, defaults filled in. Raises ``Invalid``."""
    values = {}
    for name, field in kind.fields.items():
        if not field.create:
            continue
        value = _value(path + name, field, body.get(name))
        if value in EMPTY:
            value = field.default
        if field.required and (value in EMPTY or value == []):
            raise Invalid(f"{path}{name} is required", code="MissingRequired", field=path + name)
        if value is not None:
            values[name] = value
    return values


def update(kind: Kind, body: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Return the values that an update sets; fields that were not sent are not in it. Raises ``Invalid``."""
    values = {}
    for name, field in kind.fields.items():
        if not field.update or name not in body:
            continue
        value = _value(path + name, field, body[name], partial=True)
        if value is None and field.default is not None:
            value = field.default
        if value in EMPTY and not field.nullable:
            raise Invalid(f"{path}{name} must have a value", code="NotNullable", field=path + name)
        values[name] = value
    return values


def metadata(body: Mapping[str, Any], name: str) -> dict[str, str] | None:
    """Return the ``labels`` or ``annotations`` that were sent; ``None`` if none were. Raises ``Invalid``."""
    if body.get(name) is None:
        return None
    checked: dict[str, str] = _value(name, _METADATA, body[name])
    return checked


_METADATA = Field("map[string]", longest=64 * 1024)


def _value(name: str, field: Field, value: Any, partial: bool = False) -> Any:
    if value is None or (value == "" and field.whole):
        return None
    if element := field.element:
        return _elements(name, field, element, value)
    if field.part is not None:
        return _embedded(name, field.part, value, partial)
    converted = convert(name, field.type, value)
    check(name, field, converted)
    return converted


def _elements(name: str, field: Field, element: Field, value: Any) -> Any:
    if field.type.startswith("array["):
        if not isinstance(value, list):
            raise Invalid(f"{name} must be a list", field=name)
        return [_element(name, element, each) for each in value]
    if not isinstance(value, dict):
        raise Invalid(f"{name} must be an object", field=name)
    return {str(key): _element(name, element, each) for key, each in value.items()}


def _element(name: str, element: Field, value: Any) -> Any:
    if value is None:
        raise Invalid(f"{name} must have a value", code="NotNullable", field=name)
    return _value(name, element, value)


def _embedded(name: str, kind: Kind, value: Any, partial: bool) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Invalid(f"{name} must be an object", field=name)
    return update(kind, value, f"{name}.") if partial else creation(kind, value, f"{name}.")
