"""Values for every field, as the declarations say; the table-driven tests send them."""

from __future__ import annotations

from typing import Any

from chalicelib.schema.field import Field
from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds import CONTEXTS, MANAGEMENT, PUBLIC

VERSIONS = (MANAGEMENT, PUBLIC, *CONTEXTS.values())
ALL: tuple[Kind, ...] = tuple({kind.id: kind for version in VERSIONS for kind in version.schemas}.values())

_PLAIN: dict[str, Any] = {
    "int": 7,
    "float": 1.5,
    "base64": "AAEC",
    "json": {"a": [1]},
    "date": "2026-11-24T08:00:00Z",
    "dnsLabel": "a-label-1",
    "dnsLabelRestricted": "a-label-1",
    "hostname": "a.example",
    "intOrString": 80,
}


def fits(field: Field) -> Any:
    """A value that the field takes, other than its default."""
    if field.element:
        inner = fits(field.element)
        return [inner] if field.type.startswith("array[") else {"a": inner}
    if field.options:
        return field.options[-1]
    if field.part is not None:
        return whole(field.part)
    if field.type == "boolean":
        return not field.default
    return _PLAIN.get(field.type, "x" * max(1, field.shortest))


def whole(kind: Kind, /, **changed: Any) -> dict[str, Any]:
    """A body with everything that a caller must or may send at creation."""
    return {name: fits(field) for name, field in kind.fields.items() if field.create} | changed


def least(kind: Kind) -> dict[str, Any]:
    """A body with what a caller must send at creation."""
    return {name: fits(field) for name, field in kind.fields.items() if field.create and field.required}
