"""LDAP search filters (RFC 4515). Values from callers get in here alone, and nothing in them can end a filter."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}(;[A-Za-z0-9-]{1,63})*|\d+(\.\d+){1,30}")
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@,=")


def escape(value: str) -> str:
    """Write every letter outside a short list of plain ones as the bytes that it is."""
    return "".join([letter if letter in _SAFE else _hex(letter) for letter in value])


def equal(attribute: str, value: str) -> str:
    return f"({attribute}={escape(value)})"


def begins(attribute: str, value: str) -> str:
    return f"({attribute}={escape(value)}*)"


def every(filters: Iterable[str]) -> str:
    return f"(&{''.join(filters)})"


def some(filters: Iterable[str]) -> str:
    return f"(|{''.join(filters)})"


def is_attribute(text: str) -> bool:
    return _ATTRIBUTE.fullmatch(text) is not None


def is_filter(text: str) -> bool:
    """Tell whether an administrator's filter is whole, so that it stays a part of the one it is put into."""
    depth = 0
    for position, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth < 1 and position < len(text) - 1:
            return False
    return text.startswith("(") and depth == 0


def _hex(letter: str) -> str:
    return "".join([f"\\{byte:02x}" for byte in letter.encode()])
