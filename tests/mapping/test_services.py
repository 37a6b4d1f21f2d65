"""Services and DNS records: what each gets without being asked, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.errors import Invalid
from chalicelib.mapping.services import DNS_RECORD, DUMMY_PORT, SERVICE

NAMED = {"name": "n", "namespaceId": "default"}


def test_a_dns_record_is_headless_with_a_dummy_port() -> None:
    made = DNS_RECORD.to_kubernetes({**NAMED, "ipAddresses": ["10.1.2.3"]})
    assert made["spec"] == {"clusterIP": "None", "ports": [DUMMY_PORT]}
    assert made["metadata"]["annotations"] == {"field.cattle.io/ipAddresses": '["10.1.2.3"]'}
    shown = DNS_RECORD.to_v3(made)
    assert shown.get("clusterIp") is None
    assert shown["ipAddresses"] == ["10.1.2.3"]


def test_a_host_name_makes_an_alias_and_its_loss_a_headless_service() -> None:
    made = DNS_RECORD.to_kubernetes({**NAMED, "hostname": "example.org"})
    assert made["spec"] == {"externalName": "example.org", "type": "ExternalName"}
    again = DNS_RECORD.to_kubernetes({"hostname": None, "selector": {"a": "b"}}, made)
    assert again["spec"] == {"clusterIP": "None", "type": "ClusterIP", "selector": {"a": "b"}}


@pytest.mark.parametrize(
    "address",
    [
        "",
        "x",
        "0.0.0.0",  # noqa: S104 # refused, not bound to
        "::",
        "127.0.0.1",
        "::1",
        "169.254.169.254",
        "fe80::1",
        "::ffff:127.0.0.1",
        "224.0.0.1",
    ],
)
@pytest.mark.parametrize("kind", [SERVICE, DNS_RECORD], ids=["service", "dnsRecord"])
def test_addresses_that_lead_nowhere_or_back_are_refused(kind: Any, address: str) -> None:
    with pytest.raises(Invalid) as refused:
        kind.to_kubernetes({**NAMED, "ipAddresses": [address]})
    assert (refused.value.code, refused.value.field) == ("InvalidOption", "ipAddresses")


def test_a_record_of_nothing_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        DNS_RECORD.to_kubernetes(NAMED)
    assert refused.value.code == "MissingRequired"


@pytest.mark.parametrize(
    ("type", "status", "state"),
    [
        ("ClusterIP", {}, "active"),
        ("LoadBalancer", {"loadBalancer": {}}, "pending"),
        ("LoadBalancer", {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}, "active"),
    ],
)
def test_state(type: str, status: dict[str, Any], state: str) -> None:
    source = {"metadata": {"name": "n", "namespace": "d"}, "spec": {"type": type}, "status": status}
    assert SERVICE.to_v3(source)["state"] == state
