"""The seven kinds of workload in one shape: a pod template's fields on top, the kind's own in ``<kind>Config``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.mapping.claims import CLAIM_TEMPLATE
from chalicelib.mapping.kind import Kind
from chalicelib.mapping.paths import Object, Path, Values, get, mapping, put
from chalicelib.mapping.place import Place
from chalicelib.mapping.pod_spec import TEMPLATE
from chalicelib.mapping.rules import (
    Annotation,
    At,
    Each,
    Field,
    Hidden,
    Inside,
    Labels,
    Rule,
    Rules,
    Shown,
    move,
    same,
    with_annotations,
)
from chalicelib.mapping.served import Served, Version
from chalicelib.mapping.state import State, by_conditions, removing, state

SELECTOR = "workload.user.cattle.io/workloadselector"
LONGEST_LABEL = 63
UPGRADING = State("updating", "yes", "upgrading workload")

SPEC = ("spec",)
POD = ("spec", "template")
JOB = ("spec", "jobTemplate")
APPS = (Version("apps/v1"),)


@dataclass(frozen=True, slots=True)
class Strategy:
    """How pods are replaced. Only a rolling update has ``members``, and Kubernetes refuses them with another strategy."""

    path: Path
    members: tuple[str, ...]

    @property
    def fields(self) -> Mapping[str, str]:
        return {"strategy": "string", **dict.fromkeys(self.members, "intOrString")}

    def read(self, source: Object, values: Values, place: Place) -> None:
        stored = get(source, *self.path) or {}
        rolling = stored.get("rollingUpdate") or {}
        found = {"strategy": stored.get("type"), **{name: rolling.get(name) for name in self.members}}
        values |= {name: value for name, value in found.items() if value is not None}

    def write(self, values: Values, target: Object, place: Place) -> None:
        if "strategy" in values:
            put(target, (*self.path, "type"), values["strategy"])
        if get(target, *self.path, "type") not in (None, "RollingUpdate"):
            put(target, (*self.path, "rollingUpdate"), None)
            return
        for name in self.members:
            if name in values:
                put(target, (*self.path, "rollingUpdate", name), values[name])


def _object(template: Path, *rules: Rule) -> Rules:
    """What all have: labels and annotations twice, the object's and the template's, and the template."""
    endpoints = Shown(Annotation("publicEndpoints", "array[publicEndpoint]"))
    metrics = Annotation("workloadMetrics", "array[workloadMetric]")
    own: Rules = (
        Labels("workloadLabels", ("metadata", "labels")),
        *with_annotations("workloadAnnotations", endpoints, metrics),
    )
    pods: Rules = (
        Labels("labels", ("metadata", "labels")),
        *with_annotations("annotations", Hidden("ports")),
        *TEMPLATE,
    )
    return (*own, *rules, At(template, pods))


def _upgrading(source: Object, place: Place) -> State:
    """An error of a condition counts for more than that pods are still being replaced."""
    gone, found = removing(source, place), by_conditions(source)
    if gone or (found and found.transitioning == "error"):
        return gone or found or UPGRADING
    return UPGRADING if _is_behind(source) else state(source, place)


def _is_behind(source: Object) -> bool:
    status = source.get("status") or {}
    if status.get("observedGeneration", 0) < (get(source, "metadata", "generation") or 0):
        return True
    if source.get("kind") == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        return bool(min(status.get("numberReady", 0), status.get("updatedNumberScheduled", 0)) < wanted)
    wanted = get(source, "spec", "replicas")
    wanted = 1 if wanted is None else wanted
    return bool(status.get("readyReplicas", 0) != wanted or status.get("updatedReplicas", wanted) < wanted)


def selected(values: Values, place: Place, kind: str) -> Values:
    """A new workload without a selector gets one of its own, with the label that it asks for."""
    if values.get("selector"):
        return values
    label = {SELECTOR: _label(f"{kind}-{place.namespace}-{place.name}")}
    labels = {name: {**mapping(values.get(name), name), **label} for name in ("labels", "workloadLabels")}
    return {**values, **labels, "selector": {"matchLabels": label}}


def _label(text: str) -> str:
    """A label's value is short; a long one ends in a digest instead."""
    if len(text) <= LONGEST_LABEL:
        return text
    return f"{text[: LONGEST_LABEL - 9].rstrip('-.')}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _restarted(values: Values, _place: Place) -> Values:
    """Jobs can't restart always, which is what Kubernetes would take."""
    return {**values, "restartPolicy": values.get("restartPolicy") or "OnFailure"}


def _kind(name: str, versions: tuple[Version, ...], rules: Rules, *, upgrades: bool = False, job: bool = False) -> Kind:
    id = name[0].lower() + name[1:]
    return Kind(
        id=id,
        plural=f"{id}s",
        base="workload",
        prefix=name.lower(),
        served=Served(name, f"{name.lower()}s", versions),
        rules=(*rules, Shown(Field(f"{id}Status", ("status",), f"{id}Status"))),
        state=_upgrading if upgrades else state,
        defaults=_restarted if job else lambda values, place: selected(values, place, id),
    )


SELECTS: Rules = (move("selector", "spec", "selector", type="labelSelector"),)
SCALES: Rules = (move("scale", "spec", "replicas", type="int"),)

DEPLOYMENT = _kind(
    "Deployment",
    APPS,
    _object(
        POD,
        *SELECTS,
        *SCALES,
        *same("paused", type="boolean", under=SPEC),
        Inside(
            "deploymentConfig",
            (
                *same("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds", type="int", under=SPEC),
                Strategy(("spec", "strategy"), ("maxUnavailable", "maxSurge")),
            ),
            "deploymentConfig",
        ),
    ),
    upgrades=True,
)

STATEFUL_SET = _kind(
    "StatefulSet",
    APPS,
    _object(
        POD,
        *SELECTS,
        *SCALES,
        Inside(
            "statefulSetConfig",
            (
                *same("revisionHistoryLimit", type="int", under=SPEC),
                *same("podManagementPolicy", "serviceName", under=SPEC),
                Strategy(("spec", "updateStrategy"), ("partition",)),
                Each(
                    "volumeClaimTemplates",
                    ("spec", "volumeClaimTemplates"),
                    CLAIM_TEMPLATE,
                    type="array[persistentVolumeClaim]",
                ),
            ),
            "statefulSetConfig",
        ),
    ),
    upgrades=True,
)

DAEMON_SET = _kind(
    "DaemonSet",
    APPS,
    _object(
        POD,
        *SELECTS,
        Inside(
            "daemonSetConfig",
            (
                *same("minReadySeconds", "revisionHistoryLimit", type="int", under=SPEC),
                Strategy(("spec", "updateStrategy"), ("maxUnavailable",)),
            ),
            "daemonSetConfig",
        ),
    ),
    upgrades=True,
)

REPLICA_SET = _kind(
    "ReplicaSet",
    APPS,
    _object(
        POD,
        *SELECTS,
        *SCALES,
        Inside("replicaSetConfig", same("minReadySeconds", type="int", under=SPEC), "replicaSetConfig"),
    ),
)

REPLICATION_CONTROLLER = _kind(
    "ReplicationController",
    (Version("v1"),),
    _object(
        POD,
        Field(
            "selector",
            ("spec", "selector"),
            "labelSelector",
            show=lambda labels, _place: {"matchLabels": labels},
            make=lambda selector, _place: mapping(selector, "selector").get("matchLabels"),
        ),
        *SCALES,
        Inside(
            "replicationControllerConfig",
            same("minReadySeconds", type="int", under=SPEC),
            "replicationControllerConfig",
        ),
    ),
)

JOB_CONFIG: Rules = (
    *same("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", type="int", under=SPEC),
    *same("manualSelector", type="boolean", under=SPEC),
)

JOB_KIND = _kind(
    "Job", (Version("batch/v1"),), _object(POD, *SELECTS, Inside("jobConfig", JOB_CONFIG, "jobConfig")), job=True
)

CRON_JOB = _kind(
    "CronJob",
    (Version("batch/v1", since=21), Version("batch/v1beta1", until=20)),
    _object(
        (*JOB, *POD),
        Inside(
            "cronJobConfig",
            (
                *same("schedule", "concurrencyPolicy", "timeZone", under=SPEC),
                *same("suspend", type="boolean", under=SPEC),
                *same(
                    "startingDeadlineSeconds",
                    "successfulJobsHistoryLimit",
                    "failedJobsHistoryLimit",
                    type="int",
                    under=SPEC,
                ),
                At(JOB, (Inside("jobConfig", JOB_CONFIG, "jobConfig"),)),
                move("jobLabels", *JOB, "metadata", "labels", type="map[string]"),
                move("jobAnnotations", *JOB, "metadata", "annotations", type="map[string]"),
            ),
            "cronJobConfig",
        ),
    ),
    job=True,
)

KINDS = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, REPLICA_SET, REPLICATION_CONTROLLER, JOB_KIND, CRON_JOB)

CONFIGS: Mapping[str, Kind] = {f"{kind.id}Config": kind for kind in reversed(KINDS)}


def chosen(values: Values) -> Kind:
    """Which kind a caller means who creates a ``workload``: the one whose config is there, else a Deployment."""
    return next((kind for config, kind in CONFIGS.items() if values.get(config) is not None), DEPLOYMENT)


def of_id(id: str) -> Kind | None:
    """Which kind a workload's id (``deployment:default:web``) names."""
    return next((kind for kind in KINDS if id.startswith(f"{kind.prefix}:")), None)
