"""What of a command line is ours, and what is kubectl's."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.__main__ import _split
from cli.kubectl import _cache, _rooted, _with_cache


@pytest.mark.parametrize(
    ("line", "own", "rest"),
    [
        ("get pods", "", "get pods"),
        ("--cluster a get pods", "--cluster a", "get pods"),
        ("--server=https://x --cluster=a get -w", "--server=https://x --cluster=a", "get -w"),
        ("get --cluster a", "", "get --cluster a"),
        ("-n default --cluster a get", "", "-n default --cluster a get"),
        ("exec p -- ls --cluster a", "", "exec p -- ls --cluster a"),
    ],
)
def test_our_options_stand_in_front(line: str, own: str, rest: str) -> None:
    assert _split(line.split()) == (own.split(), rest.split())


@pytest.mark.parametrize(
    ("line", "rooted"),
    [
        ("get --raw /version", "get --raw /s3cret/version"),
        ("get --raw=/api?limit=1 -v=1", "get --raw=/s3cret/api?limit=1 -v=1"),
        ("get /x", "get /x"),
        ("exec p -- tool --raw /version --raw=/x", "exec p -- tool --raw /version --raw=/x"),
    ],
)
def test_raw_paths_lead_to_the_cluster(line: str, rooted: str) -> None:
    assert _rooted(line.split(), "s3cret") == rooted.split()


def test_a_plugin_gets_no_option_that_it_may_not_know(tmp_path: Path) -> None:
    plugin = tmp_path / "kubectl-neat"
    plugin.write_text("#!/bin/sh\n")
    plugin.chmod(0o755)
    environment = {"PATH": str(tmp_path)}
    assert _with_cache(["neat", "x"], Path("/c"), environment) == ["neat", "x"]
    assert _with_cache(["get", "x"], Path("/c"), environment) == ["--cache-dir=/c", "get", "x"]
    assert _with_cache([], Path("/c"), environment) == ["--cache-dir=/c"]


def test_the_cache_outlives_the_address(tmp_path: Path) -> None:
    lasting = tmp_path / "lasting"
    for number in (1, 2):
        cache = _cache(tmp_path / str(number), 40_000 + number, f"secret{number}", lasting)
        place = cache / "discovery" / f"127.0.0.1_{40_000 + number}" / f"secret{number}"
        (place / f"seen-{number}").touch()
    assert {each.name for each in lasting.iterdir()} == {"seen-1", "seen-2"}
