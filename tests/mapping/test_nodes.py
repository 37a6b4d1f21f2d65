"""Nodes: what is worked out of them, their state, and their actions."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.errors import Invalid, NotFound
from chalicelib.mapping import drain
from chalicelib.mapping.nodes import NODE, cordoned, draining, uncordoned, undrained
from chalicelib.mapping.place import Place

NODE_OBJECT: dict[str, Any] = {
    "kind": "Node",
    "metadata": {"name": "one.internal", "labels": {"node-role.kubernetes.io/etcd": ""}},
    "spec": {"podCIDR": "10.42.0.0/24"},
    "status": {
        "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "Hostname", "address": "one"}],
        "capacity": {"cpu": "4", "memory": "8061400Ki"},
        "nodeInfo": {"kubeletVersion": "v1.20.2", "osImage": "Debian", "containerRuntimeVersion": "docker://19.3"},
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "False"}],
    },
}


def test_what_is_shown() -> None:
    shown = NODE.to_v3(NODE_OBJECT, Place(cluster="c-abcde"))
    assert shown["id"] == "c-abcde:one.internal"
    assert NODE.locate(shown["id"]) == ("", "one.internal")
    assert (shown["name"], shown["nodeName"], shown["hostname"]) == ("", "one.internal", "one")
    assert (shown["etcd"], shown["worker"], shown["controlPlane"]) == (True, False, False)
    assert shown["info"]["cpu"] == {"count": 4}
    assert shown["info"]["memory"] == {"memTotalKiB": 8061400}
    assert shown["info"]["os"]["dockerVersion"] == "19.3"
    assert (shown["state"], shown["ipAddress"], shown["podCidr"]) == ("active", "10.0.0.1", "10.42.0.0/24")


@pytest.mark.parametrize("id", ["one", ":one", "c-abcde:", "a:b:c", ""])
def test_what_is_no_id(id: str) -> None:
    with pytest.raises(NotFound):
        NODE.locate(id)


def state(node: dict[str, Any]) -> Any:
    return NODE.to_v3(node)["state"]


def test_the_way_through_a_drain() -> None:
    closed = cordoned(NODE_OBJECT)
    assert (state(closed), state(draining(closed)), state(draining(closed, done=True))) == (
        "cordoned",
        "draining",
        "drained",
    )
    assert state(undrained(draining(closed))) == "cordoned"
    opened = uncordoned(draining(closed, done=True))
    assert state(opened) == "active"
    assert opened == NODE_OBJECT
    for action, node in ((cordoned, closed), (uncordoned, NODE_OBJECT), (undrained, closed)):
        with pytest.raises(Invalid) as refused:
            action(node)
        assert refused.value.code == "InvalidAction"


@pytest.mark.parametrize(
    ("condition", "state", "transitioning"),
    [
        ({"type": "Ready", "status": "False"}, "unavailable", "yes"),
        ({"type": "Ready", "status": "Unknown"}, "unavailable", "error"),
        ({"type": "DiskPressure", "status": "True"}, "diskpressure", "error"),
    ],
)
def test_a_node_in_trouble(condition: dict[str, str], state: str, transitioning: str) -> None:
    shown = NODE.to_v3({**NODE_OBJECT, "status": {"conditions": [condition]}})
    assert (shown["state"], shown["transitioning"]) == (state, transitioning)


def pod(name: str, owner: str = "ReplicaSet", **spec: Any) -> dict[str, Any]:
    owners = [{"kind": owner, "name": "o", "controller": True}] if owner else []
    return {"metadata": {"name": name, "namespace": "ns", "ownerReferences": owners}, "spec": spec}


LOCAL: dict[str, Any] = {"volumes": [{"name": "e", "emptyDir": {}}]}
MIRROR = {**pod("m", ""), "metadata": {"name": "m", "namespace": "ns", "annotations": {drain.MIRROR: "x"}}}
DONE = {**pod("d", "", **LOCAL), "status": {"phase": "Succeeded"}}


@pytest.mark.parametrize(
    ("pods", "options", "going"),
    [
        ([pod("a"), pod("b", "StatefulSet")], {}, ["a", "b"]),
        ([pod("a", "DaemonSet"), MIRROR, DONE], {}, ["d"]),
        ([pod("a", ""), pod("b", **LOCAL)], {"force": True, "deleteLocalData": True}, ["a", "b"]),
    ],
)
def test_a_drains_plan(pods: list[dict[str, Any]], options: dict[str, Any], going: list[str]) -> None:
    plan = drain.plan(pods, drain.options(options), 20)
    assert [item["metadata"]["name"] for item in plan] == going
    assert all(item["apiVersion"] == "policy/v1beta1" and "deleteOptions" not in item for item in plan)


@pytest.mark.parametrize(
    ("refused", "options", "advice"),
    [
        (pod("a", ""), {}, "force"),
        (pod("a", **LOCAL), {}, "deleteLocalData"),
        (pod("a", "DaemonSet"), {"ignoreDaemonSets": False}, "ignoreDaemonSets"),
    ],
)
def test_what_forbids_a_drain(refused: dict[str, Any], options: dict[str, Any], advice: str) -> None:
    with pytest.raises(Invalid, match=f"ns/a: .*{advice}"):
        drain.plan([refused, pod("b")], drain.options(options), 20)


def test_grace_and_version() -> None:
    assert drain.plan([pod("a")], drain.options({"gracePeriod": 5}), 25) == [
        {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"namespace": "ns", "name": "a"},
            "deleteOptions": {"gracePeriodSeconds": 5},
        }
    ]
    with pytest.raises(Invalid):
        drain.options({"timeout": "soon"})
