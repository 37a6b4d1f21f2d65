"""Horizontal pod autoscalers. Kubernetes nests each metric by its type, v3 shows them alike."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from chalicelib.errors import Invalid
from chalicelib.mapping.kind import Kind, described
from chalicelib.mapping.paths import Object, Values, get, mapping, objects, put
from chalicelib.mapping.place import Place
from chalicelib.mapping.rules import Annotation, Field, Shown, move, same
from chalicelib.mapping.served import Served, Version
from chalicelib.mapping.workloads import of_id

TYPES = {
    "Resource": "resource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
    "ContainerResource": "containerResource",
}
BY_NAME = ("Resource", "ContainerResource")
"""Types whose metric is just a name; the others' has a selector too."""

TARGET = {"type": "type", "utilization": "averageUtilization", "value": "value", "averageValue": "averageValue"}


class Metrics:
    @property
    def fields(self) -> Mapping[str, str]:
        return {"metrics": "array[metric]"}

    def read(self, source: Object, values: Values, place: Place) -> None:
        metrics = get(source, "spec", "metrics")
        if metrics is not None:
            current = get(source, "status", "currentMetrics") or []
            values["metrics"] = [_shown(item) | _current(item, current) for item in metrics]

    def write(self, values: Values, target: Object, place: Place) -> None:
        stored = get(target, "spec", "metrics") or []
        asked = objects(values["metrics"], "metrics")
        made = [_made(item, stored) for item in asked]
        put(target, ("spec", "metrics"), made or None)


def _shown(item: Object) -> Values:
    type = item.get("type", "")
    body = item.get(TYPES.get(type, "")) or {}
    name = body.get("name") if type in BY_NAME else get(body, "metric", "name")
    found = {
        "type": type,
        "name": name,
        "selector": get(body, "metric", "selector"),
        "describedObject": body.get("describedObject"),
        "container": body.get("container"),
        "target": _target_shown(body.get("target") or {}),
    }
    return {key: value for key, value in found.items() if value is not None}


def _target_shown(target: Object) -> Values:
    return {ours: target[theirs] for ours, theirs in TARGET.items() if target.get(theirs) is not None}


def _current(item: Object, current: list[Object]) -> Values:
    """What was measured last for the same metric."""
    wanted = _shown(item)
    found = next((other for other in current if _names(_shown(other)) == _names(wanted)), None)
    body = get(found, TYPES.get(wanted["type"], ""), "current")
    return {"current": _target_shown(body)} if body else {}


def _names(shown: Values) -> tuple[Any, ...]:
    return tuple(shown.get(key) for key in ("type", "name", "selector", "describedObject", "container"))


def _made(item: Values, stored: list[Object]) -> Object:
    asked = {key: value for key, value in item.items() if key != "current" and value is not None}
    same = next((other for other in stored if _shown(other) == asked), None)
    if same is not None:
        return copy.deepcopy(same)
    type, name = asked.get("type"), asked.get("name")
    if type not in TYPES:
        raise Invalid(f"a metric's type is one of {', '.join(TYPES)}", code="InvalidOption", field="type")
    metric = {
        key: value for key, value in {"name": name, "selector": asked.get("selector")}.items() if value is not None
    }
    body = {"name": name} if type in BY_NAME else {"metric": metric}
    body |= {key: asked[key] for key in ("describedObject", "container") if key in asked}
    target = mapping(asked.get("target"), "target")
    body["target"] = {theirs: target[ours] for ours, theirs in TARGET.items() if target.get(ours) is not None}
    return {"type": type, TYPES[str(type)]: body}


def _workload(reference: Any, place: Place) -> str:
    return f"{str(get(reference, 'kind')).lower()}:{place.namespace}:{get(reference, 'name')}"


def _reference(id: Any, _place: Place) -> Object:
    kind = of_id(str(id))
    if kind is None:
        raise Invalid(f"{str(id)[:200]!r} is no workload", code="InvalidReference", field="workloadId")
    _, name = kind.locate(str(id))
    return {"apiVersion": kind.served.versions[0].name, "kind": kind.served.kind, "name": name}


AUTOSCALER = Kind(
    id="horizontalPodAutoscaler",
    plural="horizontalPodAutoscalers",
    served=Served(
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        (Version("autoscaling/v2", since=23), Version("autoscaling/v2beta2", since=12, until=22)),
    ),
    rules=(
        *described(Annotation("displayName")),
        Field("workloadId", ("spec", "scaleTargetRef"), "reference[workload]", show=_workload, make=_reference),
        *same("minReplicas", "maxReplicas", type="int", under=("spec",)),
        Metrics(),
        *(Shown(rule) for rule in same("currentReplicas", "desiredReplicas", type="int", under=("status",))),
        *(Shown(rule) for rule in same("observedGeneration", type="int", under=("status",))),
        Shown(move("lastScaleTime", "status", "lastScaleTime", type="date")),
        Shown(move("conditions", "status", "conditions", type="array[horizontalPodAutoscalerCondition]")),
    ),
)
