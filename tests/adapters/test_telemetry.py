"""Metrics as CloudWatch reads them, also where several edges run in one process, as tests have it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.adapters.telemetry import Telemetry
from chalicelib.outcomes import Outcome
from chalicelib.types import Key
from tests.support import logs

TIMES = 300


def test_edges_count_each_for_itself(capsys: pytest.CaptureFixture[str]) -> None:
    def serve(telemetry: Telemetry) -> None:
        for _ in range(TIMES):
            with telemetry.invocation("work", None):
                telemetry.count("Things", 2)

    with logs.kept(), ThreadPoolExecutor(4) as pool:
        list(pool.map(serve, [Telemetry(f"lariat-{number}", "error") for number in range(4)]))
    # What is printed at the same time may share a line.
    lines = capsys.readouterr().out.replace("}{", "}\n{").split("\n")
    found = [json.loads(line) for line in lines if line]
    assert sorted((line["service"], line["Invocations"], line["Things"]) for line in found) == [
        (f"lariat-{number}", [1.0], [2.0]) for number in range(4) for _ in range(TIMES)
    ]
    assert {line["handler"] for line in found} == {"work"}


def test_keys_are_counted_by_what_came_of_them_and_told_by_kind(capsys: pytest.CaptureFixture[str]) -> None:
    with logs.kept():
        telemetry = Telemetry("lariat", "error")
        for _ in range(2):
            with telemetry.invocation("work", None):
                telemetry.worked(Key("contents", "c-1"), Outcome.DONE, 0.5)
                telemetry.worked(Key("cluster", "c-1"), Outcome.DONE, 1.5)
                telemetry.worked(Key("cluster", "c-2"), Outcome.TEMPORARY, None)
    for line in map(json.loads, capsys.readouterr().out.splitlines()):
        assert (line["KeysDone"], line["KeysTemporary"], line["KeyWait"]) == ([1.0, 1.0], [1.0], [0.5, 1.5])
        assert line["keys"] == {"contents done": 1, "cluster done": 1, "cluster temporary": 1}
        named = [metric["Name"] for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
        assert sorted(named) == ["Invocations", "KeyWait", "KeysDone", "KeysTemporary"]
