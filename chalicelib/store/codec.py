"""Resources as JSON text, the one form in which every store keeps them; the adapters call this.

Lossless: what ``encode`` takes, ``decode`` gives back equal. It refuses what JSON would bend (a tuple, a number as a
key, ``NaN``) rather than store something else. Empty fields stay out of the text. ``decode`` is on the path of every
read, so it trusts the values inside ``spec`` and checks the outline only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from chalicelib.errors import Invalid, TooLarge
from chalicelib.types import Condition, Key, Put, Resource, Write

MAX_WRITES = 25
MAX_SIZE = 350 * 1024
"""Bytes of text in a resource at most: DynamoDB takes 400 KB with keys and index attributes."""

MAX_TOTAL = 10 * MAX_SIZE
"""Bytes of text in one call of ``write`` at most: DynamoDB takes 4 MB in a transaction."""

_TEXTS = ("kind", "id", "parent", "uid", "creator", "created", "removed")
_MAPS = ("spec", "status", "sealed", "labels", "annotations")
_NAMES = ("unique", "finalizers")
_TYPES: Mapping[str, type] = {
    **dict.fromkeys(_TEXTS, str),
    **dict.fromkeys(_MAPS, dict),
    **dict.fromkeys(_NAMES, list),
    "conditions": list,
    "owner": list,
    "expires": int,
    "version": int,
}


class Packed(NamedTuple):
    """A write as a store carries it out: the resource afterwards, and its text unless it goes away."""

    resource: Resource
    text: str | None


def pack(writes: Sequence[Write]) -> list[Packed]:
    """Encode writes with their next versions, within the limits that all stores share."""
    if len(writes) > MAX_WRITES:
        raise ValueError(f"{len(writes)} writes at once; at most {MAX_WRITES}")
    if len({write.resource.key for write in writes}) < len(writes):
        raise ValueError("two writes of one resource at once")
    packed = [_pack(write) for write in writes]
    if sum(len((text or "").encode()) for _, text in packed) > MAX_TOTAL:
        raise TooLarge(f"the resources written together are larger than {MAX_TOTAL // 1024} KB")
    return packed


def _pack(write: Write) -> Packed:
    if not isinstance(write, Put):
        return Packed(write.resource, None)
    stored = replace(write.resource, version=write.resource.version + 1)
    text = encode(stored)
    if len(text.encode()) > MAX_SIZE:
        raise TooLarge(f"{stored.kind} {stored.id} is larger than {MAX_SIZE // 1024} KB")
    return Packed(stored, text)


def encode(resource: Resource) -> str:
    """Return the JSON text; raises ``Invalid`` for NaN and for half a character, ``TypeError`` for what is no JSON."""
    document = to_dict(resource)
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        if not text.isascii():
            text.encode()
    except UnicodeEncodeError:
        raise Invalid("a text holds half of a surrogate pair") from None
    except ValueError:
        raise Invalid("a number is not finite") from None
    return text


def decode(text: str) -> Resource:
    """Return the resource; raises ``ValueError`` if the text is not one that ``encode`` wrote."""
    return from_dict(json.loads(text))


def decode_all(texts: Sequence[str]) -> list[Resource]:
    """The same for many at once, whose JSON is parsed in half of the time. Raises ``ValueError``."""
    documents = json.loads(f"[{','.join(texts)}]")
    if len(documents) != len(texts):
        raise ValueError("one of the texts is not one stored resource")
    return [from_dict(document) for document in documents]


def to_dict(resource: Resource) -> dict[str, Any]:
    document: dict[str, Any] = {name: value for name in _TEXTS if (value := getattr(resource, name))}
    document |= {name: _plain(value) for name in _MAPS if (value := getattr(resource, name))}
    document |= {name: list(value) for name in _NAMES if (value := getattr(resource, name))}
    if resource.conditions:
        document["conditions"] = [_condition(condition) for condition in resource.conditions]
    if resource.owner is not None:
        document["owner"] = list(resource.owner)
    if resource.expires is not None:
        document["expires"] = resource.expires
    if resource.version:
        document["version"] = resource.version
    return document


def from_dict(document: dict[str, Any]) -> Resource:
    if not isinstance(document, dict):
        raise ValueError("a stored resource is a JSON object")
    for name, value in document.items():
        if type(value) is not _TYPES.get(name):
            raise ValueError(f"a stored resource has no such field, or not of this type: {name!r}")
    fields = dict(document)
    for name in _NAMES:
        if name in fields:
            fields[name] = tuple(fields[name])
    try:
        if "conditions" in fields:
            fields["conditions"] = tuple([Condition(**condition) for condition in fields["conditions"]])
        if "owner" in fields:
            fields["owner"] = Key(*fields["owner"])
        return Resource(**fields)
    except TypeError as error:
        raise ValueError(f"not a stored resource: {error}") from None


def _condition(condition: Condition) -> dict[str, str]:
    document = {"type": condition.type, "status": condition.status}
    optional = {"reason": condition.reason, "message": condition.message, "changed": condition.changed}
    return document | {name: value for name, value in optional.items() if value}


def _plain(value: Any) -> Any:
    """Turn any mapping into a ``dict`` and refuse what would come back from JSON as something else."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {name: _plain(item) for name, item in value.items()}
    raise TypeError(f"not a JSON value: {value!r}")
