"""The registry of connections, whatever order the gateway's messages come in."""

from __future__ import annotations

from chalicelib.gateway.connections import KIND, LIFETIME, Connections
from tests.support.relay import CLUSTER, Edge


def test_the_newest_counts(edge: Edge) -> None:
    edge.connections.add(CLUSTER, "first")
    edge.clock.advance(0.01)
    edge.connections.add(CLUSTER, "second")
    assert edge.connections.find(CLUSTER) == "second"
    assert edge.connections.find("c-other") is None


def test_a_late_goodbye_does_not_remove_the_newer_one(edge: Edge) -> None:
    edge.connections.add(CLUSTER, "first")
    edge.clock.advance(1)
    edge.connections.add(CLUSTER, "second")
    edge.connections.remove("first")
    edge.connections.remove("first")
    assert edge.connections.find(CLUSTER) == "second"


def test_the_older_one_serves_again_when_the_newer_one_ends(edge: Edge) -> None:
    edge.connections.add(CLUSTER, "first")
    edge.clock.advance(1)
    edge.connections.add(CLUSTER, "second")
    edge.connections.remove("second")
    assert edge.connections.find(CLUSTER) == "first"


def test_a_retiring_one_is_used_only_if_there_is_no_other(edge: Edge) -> None:
    edge.connections.add(CLUSTER, "first")
    edge.connections.retire("first")
    assert edge.connections.find(CLUSTER) == "first"
    edge.clock.advance(-5)
    edge.connections.add(CLUSTER, "second")
    assert edge.connections.find(CLUSTER) == "second"
    edge.connections.retire("never-seen")


def test_a_repeated_connect_event_changes_nothing(edge: Edge) -> None:
    edge.connections.add(CLUSTER, "first")
    edge.connections.retire("first")
    edge.connections.add(CLUSTER, "first")
    assert edge.resources.get(KIND, "first").spec["retiring"] is True


def test_a_connection_without_a_goodbye_expires(edge: Edge) -> None:
    edge.connections.add(CLUSTER, "first")
    edge.clock.advance(LIFETIME)
    assert edge.connections.find(CLUSTER) == "first"
    edge.clock.advance(601)
    assert edge.connections.find(CLUSTER) is None


def test_another_gateways_connections_are_out_of_reach(edge: Edge) -> None:
    Connections(edge.resources, edge.clock, "https://elsewhere.test").add(CLUSTER, "there")
    assert edge.connections.find(CLUSTER) is None
