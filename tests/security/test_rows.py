"""The table of published flaws names tests that exist."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.security.rows import ROWS

ROOT = Path(__file__).parents[2]


@cache
def found_in(file: str) -> frozenset[str]:
    """The tests that pytest collects from a file: functions, and methods of classes."""
    path = ROOT / file
    if not path.is_file():
        return frozenset()
    body = ast.parse(path.read_text()).body
    classes = {node.name: node.body for node in body if isinstance(node, ast.ClassDef)}
    places = [("", body), *((f"{name}::", inside) for name, inside in classes.items())]
    return frozenset(
        f"{prefix}{node.name}"
        for prefix, inside in places
        for node in inside
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


@pytest.mark.parametrize("row", ROWS)
def test_every_row_has_its_tests(row: str) -> None:
    assert ROWS[row]
    assert [test for test in ROWS[row] if test.partition("::")[2] not in found_in(test.partition("::")[0])] == []


def test_a_test_that_does_not_exist_is_noticed() -> None:
    own = Path(__file__).relative_to(ROOT).as_posix()
    assert "test_every_row_has_its_tests" in found_in(own)
    assert "test_nothing_of_the_kind" not in found_in(own)
    assert found_in("tests/security/test_nowhere.py") == frozenset()
