"""``scheduling.node`` against node name, node selector and node affinity."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from chalicelib.mapping.place import Place
from chalicelib.mapping.rules import read, write
from chalicelib.mapping.scheduling import SCHEDULING

PLACE = Place(cluster="c-abcde")
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def has(key: str, **fields: Any) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": "Exists"}], **fields}


def affinity(*terms: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": list(terms)}}, **others}}


def node(source: dict[str, Any]) -> Any:
    return read((SCHEDULING,), source, PLACE).get("scheduling", {}).get("node")


def written(source: dict[str, Any], **asked: Any) -> dict[str, Any]:
    target = copy.deepcopy(source)
    write((SCHEDULING,), {"scheduling": {"node": asked}}, target, PLACE)
    return target


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ({}, None),
        ({"nodeName": "one"}, {"nodeId": "c-abcde:one", "requireAll": [], "requireAny": [], "preferred": []}),
        ({"nodeSelector": {"a": "b"}}, {"nodeId": None, "requireAll": ["a = b"], "requireAny": [], "preferred": []}),
        (affinity(has("a")), {"nodeId": None, "requireAll": ["a"], "requireAny": [], "preferred": []}),
        (affinity(has("a"), has("b")), {"nodeId": None, "requireAll": [], "requireAny": ["a", "b"], "preferred": []}),
        (
            {"nodeSelector": {"d": "e"}, **affinity(has("a"))},
            {"nodeId": None, "requireAll": ["d = e", "a"], "requireAny": [], "preferred": []},
        ),
        (affinity({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}), None),
    ],
)
def test_reading(source: dict[str, Any], shown: Any) -> None:
    assert node(source) == shown


def test_require_all_is_one_term() -> None:
    assert written({}, requireAll=["a", "!b"]) == affinity(
        {"matchExpressions": [{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "DoesNotExist"}]}
    )


def test_require_any_is_a_term_each_and_wins() -> None:
    assert written({}, requireAll=["x"], requireAny=["a", "b"]) == affinity(has("a"), has("b"))


def test_preferences_weigh_less_one_by_one() -> None:
    terms = written({}, preferred=["a", "b"])["affinity"]["nodeAffinity"][PREFERRED]
    assert terms == [{"weight": 100, "preference": has("a")}, {"weight": 99, "preference": has("b")}]


def test_a_new_requirement_leaves_weights_selector_and_pod_affinity() -> None:
    preferred = [{"weight": 7, "preference": has("p")}]
    source = {"nodeSelector": {"d": "e"}, **affinity(has("a"), podAffinity={"kept": True})}
    source["affinity"]["nodeAffinity"][PREFERRED] = preferred
    target = written(source, requireAll=["d = e", "a", "c"])
    assert target["nodeSelector"] == {"d": "e"}
    assert target["affinity"]["podAffinity"] == {"kept": True}
    assert target["affinity"]["nodeAffinity"][PREFERRED] == preferred
    assert node(target)["requireAll"] == ["d = e", "a", "c"]


def test_what_is_no_longer_required_leaves_the_selector_too() -> None:
    assert written({"nodeSelector": {"a": "b", "c": "d"}}, requireAll=["c = d"]) == {"nodeSelector": {"c": "d"}}


@pytest.mark.parametrize("every", [["a", "b"], []])
def test_a_term_on_fields_stays(every: list[str]) -> None:
    fields = [{"key": "metadata.name", "operator": "In", "values": ["n"]}]
    terms = written(affinity(has("a", matchFields=fields)), requireAll=every)["affinity"]["nodeAffinity"][REQUIRED]
    assert [term["matchFields"] for term in terms["nodeSelectorTerms"]] == [fields]


def test_a_node_by_id() -> None:
    assert written({"nodeName": "one"}, nodeId="c-abcde:two") == {"nodeName": "two"}
    assert written({"nodeName": "one"}, nodeId=None) == {}
    assert written({"nodeName": "one"}, preferred=[]) == {"nodeName": "one"}


def test_null_clears_everything() -> None:
    target = {"nodeName": "one", "schedulerName": "s", "tolerations": [{"key": "k"}], **affinity(has("a"))}
    write((SCHEDULING,), {"scheduling": None}, target, PLACE)
    assert target == {}
