"""How an update meets what is stored: fields that were not sent stay, objects merge, lists and maps are replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.schema import validate
from chalicelib.schema.kind import Kind


def completed(kind: Kind, stored: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Treat an object that was not there before as created: with defaults, and what it can't be without.

    Raises ``Invalid``.
    """
    result = dict(values)
    for name, value in values.items():
        field = kind.fields[name]
        if field.part is None or field.element or not isinstance(value, Mapping):
            continue
        old = stored.get(name)
        if isinstance(old, Mapping):
            result[name] = completed(field.part, old, value)
        else:
            result[name] = validate.creation(field.part, value, f"{name}.")
    return result


def merged(kind: Kind, stored: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(stored)
    for name, value in values.items():
        field, old = kind.fields[name], stored.get(name)
        if value is None and old is None:
            continue
        inside = (
            field.part is not None and not field.element and isinstance(value, Mapping) and isinstance(old, Mapping)
        )
        result[name] = merged(field.part, old, value) if inside and field.part and old is not None else value
    return result


def replaced(kind: Kind, stored: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Take what was not sent as not wanted (``_replace=true``)."""
    unsent = {name: field.default for name, field in kind.fields.items() if field.update and name in stored}
    return {**unsent, **values}


def owned(sent: Mapping[str, str] | None, stored: Mapping[str, str]) -> dict[str, str]:
    """The labels or annotations of an update: replaced as a whole, but for those that are the server's."""
    if sent is None:
        return dict(stored)
    ours = {name: value for name, value in stored.items() if _reserved(name)}
    return {name: value for name, value in sent.items() if not _reserved(name)} | ours


def _reserved(name: str) -> bool:
    return "cattle.io/" in name and not name.startswith("field.cattle.io/")
