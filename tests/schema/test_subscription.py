"""What a path and a query ask for, and that a store can keep it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chalicelib.errors import NotFound
from chalicelib.schema.kinds import STORED
from chalicelib.schema.subscription import ANNOUNCED, SILENT, Subscription, places, restored, wanted

CLUSTER = {"context": "cluster", "id": "c-1"}
PROJECT = {"context": "project", "id": "c-1:p-1"}


@pytest.mark.parametrize(
    ("path", "query", "asked"),
    [
        ("v3/subscribe", "cluster", {"kinds": {"cluster"}, "context": "", "id": ""}),
        ("v3/subscribe", "CLUSTERS project absent", {"kinds": {"cluster", "project"}}),
        ("v3/clusters/c-1/subscribe", "project", {"kinds": {"project"}, **CLUSTER}),
        (
            "v3/Cluster/c-1/subscribe",
            "projects clusterAlertRule",
            {"kinds": {"project", "clusterAlertRule"}, **CLUSTER},
        ),
        ("v3/projects/c-1:p-1/subscribe", "pipeline", {"kinds": {"pipeline"}, **PROJECT}),
        ("v3/project/c-1:p-1/subscribe", "", {"kinds": set(places("project")), **PROJECT}),
        ("v3/subscribe", "", {"kinds": set(places(""))}),
    ],
)
def test_what_is_asked_for(path: str, query: str, asked: dict[str, object]) -> None:
    found = wanted(path.split("/"), [("resourceTypes", name) for name in query.split()])
    assert asked.items() <= found.items()


@pytest.mark.parametrize(
    ("path", "types"),
    [
        ("v3/subscribe", ["absent"]),
        ("v3/subscribe", [""]),
        ("v3/subscribe", ["pipeline"]),
        ("v3/subscribe", list(SILENT)),
        ("v3/clusters/c-1/subscribe", ["cluster", "pod"]),
        ("v3/nodes/c-1:m-1/subscribe", ["node"]),
        ("v3/clusters/subscribe", ["cluster"]),
        ("v3-public/subscribe", ["cluster"]),
        ("v3/clusters/c-1/subscribe/more", ["project"]),
        ("", ["cluster"]),
    ],
)
def test_what_is_not_there(path: str, types: list[str]) -> None:
    with pytest.raises(NotFound):
        wanted(path.split("/"), [("resourceTypes", name) for name in types])


@pytest.mark.parametrize(
    ("names", "creations"),
    [([], True), (["resource.change"], False), (["resource.change", "resource.create"], True)],
)
def test_who_does_not_know_creations_is_not_told_of_them(names: list[str], creations: bool) -> None:
    asked = wanted(("v3", "subscribe"), [("eventNames", name) for name in names])
    assert asked["creations"] is creations


def test_a_store_can_keep_it() -> None:
    subscription = Subscription("u-1", "t-1", "https://a.test", frozenset(("project", "node")), "cluster", "c-1")
    for each in (subscription, replace(subscription, creations=False), Subscription("u-1", "t-1", "")):
        assert restored({**json.loads(json.dumps(each.document)), "since": 1}) == each


def test_no_credential_is_announced() -> None:
    assert {kind.id for kind in STORED if "oken" in kind.id} & ANNOUNCED == set()
    assert {place.kind.id for context in ("", "cluster", "project") for place in places(context).values()} == ANNOUNCED
