"""``docs/cost.md`` is what its script makes of the counts, and the sums add up."""

from __future__ import annotations

import json
import runpy
from typing import Any

import pytest

from tests.infra.stack import ROOT

COST: dict[str, Any] = runpy.run_path(str(ROOT / "tools/cost.py"))
COUNTS = json.loads((ROOT / "tests/counts.json").read_text())


def test_document_is_up_to_date() -> None:
    assert (ROOT / "docs/cost.md").read_text() == COST["render"](COUNTS), "run .venv/bin/python tools/cost.py"


def test_a_million_of_one_operation_by_hand() -> None:
    counts = {
        "milliseconds": {"app": 100},
        "megabytes": {"app": 512},
        "kilobytes_logged_per_run": 1,
        "traced_runs": 0,
        "operations": {"warm_get": {"rest": 1, "messages": 3, "runs": {"app": 1}, "kilobytes_out": 10}},
    }
    cost = COST["dollars"](COST["amounts"](counts, "warm_get"))
    million = {name: value * 1e6 for name, value in cost.items()}
    assert million == pytest.approx(
        {
            "rest": 3.5,
            "messages": 3,
            "runs": 0.2,
            "gigabyte_seconds": 0.05 * 13.3334,
            "gigabytes_logged": 0.5,
            "gigabytes_out": 0.9,
            "traces": 0,
        }
    )


def test_rancher_needs_more_than_one_installation_beyond_its_table() -> None:
    assert COST["rancher"]("today's table", 100) == (pytest.approx(420.48), 1)
    assert COST["rancher"]("today's table", 1_000) == (pytest.approx(2 * 1681.92), 2)
    assert COST["rancher"]("2.1's table", 100) == (pytest.approx(3363.84), 1)


def test_counts_know_the_functions_that_are_deployed() -> None:
    text = (ROOT / "infra/functions.tf").read_text()
    for function, memory in COUNTS["megabytes"].items():
        assert f'handler = "app.{function}", memory = {memory},' in text
