"""Reach into JSON objects by a path of keys; ``rules.py`` and the irregular mappings stand on this."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from chalicelib.errors import Invalid

Object: TypeAlias = dict[str, Any]
"""A Kubernetes object, or a part of one."""

Values: TypeAlias = dict[str, Any]
"""The same as the v3 API shows it."""

Path: TypeAlias = tuple[str, ...]


def get(source: Any, *path: str) -> Any:
    """Return what stands at a path, ``None`` if nothing does."""
    for step in path:
        if not isinstance(source, Mapping):
            return None
        source = source.get(step)
    return source


def put(target: Object, path: Path, value: Any) -> None:
    """Set what stands at a path; ``None`` removes it, with the parents that this leaves empty."""
    step, rest = path[0], path[1:]
    if rest:
        inner = target.get(step)
        inner = inner if isinstance(inner, dict) else {}
        put(inner, rest, value)
        value = inner or None
    if value is None:
        target.pop(step, None)
    else:
        target[step] = value


def mapping(value: Any, field: str) -> Values:
    """Take a caller's value as an object; ``null`` is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid(f"{field} must be an object", code="InvalidType", field=field)
    return value


def objects(value: Any, field: str) -> list[Values]:
    """Take a caller's value as a list of objects; ``null`` is an empty one."""
    if not isinstance(value or [], list) or not all(isinstance(item, dict) for item in value or []):
        raise Invalid(f"{field} must be a list of objects", code="InvalidType", field=field)
    return value or []


def strings(value: Any, field: str) -> list[str]:
    """Take a caller's value as a list of strings; ``null`` is an empty one."""
    if not isinstance(value or [], list) or not all(isinstance(item, str) for item in value or []):
        raise Invalid(f"{field} must be a list of strings", code="InvalidType", field=field)
    return value or []


def decoded(text: Any) -> Any:
    """Read JSON that anybody may have written into an annotation; ``None`` if it is none."""
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def encoded(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def named(items: Any, key: str = "name") -> dict[str, Object]:
    """Index a list of objects by a key of theirs; the first of a name counts."""
    found: dict[str, Object] = {}
    for item in items if isinstance(items, Iterable) else ():
        if isinstance(item, dict):
            found.setdefault(str(item.get(key, "")), item)
    return found
