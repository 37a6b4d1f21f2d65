"""Probes and hooks, flat in v3."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.mapping.handlers import hook, probe
from chalicelib.mapping.place import NOWHERE
from chalicelib.mapping.rules import read, write

PROBE = (probe("livenessProbe"),)

BOTH = [
    ({"command": ["a", "b"], "periodSeconds": 3}, {"exec": {"command": ["a", "b"]}, "periodSeconds": 3}),
    ({"tcp": True, "port": 80}, {"tcpSocket": {"port": 80}}),
    ({"tcp": True, "port": "http", "host": "h"}, {"tcpSocket": {"port": "http", "host": "h"}}),
    (
        {"path": "/x", "port": 80, "scheme": "HTTP", "httpHeaders": [{"name": "A", "value": "b"}]},
        {"httpGet": {"path": "/x", "port": 80, "scheme": "HTTP", "httpHeaders": [{"name": "A", "value": "b"}]}},
    ),
]


@pytest.mark.parametrize(("values", "stored"), BOTH)
def test_both_ways(values: dict[str, Any], stored: dict[str, Any]) -> None:
    target: dict[str, Any] = {}
    write(PROBE, {"livenessProbe": values}, target, NOWHERE)
    assert target == {"livenessProbe": stored}
    assert read(PROBE, target, NOWHERE) == {"livenessProbe": values}


@pytest.mark.parametrize(
    ("stored", "values", "made"),
    [
        (
            {"grpc": {"port": 1}, "terminationGracePeriodSeconds": 5, "periodSeconds": 1},
            {"periodSeconds": 2},
            {"grpc": {"port": 1}, "terminationGracePeriodSeconds": 5, "periodSeconds": 2},
        ),
        ({"grpc": {"port": 1}}, {"tcp": True, "port": 2}, {"tcpSocket": {"port": 2}}),
        (
            {"exec": {"command": ["a"]}, "periodSeconds": 1},
            {"path": "/", "port": 1},
            {"httpGet": {"path": "/", "port": 1}},
        ),
    ],
)
def test_changing(stored: dict[str, Any], values: dict[str, Any], made: dict[str, Any]) -> None:
    """Another way replaces the one before; what v3 has no word for stays."""
    target = {"livenessProbe": stored}
    write(PROBE, {"livenessProbe": values}, target, NOWHERE)
    assert target == {"livenessProbe": made}


def test_hooks_stand_in_lifecycle() -> None:
    target: dict[str, Any] = {"lifecycle": {"preStop": {"exec": {"command": ["x"]}}}}
    write(
        (hook("postStart"), hook("preStop")), {"postStart": {"tcp": True, "port": 1}, "preStop": None}, target, NOWHERE
    )
    assert target == {"lifecycle": {"postStart": {"tcpSocket": {"port": 1}}}}
