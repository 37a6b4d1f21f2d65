"""Bring one value into its field's type and check it against the field's limits; ``validate.py`` calls this."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from chalicelib.errors import Invalid
from chalicelib.schema.field import Field

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
RESTRICTED = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
HOSTNAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*")
_TRUE = frozenset({"true", "t", "yes", "y"})


def convert(name: str, type: str, value: Any) -> Any:
    """Return the value in its type. Raises ``Invalid``."""
    converter = _CONVERTERS.get(type)
    return converter(name, value) if converter else _trimmed(name, value)


def check(name: str, field: Field, value: Any) -> None:
    """Compare a value with the field's options and limits. Raises ``Invalid``."""
    if field.options and value not in ("", *field.options):
        raise Invalid(f"{name} must be one of {', '.join(field.options)}", code="InvalidOption", field=name)
    if isinstance(value, str):
        _measure(name, field, value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        _limit(name, field, value)


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    raise _wrong(name, "a string")


def _trimmed(name: str, value: Any) -> str:
    return _text(name, value).strip()


def _boolean(_: str, value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).lower() in _TRUE


def _integer(name: str, value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        raise _wrong(name, "a number") from None
    if abs(number) > 2**53:
        raise _wrong(name, "a number")
    return number


def _float(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise _wrong(name, "a number") from None
    if not abs(number) <= 2.0**53:
        raise _wrong(name, "a number")
    return number


def _integer_or_text(name: str, value: Any) -> int | str:
    text = _trimmed(name, value)
    return int(text) if re.fullmatch(r"-?[0-9]{1,15}", text, re.ASCII) else text


def _matching(pattern: re.Pattern[str], described: str) -> Callable[[str, Any], str]:
    def converter(name: str, value: Any) -> str:
        text = _trimmed(name, value)
        if text and (len(text) > 253 or not pattern.fullmatch(text)):
            raise Invalid(f"{name} must consist of {described}", field=name)
        return text

    return converter


_LABEL = "lower-case letters, digits and '-', start and end with a letter or digit, and have at most 63 characters"
_CONVERTERS: Mapping[str, Callable[[str, Any], Any]] = {
    "boolean": _boolean,
    "int": _integer,
    "float": _float,
    "json": lambda _, value: value,
    "intOrString": _integer_or_text,
    "password": _text,
    "base64": _text,
    "dnsLabel": _matching(DNS_LABEL, _LABEL),
    "dnsLabelRestricted": _matching(RESTRICTED, f"{_LABEL}; the first is a letter"),
    "hostname": _matching(HOSTNAME, "labels of lower-case letters, digits and '-', with dots between them"),
}


def _measure(name: str, field: Field, text: str) -> None:
    if field.longest and len(text) > field.longest:
        raise Invalid(f"{name} has at most {field.longest} characters", code="MaxLengthExceeded", field=name)
    if text and len(text) < field.shortest:
        raise Invalid(f"{name} has at least {field.shortest} characters", code="MinLengthExceeded", field=name)
    if text and field.valid and not _only(field.valid).fullmatch(text):
        raise Invalid(f"{name} may hold {field.valid} only", code="InvalidCharacters", field=name)
    if field.invalid and _only(field.invalid).search(text):
        raise Invalid(f"{name} may not hold any of {field.invalid}", code="InvalidCharacters", field=name)


@cache
def _only(characters: str) -> re.Pattern[str]:
    return re.compile(f"[{characters}]+")


def _limit(name: str, field: Field, number: float) -> None:
    if field.least is not None and number < field.least:
        raise Invalid(f"{name} is at least {field.least}", code="MinLimitExceeded", field=name)
    if field.most is not None and number > field.most:
        raise Invalid(f"{name} is at most {field.most}", code="MaxLimitExceeded", field=name)


def _wrong(name: str, wanted: str) -> Invalid:
    return Invalid(f"{name} must be {wanted}", code="InvalidFormat", field=name)
