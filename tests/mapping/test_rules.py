"""The laws of the small rules: absent stays, null clears, unchanged is not touched, unknown is kept."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Invalid
from chalicelib.mapping.containers import CONTAINER
from chalicelib.mapping.kinds import KINDS
from chalicelib.mapping.place import NOWHERE
from chalicelib.mapping.rules import (
    Annotation,
    At,
    Each,
    Inside,
    Nested,
    Rules,
    Shown,
    fields,
    move,
    read,
    same,
    with_annotations,
    write,
)
from chalicelib.mapping.scheduling import SCHEDULING
from chalicelib.mapping.volumes import VOLUME
from chalicelib.mapping.workloads import STATEFUL_SET

RULES: Rules = (
    *same("a", under=("spec",)),
    move("b", "spec", "deep", "down"),
    move("choice", "spec", "choice", options=("x", "y")),
    At(("spec", "flat"), same("c", "d")),
    Inside("config", (move("e", "spec", "e"),)),
    Nested("nested", ("spec", "nested"), same("f", "g")),
    Each("items", ("spec", "items"), same("name", "size")),
    Shown(move("status", "status", "phase")),
)
STORED: dict[str, Any] = {
    "spec": {
        "a": 1,
        "deep": {"down": 2, "other": 3},
        "flat": {"c": 4, "unknown": 5},
        "e": 6,
        "nested": {"f": 7, "unknown": 8},
        "items": [{"name": "one", "size": 9, "unknown": 10}, {"name": "two", "size": 11}],
    },
    "status": {"phase": "Bound"},
}
SHOWN = {
    "a": 1,
    "b": 2,
    "c": 4,
    "config": {"e": 6},
    "nested": {"f": 7},
    "items": [{"name": "one", "size": 9}, {"name": "two", "size": 11}],
    "status": "Bound",
}


def changed(**values: Any) -> dict[str, Any]:
    target = copy.deepcopy(STORED)
    write(RULES, values, target, NOWHERE)
    return target


def test_reading() -> None:
    assert read(RULES, STORED, NOWHERE) == SHOWN


def test_writing_what_was_read_changes_nothing() -> None:
    assert changed(**SHOWN) == STORED
    assert changed() == STORED


@pytest.mark.parametrize(
    ("values", "path", "expected"),
    [
        ({"a": 2}, "a", 2),
        ({"a": None}, "a", None),
        ({"b": None}, "deep", {"other": 3}),
        ({"c": 7}, "flat", {"c": 7, "unknown": 5}),
        ({"config": {"e": 1}}, "e", 1),
        ({"config": {}}, "e", 6),
        ({"config": None}, "e", None),
        ({"nested": {"g": 1}}, "nested", {"f": 7, "g": 1, "unknown": 8}),
        ({"nested": None}, "nested", None),
        ({"items": [{"name": "one"}]}, "items", [{"name": "one", "unknown": 10}]),
        (
            {"items": [{"name": "two", "size": 1}, {"name": "one", "size": 9}]},
            "items",
            [{"name": "two", "size": 1}, {"name": "one", "size": 9, "unknown": 10}],
        ),
        ({"items": []}, "items", None),
        ({"status": "Lost"}, "a", 1),
    ],
)
def test_changing(values: dict[str, Any], path: str, expected: Any) -> None:
    target = changed(**values)
    assert target["spec"].get(path) == expected
    assert {**target["spec"], path: None} == {**STORED["spec"], path: None}
    assert target["status"] == STORED["status"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"choice": "z"}, "InvalidOption"),
        ({"nested": 1}, "InvalidType"),
        ({"config": "x"}, "InvalidType"),
        ({"items": {}}, "InvalidType"),
        ({"items": ["x"]}, "InvalidType"),
        ({"items": 5}, "InvalidType"),
    ],
)
def test_the_wrong_type_is_refused(values: dict[str, Any], code: str) -> None:
    if values == {"items": {}}:
        assert changed(**values)["spec"].get("items") is None
        return
    with pytest.raises(Invalid) as refused:
        changed(**values)
    assert refused.value.code == code


ANNOTATED = with_annotations("annotations", Annotation("description"), Annotation("ports", "json"))


def test_annotations_are_replaced_but_for_what_the_caller_cannot_see() -> None:
    target = {
        "metadata": {
            "annotations": {
                "field.cattle.io/description": "words",
                "field.cattle.io/ports": "[1]",
                "field.cattle.io/other": "shown",
                "lifecycle.cattle.io/create": "true",
                "mine": "old",
            }
        }
    }
    shown = read(ANNOTATED, target, NOWHERE)
    assert shown["description"] == "words"
    assert shown["ports"] == [1]
    assert set(shown["annotations"]) == {"field.cattle.io/other", "lifecycle.cattle.io/create", "mine"}
    write(ANNOTATED, {"annotations": {"mine": "new"}, "ports": [2]}, target, NOWHERE)
    assert target["metadata"]["annotations"] == {
        "field.cattle.io/description": "words",
        "field.cattle.io/ports": "[2]",
        "lifecycle.cattle.io/create": "true",
        "mine": "new",
    }


NONSENSE: tuple[Any, ...] = (
    7,
    "text",
    True,
    [1],
    ["text"],
    [{}],
    [{"a": 1}],
    {"a": {"b": []}},
    {"requireAll": 1},
    {"requireAny": ["=", 1]},
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_every_kind_survives_nonsense(kind: Any) -> None:
    """A caller's wrong types are refused by name, never by a crash."""
    for name in kind.fields:
        for wrong in NONSENSE:
            with contextlib.suppress(Invalid):
                kind.to_kubernetes({"name": "n", "namespaceId": "ns", name: wrong})


PARTS = {
    "containers": [*fields(CONTAINER), "ports"],
    "volumes": list(fields(VOLUME)),
    "scheduling": list(fields(SCHEDULING.rules)),
    "statefulSetConfig": ["strategy", "partition", "volumeClaimTemplates"],
}


@pytest.mark.parametrize(("part", "inner"), [(part, name) for part, names in PARTS.items() for name in names])
def test_every_part_survives_nonsense(part: str, inner: str) -> None:
    for wrong in NONSENSE:
        value = {"name": "c", inner: wrong}
        with contextlib.suppress(Invalid):
            STATEFUL_SET.to_kubernetes({"name": "n", part: [value] if part in ("containers", "volumes") else value})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_no_field_is_written_twice(kind: Any) -> None:
    names = [name for rule in kind.rules for name in rule.fields]
    assert sorted(names) == sorted(fields(kind.rules))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcdefg"), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), json_values.filter(lambda value: value is not None)))
def test_what_is_written_is_read(values: dict[str, Any]) -> None:
    target = changed(**values)
    assert {**read(RULES, target, NOWHERE), **values} == read(RULES, target, NOWHERE)
