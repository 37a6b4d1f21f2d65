"""Services, and DNS records: two views of the same Kubernetes Services."""

from __future__ import annotations

import ipaddress
from typing import Any

from chalicelib.errors import Invalid
from chalicelib.mapping.kind import Kind, described
from chalicelib.mapping.paths import Object, Values, get, put, strings
from chalicelib.mapping.place import Place
from chalicelib.mapping.rules import Annotation, Field, Rules, Shown, move, same
from chalicelib.mapping.served import Served
from chalicelib.mapping.state import State, state

SPEC = ("spec",)
TARGETS = ("hostname", "ipAddresses", "targetWorkloadIds", "targetDnsRecordIds", "selector")
DUMMY_PORT = {"name": "default", "port": 42, "protocol": "TCP", "targetPort": 42}
"""A headless service of Kubernetes must have a port, even if nobody listens there."""

HEADLESS = "None"


class HostName(Field):
    """``spec.externalName``; having one makes the service a mere alias, and losing it makes it an ordinary one."""

    __slots__ = ()

    def write(self, values: Values, target: Object, place: Place) -> None:
        put(target, self.path, values[self.name] or None)
        if values[self.name]:
            put(target, ("spec", "type"), "ExternalName")
            put(target, ("spec", "clusterIP"), None)
        elif get(target, "spec", "type") == "ExternalName":
            put(target, ("spec", "type"), "ClusterIP")
            put(target, ("spec", "clusterIP"), HEADLESS)


def _address(value: Any, _place: Place) -> Any:
    return None if value == HEADLESS else value


COMMON: Rules = (
    *described(
        Annotation("ipAddresses", "array[string]"),
        Annotation("targetWorkloadIds", "array[reference[workload]]"),
        Annotation("targetDnsRecordIds", "array[reference[dnsRecord]]"),
        Shown(Annotation("publicEndpoints", "array[publicEndpoint]")),
    ),
    Shown(Field("workloadId", ("metadata", "labels", "field.cattle.io/workloadId"), "reference[workload]")),
    *same("selector", type="map[string]", under=SPEC),
)

HOST_NAME = HostName("hostname", ("spec", "externalName"))
CLUSTER_IP = Field("clusterIp", ("spec", "clusterIP"), show=_address)
PORTS = move("ports", "spec", "ports", type="array[servicePort]")


def check_targets(values: Values) -> None:
    """Refuse addresses that are none, or that lead back into the machine that asks."""
    for text in strings(values.get("ipAddresses"), "ipAddresses"):
        if not _is_usable(text):
            message = f"{text[:60]!r} is no IP address that pods can reach"
            raise Invalid(message, code="InvalidOption", field="ipAddresses")


def _is_usable(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return not (address.is_unspecified or address.is_loopback or address.is_link_local or address.is_multicast)


def _headless(values: Values, _place: Place) -> Values:
    if values.get("hostname"):
        return values
    if not any(values.get(name) for name in TARGETS):
        raise Invalid(f"one of {', '.join(TARGETS)} is needed", code="MissingRequired", field="hostname")
    return {**values, "ports": values.get("ports") or [DUMMY_PORT], "clusterIp": HEADLESS}


def service_state(source: Object, place: Place) -> State:
    if get(source, "metadata", "deletionTimestamp") or get(source, "spec", "type") != "LoadBalancer":
        return state(source, place)
    if get(source, "status", "loadBalancer", "ingress"):
        return state(source, place)
    return State("pending", "yes", "waiting for the load balancer's address")


SERVICE = Kind(
    id="service",
    plural="services",
    served=Served("Service", "services"),
    rules=(
        *COMMON,
        move("kind", "spec", "type", options=("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")),
        HOST_NAME,
        CLUSTER_IP,
        PORTS,
        *same("externalIPs", "loadBalancerSourceRanges", type="array[string]", under=SPEC),
        *same("externalTrafficPolicy", "loadBalancerIP", "sessionAffinity", under=SPEC),
        *same("healthCheckNodePort", type="int", under=SPEC),
        *same("publishNotReadyAddresses", type="boolean", under=SPEC),
        *same("sessionAffinityConfig", type="sessionAffinityConfig", under=SPEC),
    ),
    state=service_state,
    check=check_targets,
)

DNS_RECORD = Kind(
    id="dnsRecord",
    plural="dnsRecords",
    served=Served("Service", "services"),
    rules=(*COMMON, HOST_NAME, CLUSTER_IP, PORTS),
    state=service_state,
    defaults=_headless,
    check=check_targets,
)
