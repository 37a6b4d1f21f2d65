"""Nodes as they are found in a cluster. A node's id is its cluster's and its name, so that no list is needed to find it."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping

from chalicelib.errors import Invalid, NotFound
from chalicelib.mapping.kind import Kind
from chalicelib.mapping.paths import Object, Path, Values, get, put
from chalicelib.mapping.place import NOWHERE, Place
from chalicelib.mapping.quantities import number
from chalicelib.mapping.rules import Annotation, Field, Labels, Shown, move, same, with_annotations
from chalicelib.mapping.scheduling import node_id
from chalicelib.mapping.served import Served
from chalicelib.mapping.state import State, by_conditions, removing

ROLES = {"controlPlane": ("controlplane", "control-plane", "master"), "etcd": ("etcd",), "worker": ("worker",)}
ROLE = "node-role.kubernetes.io/"
DRAINED = "lariat.io/drained"
"""An annotation: ``true`` when a drain is done, ``false`` while it goes on."""


class Facts:
    """What is worked out from a node's labels, addresses and info."""

    @property
    def fields(self) -> Mapping[str, str]:
        return {}

    def read(self, source: Object, values: Values, place: Place) -> None:
        values |= {
            "clusterId": place.cluster,
            "nodeName": place.name,
            "requestedHostname": place.name,
            "imported": True,
        }
        addresses = {item["type"]: item["address"] for item in get(source, "status", "addresses") or []}
        values["hostname"] = addresses.get("Hostname", place.name)
        values["ipAddress"] = addresses.get("InternalIP", "")
        values["externalIpAddress"] = addresses.get("ExternalIP", "")
        values["info"] = _info(source)
        values["unschedulable"] = bool(get(source, "spec", "unschedulable"))
        values |= _roles(get(source, "metadata", "labels") or {})

    def write(self, values: Values, target: Object, place: Place) -> None:
        return


def _roles(labels: Mapping[str, str]) -> dict[str, bool]:
    """A node without any role's label is a worker."""
    roles = {role: any(ROLE + name in labels for name in names) for role, names in ROLES.items()}
    return roles if any(roles.values()) else {**roles, "worker": True}


def _info(source: Object) -> Values:
    status = get(source, "status") or {}
    info, capacity = status.get("nodeInfo") or {}, status.get("capacity") or {}
    cores, memory = number(capacity.get("cpu")), number(capacity.get("memory"))
    return {
        "cpu": {} if cores is None else {"count": int(cores)},
        "memory": {} if memory is None else {"memTotalKiB": int(memory / 1024)},
        "os": {
            "dockerVersion": str(info.get("containerRuntimeVersion", "")).removeprefix("docker://"),
            "kernelVersion": info.get("kernelVersion"),
            "operatingSystem": info.get("osImage"),
        },
        "kubernetes": {
            "kubeletVersion": info.get("kubeletVersion"),
            "kubeProxyVersion": info.get("kubeProxyVersion") or info.get("kubeletVersion"),
        },
    }


def node_state(source: Object, place: Place) -> State:
    gone, found = removing(source, place), by_conditions(source)
    if gone or found:
        return gone or found or State("active")
    drained = get(source, "metadata", "annotations", DRAINED)
    if not get(source, "spec", "unschedulable"):
        return State("active")
    return {"true": State("drained"), "false": State("draining", "yes", "evicting pods")}.get(
        str(drained), State("cordoned")
    )


class NodeKind(Kind):
    """Has its cluster in its ids, and no display name of its own."""

    def to_v3(self, source: Object, place: Place = NOWHERE) -> Values:
        return {**super().to_v3(source, place), "name": ""}

    def object_id(self, place: Place) -> str:
        return node_id(place.name, place)

    def locate(self, id: str) -> tuple[str, str]:
        cluster, _, name = id.partition(":")
        if not cluster or not name or ":" in name:
            raise NotFound(f"node {id[:200]} not found")
        return "", name


def _resources(*path: str) -> Field:
    return Field(path[-1], path, "map[string]")


NODE = NodeKind(
    id="node",
    plural="nodes",
    served=Served("Node", "nodes", namespaced=False),
    rules=(
        Labels("labels", ("metadata", "labels")),
        *with_annotations("annotations", Shown(Annotation("publicEndpoints", "array[publicEndpoint]"))),
        move("taints", "spec", "taints", type="array[taint]"),
        Shown(move("nodeTaints", "spec", "taints", type="array[taint]")),
        Shown(move("podCidr", "spec", "podCIDR")),
        Shown(move("providerId", "spec", "providerID")),
        Shown(_resources("status", "capacity")),
        Shown(_resources("status", "allocatable")),
        Shown(move("conditions", "status", "conditions", type="array[nodeCondition]")),
        *(Shown(rule) for rule in same("volumesAttached", "volumesInUse", type="json", under=("status",))),
        Facts(),
    ),
    state=node_state,
)


def cordoned(node: Object) -> Object:
    """The action ``cordon``. Raises ``Invalid`` when it already is."""
    if get(node, "spec", "unschedulable"):
        raise Invalid("Node is already cordoned", code="InvalidAction")
    return _with(node, (("spec", "unschedulable"), True))


def uncordoned(node: Object) -> Object:
    """The action ``uncordon``, after a drain too. Raises ``Invalid`` when pods may be scheduled already."""
    if not get(node, "spec", "unschedulable"):
        raise Invalid("Node is not cordoned", code="InvalidAction")
    return _with(node, (("spec", "unschedulable"), None), (("metadata", "annotations", DRAINED), None))


def draining(node: Object, done: bool = False) -> Object:
    """A node that a drain is going on at, or done with."""
    return _with(node, (("spec", "unschedulable"), True), (("metadata", "annotations", DRAINED), json.dumps(done)))


def undrained(node: Object) -> Object:
    """The action ``stopDrain``: it stays cordoned. Raises ``Invalid`` when no drain goes on."""
    if get(node, "metadata", "annotations", DRAINED) != "false":
        raise Invalid("Node is not being drained", code="InvalidAction")
    return _with(node, (("metadata", "annotations", DRAINED), None))


def _with(node: Object, *changes: tuple[Path, object]) -> Object:
    target = copy.deepcopy(node)
    for path, value in changes:
        put(target, path, value)
    return target
