"""A node selector's expressions as text: ``disk = ssd && zone in (a, b) && !gpu``."""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.errors import Invalid
from chalicelib.mapping.paths import Object

OPERATORS = {" notin ": "NotIn", " in ": "In", "!=": "NotIn", "=": "In", ">": "Gt", "<": "Lt"}
"""In the order in which they are looked for."""

SIGNS = {"Gt": ">", "Lt": "<"}


def text(expressions: Iterable[Object]) -> list[str]:
    return [_text(expression) for expression in expressions]


def _text(expression: Object) -> str:
    key, operator, values = expression.get("key", ""), expression.get("operator"), expression.get("values") or []
    if operator in ("Exists", "DoesNotExist"):
        return key if operator == "Exists" else f"!{key}"
    if operator in SIGNS:
        return f"{key} {SIGNS[operator]} {values[0] if values else ''}"
    if len(values) == 1:
        return f"{key} {'=' if operator == 'In' else '!='} {values[0]}"
    return f"{key} {'in' if operator == 'In' else 'notin'} ({', '.join(values)})"


def parsed(text: str) -> list[Object]:
    """Raises ``Invalid`` for what is no expression."""
    return [_parsed(part.strip()) for part in text.split("&&")]


def _parsed(text: str) -> Object:
    for sign, operator in OPERATORS.items():
        key, found, rest = text.partition(sign)
        if found:
            return {"key": _key(key, text), "operator": operator, "values": _values(sign, rest)}
    if text.startswith("!"):
        return {"key": _key(text[1:], text), "operator": "DoesNotExist"}
    return {"key": _key(text, text), "operator": "Exists"}


def _key(key: str, text: str) -> str:
    key = key.strip()
    if not key or any(letter in key for letter in " !(),"):
        message = (
            f"{text[:80]!r} is no expression: use k = v, k != v, k in (a, b), k notin (a, b), k, !k, k > n or k < n"
        )
        raise Invalid(message, code="InvalidFormat", field="scheduling")
    return key


def _values(sign: str, rest: str) -> list[str]:
    rest = rest.strip()
    if "in" not in sign:
        return [rest]
    return [value.strip() for value in rest.removeprefix("(").removesuffix(")").split(",")]
