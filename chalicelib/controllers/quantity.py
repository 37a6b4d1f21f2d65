"""Kubernetes' quantities (``500m``, ``2Gi``) as numbers: it writes them in a form of its own, so texts don't compare."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_SUFFIXES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)}
_QUANTITY = re.compile(r"([+-]?[0-9]{1,18}(?:\.[0-9]{1,9})?)(?:e([+-]?[0-9]{1,2})|([numkMGTPE]|[KMGTPE]i)?)")


def amount(text: object) -> Decimal | None:
    """The number that a quantity stands for; ``None`` if it is none."""
    match = _QUANTITY.fullmatch(str(text)) if isinstance(text, str | int) else None
    if match is None:
        return None
    number, exponent, suffix = match.groups()
    if suffix in _BINARY:
        return Decimal(number) * _BINARY[suffix]
    return Decimal(number).scaleb(int(exponent) if exponent else _SUFFIXES[suffix or ""])


def written(number: Decimal) -> str:
    """Write an amount so that it reads back as the same: whole, or in thousandths."""
    if number == number.to_integral_value():
        return str(int(number))
    return f"{int((number * 1000).to_integral_value(rounding='ROUND_CEILING'))}m"


def amounts(value: Any) -> Any:
    """Replace every quantity in a document by its number."""
    if isinstance(value, Mapping):
        return {key: amounts(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [amounts(inner) for inner in value]
    number = amount(value)
    return value if number is None else number
