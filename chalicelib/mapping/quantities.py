"""Kubernetes' quantities (``100m``, ``2Gi``, ``1e3``) as exact numbers."""

from __future__ import annotations

import re
from fractions import Fraction

BINARY = {f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", 1)}
DECIMAL = {"n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "": Fraction(1)}
DECIMAL |= {letter: Fraction(1000**power) for power, letter in enumerate("kMGTPE", 1)}
SHAPE = re.compile(r"([+-]?\d{1,30}(?:\.\d{0,30})?)(?:[eE]([+-]?\d{1,2})|([numkKMGTPE]i?)?)", re.ASCII)


def number(text: object) -> Fraction | None:
    """``None`` for what is no quantity."""
    found = SHAPE.fullmatch(str(text))
    if found is None:
        return None
    digits, exponent, unit = found[1], found[2], found[3] or ""
    if unit not in DECIMAL and unit not in BINARY:
        return None
    scale = Fraction(10) ** int(exponent) if exponent else Fraction(BINARY.get(unit, DECIMAL.get(unit, 1)))
    return Fraction(digits.rstrip(".")) * scale
