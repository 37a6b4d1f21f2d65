"""Kubernetes' quantities as numbers."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.controllers.quantity import amount, written


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", "0"),
        ("10", "10"),
        (10, "10"),
        ("500m", "0.5"),
        ("1.5", "1.5"),
        ("2k", "2000"),
        ("1Ki", "1024"),
        ("1.5Gi", "1610612736"),
        ("1e3", "1000"),
        ("1E", "1000000000000000000"),
        ("-1", "-1"),
        ("5n", "0.000000005"),
    ],
)
def test_amounts(text: object, number: str) -> None:
    assert amount(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "x", "1x", "1 Gi", "1ki", "1KiB", None, [], "9" * 30, "1e999", 1.5])
def test_what_is_no_amount(text: object) -> None:
    assert amount(text) is None


@given(st.integers(0, 10**12))
def test_what_is_written_reads_back(thousandths: int) -> None:
    number = Decimal(thousandths) / 1000
    assert amount(written(number)) == number
