"""Kubernetes' quantities (``500m``, ``2Gi``) as numbers, to compare quotas."""

from __future__ import annotations

import re
from decimal import Decimal

from chalicelib.errors import Invalid

_BINARY = {name: 2 ** (10 * power) for power, name in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)}
_DECIMAL = {name: 10**power for name, power in zip(("k", "M", "G", "T", "P", "E"), range(3, 21, 3), strict=True)}
_UNITS: dict[str, Decimal | int] = {"": 1, "m": Decimal("0.001"), **_BINARY, **_DECIMAL}
_QUANTITY = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)(m|[KMGTPE]i|[kMGTPE]|)")


def quantity(text: str, field: str = "") -> Decimal:
    """Return the number. Raises ``Invalid``, which names the field that it stands in."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise Invalid(f"{text!r} is no quantity: write it like 500m, 4 or 2Gi", field=field)
    return Decimal(match[1]) * _UNITS[match[2]]
