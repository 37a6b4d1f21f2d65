"""Projects, their quotas, and the policies that can be chosen for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.errors import Invalid
from chalicelib.schema.field import (
    DESCRIPTION,
    IN_CLUSTER,
    Field,
    flag,
    label,
    listed,
    nested,
    number,
    read_only,
    ref,
    text,
)
from chalicelib.schema.kind import Action, Kind, part
from chalicelib.schema.quantity import quantity

QUOTA_NAMES = (
    *("pods", "services", "replicationControllers", "secrets", "configMaps", "persistentVolumeClaims"),
    *("servicesNodePorts", "servicesLoadBalancers", "requestsCpu", "requestsMemory", "requestsStorage"),
    *("limitsCpu", "limitsMemory"),
)
LIMIT = part("resourceQuotaLimit", **{name: text(64) for name in QUOTA_NAMES})
QUOTA = part(
    "projectResourceQuota", limit=nested(LIMIT), usedLimit=read_only("resourceQuotaLimit", place="spec", part=LIMIT)
)
NAMESPACE_QUOTA = part("namespaceResourceQuota", limit=nested(LIMIT))
CONTAINER_NAMES = ("requestsCpu", "requestsMemory", "limitsCpu", "limitsMemory")
CONTAINER_LIMIT = part("containerResourceLimit", **{name: text(64) for name in CONTAINER_NAMES})
SET_POLICY = part("setPodSecurityPolicyTemplateInput", podSecurityPolicyTemplateId=ref("podSecurityPolicyTemplate"))
DEFAULT_QUOTA = "namespaceDefaultResourceQuota"
CONTAINERS = "containerDefaultResourceLimit"


def _quotas_fit(values: Mapping[str, Any]) -> None:
    """A namespace's default must come with a project's quota, name the same resources, and fit into it."""
    whole, each = limits(values.get("resourceQuota")), limits(values.get(DEFAULT_QUOTA))
    if whole.keys() != each.keys():
        raise Invalid(
            "resourceQuota and namespaceDefaultResourceQuota limit the same resources",
            code="MissingRequired",
            field=DEFAULT_QUOTA,
        )
    over = [
        f"{name}={each[name]}"
        for name in sorted(each)
        if quantity(each[name], DEFAULT_QUOTA) > quantity(whole[name], "resourceQuota")
    ]
    if over:
        message = f"exceeds resourceQuota on fields: {','.join(over)}"
        raise Invalid(message, code="MaxLimitExceeded", field=DEFAULT_QUOTA)


def _containers_fit(values: Mapping[str, Any]) -> None:
    """Kubernetes refuses a request beyond the limit."""
    given = {name: value for name, value in (values.get(CONTAINERS) or {}).items() if value}
    amounts = {name: quantity(value, CONTAINERS) for name, value in given.items()}
    for resource in ("Cpu", "Memory"):
        asked, most = amounts.get(f"requests{resource}"), amounts.get(f"limits{resource}")
        if asked is not None and most is not None and asked > most:
            message = f"requests{resource} is more than limits{resource}"
            raise Invalid(message, code="MaxLimitExceeded", field=CONTAINERS)


def limits(quota: Any) -> dict[str, str]:
    """The amounts of a quota, without those that say nothing."""
    limit = (quota or {}).get("limit") or {}
    return {name: value for name, value in limit.items() if value}


PROJECT = Kind(
    id="project",
    parent="clusterId",
    named=True,
    stateful=True,
    fields={
        **IN_CLUSTER,
        "name": text(253, required=True, nullable=False),
        "description": DESCRIPTION,
        "resourceQuota": nested(QUOTA),
        DEFAULT_QUOTA: nested(NAMESPACE_QUOTA),
        CONTAINERS: nested(CONTAINER_LIMIT),
        "podSecurityPolicyTemplateId": read_only("reference[podSecurityPolicyTemplate]"),
    },
    actions={
        "setpodsecuritypolicytemplate": Action(SET_POLICY, "project", reading=True),
        "exportYaml": Action(reading=True),
    },
    validators=(_quotas_fit, _containers_fit),
)

ID_RANGE = part("idRange", min=number(), max=number())
RANGES = part("podSecurityPolicyRange", rule=text(64), ranges=listed(ID_RANGE))
PORTS = part("hostPortRange", min=number(None, 0, 65535), max=number(None, 0, 65535))
SELINUX = part(
    "seLinuxStrategyOptions",
    rule=text(64),
    seLinuxOptions=nested(part("seLinuxOptions", level=text(), role=text(), type=text(), user=text())),
)

POLICY_TEMPLATE = Kind(
    id="podSecurityPolicyTemplate",
    fields={
        "name": label(update=False, required=True),
        "description": DESCRIPTION,
        "privileged": flag(False),
        "hostNetwork": flag(False),
        "hostPID": flag(False),
        "hostIPC": flag(False),
        "hostPorts": listed(PORTS),
        "volumes": listed(),
        "allowedCapabilities": listed(),
        "defaultAddCapabilities": listed(),
        "requiredDropCapabilities": listed(),
        "allowPrivilegeEscalation": flag(True),
        "defaultAllowPrivilegeEscalation": flag(),
        "readOnlyRootFilesystem": flag(False),
        "allowedFlexVolumes": listed(part("allowedFlexVolume", driver=text())),
        "allowedHostPaths": listed(part("allowedHostPath", pathPrefix=text(), readOnly=flag(False))),
        "allowedUnsafeSysctls": listed(),
        "forbiddenSysctls": listed(),
        "fsGroup": nested(RANGES),
        "runAsUser": nested(RANGES),
        "runAsGroup": nested(RANGES),
        "supplementalGroups": nested(RANGES),
        "seLinux": nested(SELINUX),
    },
)

POLICY_BINDING = Kind(
    id="podSecurityPolicyTemplateProjectBinding",
    parent="targetProjectId",
    falls_with=("podSecurityPolicyTemplateId",),
    fields={
        "name": label(update=False),
        "podSecurityPolicyTemplateId": ref("podSecurityPolicyTemplate", required=True, update=False),
        "targetProjectId": ref("project", required=True, update=False),
    },
    resource_methods=("GET", "DELETE"),
)

NETWORK_POLICY = Kind(
    id="projectNetworkPolicy",
    parent="projectId",
    stateful=True,
    fields={
        "projectId": Field("reference[project]", create=False, update=False),
        "name": read_only(),
        "description": read_only(),
    },
    collection_methods=("GET",),
    resource_methods=("GET",),
)

KINDS = (PROJECT, POLICY_TEMPLATE, POLICY_BINDING, NETWORK_POLICY)
