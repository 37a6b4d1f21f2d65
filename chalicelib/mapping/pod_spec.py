"""A pod's specification, which v3 shows flat in pods and workloads alike."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.mapping.containers import Containers
from chalicelib.mapping.paths import Object, Values, put
from chalicelib.mapping.place import Place
from chalicelib.mapping.rules import At, Field, Rules, move, same
from chalicelib.mapping.scheduling import SCHEDULING, node_id, node_name
from chalicelib.mapping.volumes import VOLUMES

SECURITY = "securityContext"


class Account:
    """``serviceAccount`` is Kubernetes' old name of the same, which would win over a cleared new one."""

    @property
    def fields(self) -> Mapping[str, str]:
        return {"serviceAccountName": "string"}

    def read(self, source: Object, values: Values, place: Place) -> None:
        if source.get("serviceAccountName"):
            values["serviceAccountName"] = source["serviceAccountName"]

    def write(self, values: Values, target: Object, place: Place) -> None:
        put(target, ("serviceAccount",), None)
        put(target, ("serviceAccountName",), values["serviceAccountName"])


SPEC: Rules = (
    *same("activeDeadlineSeconds", "terminationGracePeriodSeconds", type="int"),
    *same(
        "automountServiceAccountToken",
        "enableServiceLinks",
        "hostIPC",
        "hostNetwork",
        "hostPID",
        "shareProcessNamespace",
        type="boolean",
    ),
    move("dnsPolicy", "dnsPolicy", options=("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")),
    move("restartPolicy", "restartPolicy", options=("Always", "OnFailure", "Never")),
    *same("hostname", "subdomain", "runtimeClassName"),
    *same("dnsConfig", type="podDNSConfig"),
    *same("hostAliases", type="array[hostAlias]"),
    *same("imagePullSecrets", type="array[localObjectReference]"),
    *same("readinessGates", type="array[podReadinessGate]"),
    Account(),
    Field(
        "nodeId",
        ("nodeName",),
        "reference[/v3/schemas/node]",
        show=lambda name, place: node_id(name, place) if name else None,
        make=lambda id, _place: node_name(id),
    ),
    move("uid", SECURITY, "runAsUser", type="int"),
    move("gids", SECURITY, "supplementalGroups", type="array[int]"),
    move("fsgid", SECURITY, "fsGroup", type="int"),
    *same("runAsGroup", type="int", under=(SECURITY,)),
    *same("runAsNonRoot", type="boolean", under=(SECURITY,)),
    *same("sysctls", type="array[sysctl]", under=(SECURITY,)),
    SCHEDULING,
    VOLUMES,
)

TEMPLATE: Rules = (At(("spec",), SPEC), Containers())
"""For a pod, and for what pods are made from."""
