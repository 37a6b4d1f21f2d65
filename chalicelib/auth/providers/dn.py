"""Distinguished names (RFC 4514): read, compared and written. No name is ever put together from what a caller sent."""

from __future__ import annotations

import re
from typing import TypeAlias

Name: TypeAlias = tuple[tuple[tuple[str, str], ...], ...]
"""The relative names from the leaf to the root, each of attributes with values, in the form that compares equal."""

LONGEST = 1000
_TYPE = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)*)\s*=\s*")
_VALUE = re.compile(r"""((?:[^\\,+"<>;\0]|\\[0-9A-Fa-f]{2}|\\[\\,+"<>; #=])*)""")
_PAIR = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)", re.DOTALL)


def parse(text: str) -> Name:
    """Raises ``ValueError`` for what is no name; the empty one is the root of all."""
    if len(text) > LONGEST:
        raise ValueError("is too long for a distinguished name")
    found: list[tuple[tuple[str, str], ...]] = []
    rest: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        attribute, value = _TYPE.match(text, position), None
        if attribute is not None:
            value = _VALUE.match(text, attribute.end())
        if attribute is None or value is None or not value[1]:
            raise ValueError("is no distinguished name")
        rest.append((attribute[1].lower(), _plain(value[1])))
        separator = text[value.end() : value.end() + 1]
        if separator not in ("", ",", "+") or (separator and value.end() + 1 == len(text)):
            raise ValueError("is no distinguished name")
        if separator != "+":
            found.append(tuple(sorted(rest)))
            rest = []
        position = value.end() + 1
    return tuple(found)


def same(one: str, other: str) -> bool:
    return key(one) == key(other)


def within(name: str, base: str) -> bool:
    """Does the name lie in the tree under ``base``? What is no name lies nowhere."""
    try:
        leaf, root = parse(name), parse(base)
    except ValueError:
        return False
    return len(leaf) >= len(root) and leaf[len(leaf) - len(root) :] == root


def key(text: str) -> Name | str:
    """What two texts have in common exactly if they name the same; what is no name is the same as itself."""
    try:
        return parse(text)
    except ValueError:
        return text


def _plain(value: str) -> str:
    """Undo escapes, then fold case and spaces as directories do when they compare."""
    trimmed = re.sub(r"(?<!\\)\s+$", "", value)
    return " ".join(_PAIR.sub(_unescape, trimmed).lower().split())


def _unescape(match: re.Match[str]) -> str:
    if match[2] is not None:
        return match[2]
    try:
        return bytes.fromhex(match[1].replace("\\", "")).decode()
    except UnicodeDecodeError:
        raise ValueError("is no distinguished name") from None
