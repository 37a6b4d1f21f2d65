"""Alerts, and who is told of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.schema.field import (
    DESCRIPTION,
    IN_CLUSTER,
    IN_PROJECT,
    Field,
    enum,
    flag,
    hostname,
    listed,
    mapped,
    nested,
    number,
    read_only,
    ref,
    secret,
    text,
)
from chalicelib.schema.kind import Action, Kind, part
from chalicelib.types import Resource

LATER = "Lariat does not watch for alerts yet"
NOT_SENT = "Lariat does not send notifications yet"

SLACK = part("slackConfig", url=secret(required=True), defaultRecipient=text(), proxyUrl=text(4096))
SMTP = part(
    "smtpConfig",
    host=hostname(required=True),
    port=number(587, 1, 65535),
    username=text(),
    password=secret(),
    sender=text(),
    defaultRecipient=text(),
    tls=flag(True),
)
PAGERDUTY = part("pagerdutyConfig", serviceKey=secret(required=True), proxyUrl=text(4096))
WEBHOOK = part("webhookConfig", url=secret(required=True), proxyUrl=text(4096))
WECHAT = part(
    "wechatConfig",
    secret=secret(required=True),
    agent=text(),
    corp=text(),
    recipientType=enum("tag", "party", "user", default="party"),
    defaultRecipient=text(),
    proxyUrl=text(4096),
)
CONFIGS = {
    "slackConfig": nested(SLACK),
    "smtpConfig": nested(SMTP),
    "pagerdutyConfig": nested(PAGERDUTY),
    "webhookConfig": nested(WEBHOOK),
    "wechatConfig": nested(WECHAT),
}
NOTIFICATION = part("notification", message=text(4096), **CONFIGS)
SEND = {"send": Action(NOTIFICATION, later=NOT_SENT)}

NOTIFIER = Kind(
    id="notifier",
    parent="clusterId",
    named=True,
    stateful=True,
    fields={
        **IN_CLUSTER,
        "name": text(253, required=True, nullable=False),
        "description": DESCRIPTION,
        **CONFIGS,
    },
    actions=SEND,
    collection_actions=SEND,
    later=NOT_SENT,
)

RECIPIENT = part(
    "recipient",
    notifierId=ref("notifier"),
    notifierType=enum("slack", "email", "pagerduty", "webhook", "wechat"),
    recipient=text(4096),
)
NODE_TARGET = part(
    "targetNode",
    nodeId=ref("node"),
    selector=mapped(),
    condition=enum("notready", "mem", "cpu", default="notready"),
    cpuThreshold=number(70, 1),
    memThreshold=number(70, 1, 100),
)
SERVICE_TARGET = part(
    "targetSystemService", condition=enum("etcd", "controller-manager", "scheduler", default="scheduler")
)
EVENT_TARGET = part(
    "targetEvent",
    eventType=enum("Normal", "Warning", default="Warning"),
    resourceKind=enum("Pod", "Node", "Deployment", "StatefulSet", "DaemonSet"),
)
POD_TARGET = part(
    "targetPod",
    podId=text(required=True),
    condition=enum("notrunning", "notscheduled", "restarts", default="notrunning"),
    restartTimes=number(3, 1),
    restartIntervalSeconds=number(300, 1),
)
WORKLOAD_TARGET = part(
    "targetWorkload",
    workloadId=text(),
    type=enum("deployment", "statefulset", "daemonset"),
    selector=mapped(),
    availablePercentage=number(70, 1, 100),
)
METRIC = part(
    "metricRule",
    expression=text(4096, required=True),
    description=DESCRIPTION,
    comparison=enum("equal", "not-equal", "greater-than", "less-than", "greater-or-equal", "less-or-equal"),
    duration=text(16),
    thresholdValue=Field("float"),
)

SEVERITY = enum("info", "critical", "warning", default="critical")
TIMES: dict[str, Field] = {
    "initialWaitSeconds": number(180, 0),
    "repeatIntervalSeconds": number(3600, 0),
}
CLUSTER_TARGETS = {
    "targetNode": nested(NODE_TARGET),
    "targetSystemService": nested(SERVICE_TARGET),
    "targetEvent": nested(EVENT_TARGET),
}
PROJECT_TARGETS = {"targetPod": nested(POD_TARGET), "targetWorkload": nested(WORKLOAD_TARGET)}
NAMED: dict[str, Field] = {"name": text(253, required=True, nullable=False), "description": DESCRIPTION}
ALERT_STATE = read_only("enum", options=("active", "inactive", "alerting", "muted"), default="active")


def alert_state(alert: Resource) -> str:
    return str(alert.status.get("alertState") or "active")


def _shown_state(alert: Resource) -> dict[str, str]:
    return {} if alert.removed else {"state": alert_state(alert)}


def _in(*states: str) -> Any:
    return lambda alert: alert_state(alert) in states


SWITCHES = {
    "activate": Action(when=_in("inactive")),
    "deactivate": Action(when=_in("active")),
    "mute": Action(when=_in("alerting")),
    "unmute": Action(when=_in("muted")),
}


def _alert(id: str, scope: Mapping[str, Field], fields: dict[str, Field], *, switches: bool = True) -> Kind:
    return Kind(
        id=id,
        parent=next(iter(scope)),
        named=True,
        stateful=True,
        fields={**scope, **NAMED, **fields, "alertState": ALERT_STATE},
        actions=SWITCHES if switches else {},
        formatters=(_shown_state,) if switches else (),
        later=LATER,
    )


RECIPIENTS = listed(RECIPIENT, required=True)
RULE: dict[str, Field] = {"groupId": text(512), "severity": SEVERITY, "inherited": flag(True), **TIMES}

CLUSTER_ALERT = _alert(
    "clusterAlert", IN_CLUSTER, {"severity": SEVERITY, "recipients": RECIPIENTS, **TIMES, **CLUSTER_TARGETS}
)
PROJECT_ALERT = _alert(
    "projectAlert", IN_PROJECT, {"severity": SEVERITY, "recipients": RECIPIENTS, **TIMES, **PROJECT_TARGETS}
)
GROUP: dict[str, Field] = {"recipients": listed(RECIPIENT), **TIMES}
CLUSTER_GROUP = _alert("clusterAlertGroup", IN_CLUSTER, GROUP, switches=False)
PROJECT_GROUP = _alert("projectAlertGroup", IN_PROJECT, GROUP, switches=False)
CLUSTER_RULE = _alert(
    "clusterAlertRule",
    IN_CLUSTER,
    {
        **RULE,
        "nodeRule": nested(NODE_TARGET),
        "systemServiceRule": nested(SERVICE_TARGET),
        "eventRule": nested(EVENT_TARGET),
        "metricRule": nested(METRIC),
    },
)
PROJECT_RULE = _alert(
    "projectAlertRule",
    IN_PROJECT,
    {**RULE, "podRule": nested(POD_TARGET), "workloadRule": nested(WORKLOAD_TARGET), "metricRule": nested(METRIC)},
)

KINDS = (
    NOTIFIER,
    CLUSTER_ALERT,
    PROJECT_ALERT,
    CLUSTER_GROUP,
    PROJECT_GROUP,
    CLUSTER_RULE,
    PROJECT_RULE,
)
