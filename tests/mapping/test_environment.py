"""A container's environment: entries keep their place, and what v3 has no word for."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Invalid
from chalicelib.mapping.environment import Environment
from chalicelib.mapping.place import NOWHERE
from chalicelib.mapping.rules import read, write

RULES = (Environment(),)

SOURCES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"source": "field", "sourceName": "metadata.name", "targetKey": "A"},
        {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ),
    (
        {"source": "resource", "sourceName": "web", "sourceKey": "limits.cpu", "targetKey": "A", "divisor": "1m"},
        {
            "name": "A",
            "valueFrom": {"resourceFieldRef": {"containerName": "web", "resource": "limits.cpu", "divisor": "1m"}},
        },
    ),
    (
        {"source": "configMap", "sourceName": "m", "sourceKey": "k", "targetKey": "A", "optional": True},
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k", "optional": True}}},
    ),
    (
        {"source": "secret", "sourceName": "s", "sourceKey": "k"},
        {"name": "k", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
    ),
]


@pytest.mark.parametrize(("asked", "made"), SOURCES)
def test_one_variable_from_elsewhere(asked: dict[str, Any], made: dict[str, Any]) -> None:
    target: dict[str, Any] = {}
    write(RULES, {"environmentFrom": [asked]}, target, NOWHERE)
    assert target == {"env": [made]}
    shown = read(RULES, target, NOWHERE)["environmentFrom"][0]
    assert {**shown, **asked} == shown


def test_whole_maps_and_secrets() -> None:
    target: dict[str, Any] = {}
    asked = [{"source": "secret", "sourceName": "s"}, {"source": "configMap", "sourceName": "m", "prefix": "P_"}]
    write(RULES, {"environmentFrom": asked}, target, NOWHERE)
    assert target == {"envFrom": [{"secretRef": {"name": "s"}}, {"prefix": "P_", "configMapRef": {"name": "m"}}]}


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ({"source": "magic", "targetKey": "A"}, "InvalidOption"),
        ({"source": "field"}, "MissingRequired"),
        ({}, "InvalidOption"),
    ],
)
def test_an_unknown_source_is_refused(source: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        write(RULES, {"environmentFrom": [source]}, {}, NOWHERE)
    assert refused.value.code == code


STORED = {
    "env": [
        {"name": "Z", "value": "z"},
        {"name": "A", "value": "$(Z)"},
        {"name": "POD", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
        {"name": "LATER", "valueFrom": {"fileKeyRef": {"path": "p"}}},
    ],
    "envFrom": [{"configMapRef": {"name": "m", "optional": False}}, {"secretRef": {"name": "s"}}],
}


def test_a_change_keeps_order_unknown_sources_and_untouched_entries() -> None:
    target = copy.deepcopy(STORED)
    shown = read(RULES, target, NOWHERE)
    shown["environment"] = {"A": "new", "Z": "z", "B": "added"}
    write(RULES, shown, target, NOWHERE)
    changed = {"name": "A", "value": "new"}
    assert target["env"] == [STORED["env"][0], changed, *STORED["env"][2:], {"name": "B", "value": "added"}]
    assert target["envFrom"] == STORED["envFrom"]


def test_what_is_left_out_goes() -> None:
    target = copy.deepcopy(STORED)
    write(RULES, {"environment": None, "environmentFrom": []}, target, NOWHERE)
    assert target == {"env": [STORED["env"][3]]}


def test_a_name_twice_stays_twice_until_it_changes() -> None:
    target = {"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}
    write(RULES, read(RULES, target, NOWHERE), target, NOWHERE)
    assert target["env"] == [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]


keys = st.from_regex(r"[A-Z][A-Z0-9_]{0,6}", fullmatch=True)
literals = st.dictionaries(keys, st.text(max_size=8), max_size=4)


@given(literals, literals)
def test_literals_round_trip_on_whatever_was_there(before: dict[str, str], after: dict[str, str]) -> None:
    target: dict[str, Any] = {}
    write(RULES, {"environment": before}, target, NOWHERE)
    write(RULES, {"environment": after}, target, NOWHERE)
    assert read(RULES, target, NOWHERE).get("environment", {}) == after
    assert len(target.get("env", [])) == len(after)
