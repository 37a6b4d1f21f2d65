"""``docs/cost.md`` is what its script makes of the counts, and the sums add up."""

from __future__ import annotations

import json
import re
import runpy
from typing import Any

import pytest

from chalicelib.main import KEEPALIVE, LIFETIME, PATIENCE
from tests.infra.stack import ROOT

COST: dict[str, Any] = runpy.run_path(str(ROOT / "tools/cost.py"))
COUNTS = json.loads((ROOT / "tests/gateway/counts.json").read_text())
MODEL = json.loads((ROOT / "tests/infra/model.json").read_text())


def test_document_is_up_to_date() -> None:
    assert (ROOT / "docs/cost.md").read_text() == COST["render"](COUNTS, MODEL), "run .venv/bin/python tools/cost.py"


def test_a_million_warm_requests_by_hand() -> None:
    model = {**MODEL, "kilobytes_logged_per_run": 1, "traced_runs": 0, "kilobytes_per_answer": 10}
    model["milliseconds"] = {**MODEL["milliseconds"], "app": 100, "message": 20}
    warm = {"reads": 2, "posts": 2, "messages": 1, "invocations": 2, "rest": 1}
    billed = COST["operations"]({**COUNTS, "proxied GET, warm": warm}, model)["a proxied GET, warm"]
    million = {name: dollars * 1e6 for name, dollars in COST["dollars"](billed).items()}
    assert million == pytest.approx(
        {
            "rest": 3.5,
            "messages": 3,
            "runs": 0.4,
            "gigabyte_seconds": (0.1 * 1 + 0.02 * 0.5) * 13.3334,
            "reads": 0.25,
            "writes": 0,
            "sqs": 0,
            "gigabytes_logged": 1.0,
            "gigabytes_out": 0.9,
            "traces": 0,
        }
    )


def test_rancher_needs_more_than_one_installation_beyond_its_table() -> None:
    assert COST["rancher"]("today's table", 100) == (pytest.approx(420.48), 1)
    assert COST["rancher"]("today's table", 1_000) == (pytest.approx(2 * 1681.92), 2)
    assert COST["rancher"]("2.1's table", 100) == (pytest.approx(3363.84), 1)


def test_model_is_of_what_is_deployed() -> None:
    text = (ROOT / "infra/functions.tf").read_text()
    for function, memory in MODEL["megabytes"].items():
        assert f'handler = "app.{function}", memory = {memory},' in text
    assert (MODEL["keepalive_seconds"], MODEL["lifetime_seconds"]) == (KEEPALIVE, LIFETIME)
    assert MODEL["patience_seconds"] == PATIENCE
    variables = (ROOT / "infra/variables.tf").read_text()
    for schedule, rate in (("resync", "1 day"), ("sweep", "1 hour")):
        assert re.search(rf'variable "{schedule}_schedule" {{[^}}]*default *= "rate\({rate}\)"', variables)
    assert sum(MODEL["of_a_hundred_requests"].values()) == 100


def test_an_idle_cluster_costs_twenty_operations_an_hour_at_most() -> None:
    assert COST["flat"](COUNTS, MODEL)["aws_idle_cluster_hour_ops"] <= 20


def test_a_warm_get_is_one_read_and_three_hops_at_most() -> None:
    for name in ("proxied GET, warm", "proxied GET, warm, after a while"):
        counted = COUNTS[name]
        assert counted.get("reads", 0) <= 1
        assert counted.get("writes", 0) == 0
        assert counted["posts"] + counted["messages"] <= 3


def test_every_count_has_a_name_of_its_own() -> None:
    figures = COST["flat"](COUNTS, MODEL)
    assert figures["aws_get_warm_reads"] == 0
    assert figures["aws_get_cold_reads"] == COUNTS["proxied GET, cold"]["reads"]
    assert set(COUNTS) >= set(MODEL["runs"])
