"""Projects, their quotas, and the policies that can be chosen for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.errors import Invalid
from chalicelib.schema.field import DESCRIPTION, Field, flag, label, listed, nested, number, read_only, ref, text
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
SET_POLICY = part("setPodSecurityPolicyTemplateInput", podSecurityPolicyTemplateId=ref("podSecurityPolicyTemplate"))
DEFAULT_QUOTA = "namespaceDefaultResourceQuota"


def _quotas_fit(values: Mapping[str, Any]) -> None:
    """A namespace's default must come with a project's quota, name the same resources, and fit into it."""
    whole, each = limits(values.get("resourceQuota")), limits(values.get(DEFAULT_QUOTA))
    if whole.keys() != each.keys():
        raise Invalid(
            "resourceQuota and namespaceDefaultResourceQuota limit the same resources",
            code="MissingRequired",
            field=DEFAULT_QUOTA,
        )
    over = [f"{name}={each[name]}" for name in sorted(each) if quantity(each[name]) > quantity(whole[name])]
    if over:
        message = f"exceeds resourceQuota on fields: {','.join(over)}"
        raise Invalid(message, code="MaxLimitExceeded", field=DEFAULT_QUOTA)


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
        "clusterId": ref("cluster", update=False, required=True),
        "name": text(253, required=True, nullable=False),
        "description": DESCRIPTION,
        "resourceQuota": nested(QUOTA),
        DEFAULT_QUOTA: nested(NAMESPACE_QUOTA),
        "podSecurityPolicyTemplateId": read_only("reference[podSecurityPolicyTemplate]"),
    },
    actions={
        "setpodsecuritypolicytemplate": Action(SET_POLICY, "project", later="Lariat does not set policies yet"),
        "exportYaml": Action(later="exporting a project is not there yet"),
    },
    validators=(_quotas_fit,),
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
    later="Lariat does not make network policies yet",
)

KINDS = (PROJECT, POLICY_TEMPLATE, POLICY_BINDING, NETWORK_POLICY)
