"""Ports of containers: names, DNS names, and the annotation that says how each is offered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Invalid
from chalicelib.mapping import ports
from chalicelib.mapping.paths import get
from chalicelib.mapping.workloads import DEPLOYMENT


def completed(**port: Any) -> dict[str, Any]:
    return ports.completed([port], "web")[0]


@pytest.mark.parametrize(
    ("port", "name", "dns"),
    [
        (
            {"containerPort": 80, "kind": "NodePort", "sourcePort": 30080, "protocol": "TCP"},
            "80tcp300801",
            "web-nodeport",
        ),
        ({"containerPort": 80, "kind": "ClusterIP", "sourcePort": 0, "protocol": "TCP"}, "80tcp02", "web"),
        ({"containerPort": 53, "kind": "HostPort", "sourcePort": 53, "protocol": "UDP"}, "53udp530", "web-hostport"),
        ({"containerPort": 80, "kind": "LoadBalancer", "sourcePort": 8080}, "80tcp80803", "web-loadbalancer"),
        ({"containerPort": 80}, "80tcp2", "web"),
        ({"containerPort": 80, "name": "http", "dnsName": "other"}, "http", "other"),
        (
            {"containerPort": 80, "name": "80tcp02", "kind": "NodePort", "sourcePort": 0, "dnsName": "web"},
            "80tcp01",
            "web-nodeport",
        ),
    ],
)
def test_names(port: dict[str, Any], name: str, dns: str) -> None:
    made = completed(**port)
    assert (made["name"], made["dnsName"]) == (name, dns)


@pytest.mark.parametrize(
    "wrong",
    [
        [{"containerPort": 80}, {"containerPort": 80}],
        [{"containerPort": "80"}],
        [{"kind": "ClusterIP"}],
        [{"containerPort": 80, "kind": "Magic"}],
    ],
)
def test_what_is_refused(wrong: list[dict[str, Any]]) -> None:
    with pytest.raises(Invalid) as refused:
        ports.completed(wrong, "web")
    assert refused.value.code == "InvalidOption"


def deployment(*containers: dict[str, Any]) -> dict[str, Any]:
    return {"name": "web", "namespaceId": "default", "containers": list(containers)}


def container(name: str, *ports: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"name": name, "image": "i", "ports": list(ports), **others}


def noted(source: dict[str, Any]) -> Any:
    text = get(source, "spec", "template", "metadata", "annotations", ports.ANNOTATION)
    return None if text is None else json.loads(text)


def test_the_annotation_has_a_list_for_each_container() -> None:
    made = DEPLOYMENT.to_kubernetes(
        deployment(container("a"), container("init", initContainer=True), container("b", {"containerPort": 1}))
    )
    assert [len(items) for items in noted(made)] == [0, 1]
    assert DEPLOYMENT.to_v3(made)["containers"][1]["ports"][0]["dnsName"] == "web"


def test_host_ports_are_kubernetes_own() -> None:
    port = {"containerPort": 53, "kind": "HostPort", "sourcePort": 5353, "protocol": "UDP", "hostIp": "127.0.0.1"}
    made = DEPLOYMENT.to_kubernetes(deployment(container("a", port)))
    expected = {"name": "53udp53530", "containerPort": 53, "hostPort": 5353, "protocol": "UDP", "hostIP": "127.0.0.1"}
    assert get(made, "spec", "template", "spec")["containers"][0]["ports"] == [expected]


NATIVE: dict[str, Any] = {
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"template": {"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "http"}]}]}}},
}


def test_ports_that_nobody_changes_get_no_annotation() -> None:
    shown = DEPLOYMENT.to_v3(NATIVE)["containers"]
    assert shown[0]["ports"] == [{"containerPort": 80, "name": "http", "kind": "ClusterIP"}]
    made = DEPLOYMENT.to_kubernetes({"containers": [{**shown[0], "image": "new"}, container("side")]}, NATIVE)
    assert noted(made) is None
    assert get(made, "spec", "template", "spec")["containers"][0]["ports"] == [{"containerPort": 80, "name": "http"}]


def test_a_port_changed_behind_the_annotation_counts() -> None:
    made = DEPLOYMENT.to_kubernetes(
        deployment(container("a", {"containerPort": 80, "name": "http", "kind": "NodePort"}))
    )
    get(made, "spec", "template", "spec")["containers"][0]["ports"][0]["containerPort"] = 81
    assert DEPLOYMENT.to_v3(made)["containers"][0]["ports"][0]["kind"] == "ClusterIP"


@pytest.mark.parametrize("text", ["", "{", "[1, null]", "7", '[[{"name": {}}]]', "[" * 5000])
def test_a_spoilt_annotation_does_no_harm(text: str) -> None:
    source = json.loads(json.dumps(NATIVE))
    source["spec"]["template"]["metadata"] = {"annotations": {ports.ANNOTATION: text}}
    assert DEPLOYMENT.to_v3(source)["containers"][0]["ports"][0]["kind"] == "ClusterIP"


port_values = st.fixed_dictionaries(
    {"containerPort": st.integers(1, 65535), "kind": st.sampled_from(ports.KINDS), "sourcePort": st.integers(1, 65535)},
    optional={"protocol": st.sampled_from(["TCP", "UDP", "SCTP"]), "dnsName": st.just("own")},
)
containers = st.lists(
    st.lists(port_values, max_size=3, unique_by=lambda port: port["containerPort"]), min_size=1, max_size=3
)


@given(containers)
def test_ports_round_trip(lists: list[list[dict[str, Any]]]) -> None:
    asked = [container(f"c{at}", *items) for at, items in enumerate(lists)]
    made = DEPLOYMENT.to_kubernetes(deployment(*asked))
    shown = DEPLOYMENT.to_v3(made)["containers"]
    for one, other in zip(shown, asked, strict=True):
        for port, wanted in zip(one.get("ports", []), other["ports"], strict=True):
            assert {**port, **wanted} == port
            assert len(port["name"]) <= 15
    assert DEPLOYMENT.to_kubernetes({"containers": shown}, made) == made
