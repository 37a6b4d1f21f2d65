"""Take the secret values out of what a caller sent, so that they can be sealed; ``api/sealing.py`` calls it.

A secret's place is a path such as ``smtpConfig.password`` or ``fluentServers[0].sharedKey``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from chalicelib.schema.field import Field
from chalicelib.schema.kind import Kind


class Split(NamedTuple):
    """``plain`` holds no secret; ``secrets`` are texts by path; ``dropped`` are paths whose old secrets are void."""

    plain: dict[str, Any]
    secrets: dict[str, str]
    dropped: tuple[str, ...]


def split(kind: Kind, values: Mapping[str, Any]) -> Split:
    secrets: dict[str, str] = {}
    dropped: list[str] = []
    plain = _plain(kind, values, "", secrets, dropped)
    return Split(plain, secrets, tuple(dropped))


def void(path: str, dropped: tuple[str, ...]) -> bool:
    """Was what stood at ``path`` replaced or removed?"""
    return any(path == root or path.startswith((f"{root}.", f"{root}[")) for root in dropped)


def has_secrets(kind: Kind) -> bool:
    return any(True for _ in paths(kind))


def paths(kind: Kind) -> Iterator[str]:
    """Where the kind's secrets are; ``[]`` stands for any index or name."""
    for name, field in kind.fields.items():
        if field.secret:
            yield name
        elif field.part is not None:
            container = "[]" if field.element else ""
            yield from (f"{name}{container}.{inner}" for inner in paths(field.part))


def _plain(
    kind: Kind, values: Mapping[str, Any], path: str, secrets: dict[str, str], dropped: list[str]
) -> dict[str, Any]:
    plain = {}
    for name, value in values.items():
        field = kind.fields.get(name)
        place = path + name
        if field is None:
            plain[name] = value
        elif field.secret:
            dropped.append(place)
            if value not in (None, ""):
                secrets[place] = value if isinstance(value, str) else json.dumps(value)
        elif field.part is not None:
            plain[name] = _inside(field, field.part, value, place, secrets, dropped)
        else:
            plain[name] = value
    return plain


def _inside(field: Field, part: Kind, value: Any, place: str, secrets: dict[str, str], dropped: list[str]) -> Any:
    if value is None or field.element:
        dropped.append(place)
    if isinstance(value, list):
        return [_plain(part, each, f"{place}[{index}].", secrets, dropped) for index, each in enumerate(value)]
    if isinstance(value, Mapping) and field.element:
        return {key: _plain(part, each, f"{place}[{key}].", secrets, dropped) for key, each in value.items()}
    return _plain(part, value, f"{place}.", secrets, dropped) if isinstance(value, Mapping) else value
