"""Check a caller's body against a kind's declaration; ``api/resources.py`` calls it for every create and update.

The rules and codes are those of the v3 API: unknown and read-only fields are ignored, so that a client may send back a
whole resource; everything else must fit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.errors import Invalid
from chalicelib.schema.kind import Field, Kind

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_TRUE = frozenset({"true", "t", "yes", "y"})


def creation(kind: Kind, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a new resource, defaults filled in. Raises ``Invalid``."""
    values = {}
    for name, field in kind.fields.items():
        if not field.create:
            continue
        value = _value(name, field, body.get(name))
        if value is None or value == "":
            value = field.default
        if field.required and (value is None or value == "" or value == []):
            raise Invalid(f"{name} is required", code="MissingRequired", field=name)
        if value is not None:
            values[name] = value
    return values


def update(kind: Kind, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that an update sets; fields that were not sent are not in it. Raises ``Invalid``."""
    values = {}
    for name, field in kind.fields.items():
        if not field.update or name not in body:
            continue
        value = _value(name, field, body[name])
        if value is None and field.default is not None:
            value = field.default
        if value in (None, "") and not field.nullable:
            raise Invalid(f"{name} must have a value", code="NotNullable", field=name)
        values[name] = value
    return values


def _value(name: str, field: Field, value: Any) -> Any:
    if value is None:
        return None
    converted = _convert(name, field, value)
    if field.options and converted not in ("", *field.options):
        raise Invalid(f"{name} must be one of {', '.join(field.options)}", code="InvalidOption", field=name)
    if isinstance(converted, str):
        _measure(name, field, converted)
    if isinstance(converted, int):
        _limit(name, field, converted)
    return converted


def _convert(name: str, field: Field, value: Any) -> Any:
    match field.type:
        case "boolean":
            return value if isinstance(value, bool) else str(value).lower() in _TRUE
        case "int":
            return _integer(name, value)
        case "json":
            return value
        case "array[string]":
            return [_text(name, element) for element in _sequence(name, value)]
        case "map[string]":
            return _mapping(name, value)
        case "dnsLabel":
            return _label(name, _text(name, value).strip())
        case "password":
            return _text(name, value)
        case _:
            return _text(name, value).strip()


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    raise _wrong(name, "a string")


def _integer(name: str, value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        raise _wrong(name, "a number") from None
    if abs(number) > 2**53:
        raise _wrong(name, "a number")
    return number


def _label(name: str, text: str) -> str:
    if text and not DNS_LABEL.fullmatch(text):
        raise Invalid(
            f"{name} must consist of lower-case letters, digits and '-', start and end with a letter or digit, "
            "and have at most 63 characters",
            code="InvalidFormat",
            field=name,
        )
    return text


def _sequence(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(name, "a list")
    if any(element is None for element in value):
        raise Invalid(f"{name} must have a value", code="NotNullable", field=name)
    return value


def _mapping(name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _wrong(name, "an object")
    return {str(key): _text(name, element) for key, element in value.items()}


def _measure(name: str, field: Field, text: str) -> None:
    if field.longest and len(text) > field.longest:
        raise Invalid(f"{name} has at most {field.longest} characters", code="MaxLengthExceeded", field=name)
    if text and len(text) < field.shortest:
        raise Invalid(f"{name} has at least {field.shortest} characters", code="MinLengthExceeded", field=name)


def _limit(name: str, field: Field, number: int) -> None:
    if field.least is not None and number < field.least:
        raise Invalid(f"{name} is at least {field.least}", code="MinLimitExceeded", field=name)
    if field.most is not None and number > field.most:
        raise Invalid(f"{name} is at most {field.most}", code="MaxLimitExceeded", field=name)


def _wrong(name: str, wanted: str) -> Invalid:
    return Invalid(f"{name} must be {wanted}", code="InvalidFormat", field=name)
