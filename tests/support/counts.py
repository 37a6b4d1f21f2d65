"""What each operation costs on AWS: ``tests/gateway/counts.json``, which the tests that count hold to, to the last read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "gateway" / "counts.json"


def check(name: str, counted: Mapping[str, int]) -> None:
    """Fail if an operation costs more than is written down, or less: then write that down."""
    found = {unit: count for unit, count in counted.items() if count}
    expected = json.loads(FILE.read_text())[name]
    assert found == expected, f"{name}: {found}"
