"""A project's quota shared over its namespaces, and defaults for containers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.auth.roles.cluster import Place
from chalicelib.controllers.quotas import CONTAINER_WISH, FITS, WISH, Shares, exceeding, plan, told
from chalicelib.types import Resource

ONE = "c-1:p-1"
NOW, LATER = "2026-11-24T08:00:00Z", "2026-11-24T08:10:00Z"


def project(total: Any = None, default: Any = None, **spec: Any) -> Resource:
    quotas = {"resourceQuota": {"limit": total}, "namespaceDefaultResourceQuota": {"limit": default}} if total else {}
    return Resource(kind="project", id=ONE, spec={**quotas, **spec})


def namespace(name: str, created: int = 0, wish: Any = None, container: Any = None) -> dict[str, Any]:
    annotations = {}
    if wish is not None:
        annotations[WISH] = wish if isinstance(wish, str) else json.dumps({"limit": wish})
    if container is not None:
        annotations[CONTAINER_WISH] = json.dumps(container)
    return {
        "metadata": {"name": name, "creationTimestamp": f"2026-11-24T08:00:0{created}Z", "annotations": annotations}
    }


def share(project: Resource, *namespaces: dict[str, Any], observed: Any = ()) -> Shares:
    place = Place("c-1", frozenset((ONE,)), {item["metadata"]["name"]: ONE for item in namespaces})
    return plan([project], namespaces, place, observed)


def quotas(shares: Shares) -> dict[str, Any]:
    return {
        document["metadata"]["namespace"]: document["spec"]["hard"]
        for document in shares.plan.create
        if document["kind"] == "ResourceQuota"
    }


PODS = project({"pods": "10"}, {"pods": "4"})


def test_every_namespace_gets_the_default() -> None:
    made = share(PODS, namespace("a"), namespace("b"))
    assert quotas(made) == {"a": {"pods": "4"}, "b": {"pods": "4"}}
    assert (made.used, made.unfit) == ({ONE: {"pods": "8"}}, {ONE: []})


def test_the_oldest_come_first_and_what_does_not_fit_gets_nothing() -> None:
    made = share(PODS, namespace("a", 3), namespace("b", 1), namespace("c", 2))
    assert quotas(made) == {"a": {"pods": "0"}, "b": {"pods": "4"}, "c": {"pods": "4"}}
    assert (made.used, made.unfit) == ({ONE: {"pods": "8"}}, {ONE: ["a"]})


@pytest.mark.parametrize(
    ("wish", "pods"),
    [
        ({"pods": "7"}, "7"),
        ({"pods": "11"}, "0"),
        ({"pods": "-5"}, "0"),
        ({"pods": "many"}, "0"),
        ({"secrets": "5"}, "4"),
        ("no json", "4"),
        ("[" * 100_000, "4"),
        ("[]", "4"),
    ],
)
def test_a_namespaces_own_wish(wish: Any, pods: str) -> None:
    assert quotas(share(PODS, namespace("a", wish=wish)))["a"] == {"pods": pods}


def test_the_project_says_who_gets_nothing_as_long_as_that_is_so() -> None:
    crowded = told(PODS, ["a", "b"], NOW)
    assert [(each.type, each.status) for each in crowded.conditions] == [(FITS, "False")]
    assert crowded.conditions[0].message.endswith(": a, b")
    assert told(crowded, ["a", "b"], LATER) == crowded
    roomy = told(crowded, [], LATER)
    assert [(each.status, each.message, each.changed) for each in roomy.conditions] == [("True", "", LATER)]
    assert told(replace(roomy, spec={}), [], LATER).conditions == ()


def test_terms_and_amounts_are_kubernetes_ones() -> None:
    limits = {"limitsCpu": "1500m", "requestsMemory": "1Gi", "servicesNodePorts": "2", "surprise": "1"}
    made = quotas(share(project(limits, limits), namespace("a")))["a"]
    assert made == {"limits.cpu": "1500m", "requests.memory": "1073741824", "services.nodeports": "2"}


def test_without_a_quota_there_is_none() -> None:
    made = share(PODS, namespace("a")).plan.create
    assert len(share(project(), namespace("a"), observed=made).plan.delete) == 1
    assert share(PODS, namespace("a"), observed=made).plan.is_empty


@pytest.mark.parametrize(
    ("wish", "terms"), [({"pods": "6"}, []), ({"pods": "7"}, ["pods"]), ({"secrets": "1"}, []), (None, [])]
)
def test_what_exceeds_the_rest(wish: Any, terms: list[str]) -> None:
    assert exceeding(PODS, [namespace("a")], {"limit": wish}) == terms


@pytest.mark.parametrize(
    ("default", "own", "limits"),
    [
        ({"limitsCpu": "1"}, None, {"default": {"cpu": "1"}, "defaultRequest": {"cpu": "1"}}),
        (
            {"limitsCpu": "1", "requestsCpu": "500m"},
            None,
            {"default": {"cpu": "1"}, "defaultRequest": {"cpu": "500m"}},
        ),
        ({"limitsCpu": "1"}, {"requestsMemory": "1k"}, {"defaultRequest": {"memory": "1000"}}),
        ({"limitsCpu": "lots", "surprise": "1"}, None, None),
        (None, None, None),
    ],
)
def test_container_defaults(default: Any, own: Any, limits: Any) -> None:
    made = share(project(containerDefaultResourceLimit=default), namespace("a", container=own))
    ranges = [document["spec"]["limits"] for document in made.plan.create if document["kind"] == "LimitRange"]
    assert ranges == ([[{"type": "Container", **limits}]] if limits else [])
