"""The registry of connections, whatever order the gateway's messages come in."""

from __future__ import annotations

from chalicelib.gateway.connections import LIFETIME, Connections
from tests.support.relay import CLUSTER, Edge


def newest(edge: Edge, cluster: str = CLUSTER) -> str:
    found = edge.connections.find(cluster)
    return found.connection if found else ""


def test_the_newest_counts(edge: Edge) -> None:
    edge.connections.add(CLUSTER, "first", "crt")
    edge.clock.advance(0.01)
    edge.connections.add(CLUSTER, "second", "crt")
    assert newest(edge) == "second"
    assert edge.connections.find("c-other") is None


def test_a_late_goodbye_does_not_remove_the_newer_one(edge: Edge) -> None:
    edge.connections.add(CLUSTER, "first", "crt")
    edge.clock.advance(1)
    edge.connections.add(CLUSTER, "second", "crt")
    edge.connections.remove("first")
    edge.connections.remove("first")
    assert newest(edge) == "second"


def test_the_older_one_serves_again_when_the_newer_one_ends(edge: Edge) -> None:
    edge.connections.add(CLUSTER, "first", "crt")
    edge.clock.advance(1)
    edge.connections.add(CLUSTER, "second", "crt")
    edge.connections.remove("second")
    assert newest(edge) == "first"


def test_a_repeated_connect_event_changes_nothing(edge: Edge) -> None:
    edge.connections.add(CLUSTER, "first", "crt")
    found = edge.connections.find(CLUSTER)
    edge.clock.advance(1)
    edge.connections.add(CLUSTER, "first", "crt")
    assert edge.connections.find(CLUSTER) == found


def test_a_goodbye_tells_whether_others_are_left(edge: Edge) -> None:
    for name in ("first", "second"):
        edge.connections.add(CLUSTER, name, "crt")
    assert edge.connections.remove("first") == (CLUSTER, False)
    assert edge.connections.remove("second") == (CLUSTER, True)
    assert edge.connections.remove("second") == (CLUSTER, True)
    assert edge.connections.remove("a caller's") == ("", False)


def test_a_dead_one_is_dropped(edge: Edge) -> None:
    edge.connections.add(CLUSTER, "first", "crt")
    edge.connections.drop(CLUSTER, "first")
    edge.connections.drop(CLUSTER, "first")
    assert edge.connections.find(CLUSTER) is None
    assert edge.connections.clusters() == set()


def test_clusters_do_not_mix_up_however_many_connections_they_have(edge: Edge) -> None:
    names = ("c-a", "c-aa", "c-ab", "c-b")
    for cluster in names:
        for number in range(20):
            edge.connections.add(cluster, f"{cluster}-{number:02}", "crt")
    for cluster in names:
        assert edge.connections.all(cluster) == [f"{cluster}-{number:02}" for number in range(20)]
    assert edge.connections.clusters() == set(names)


def test_a_connection_without_a_goodbye_expires(edge: Edge) -> None:
    edge.connections.add(CLUSTER, "first", "crt")
    edge.clock.advance(LIFETIME)
    assert newest(edge) == "first"
    edge.clock.advance(601)
    assert edge.connections.find(CLUSTER) is None


def test_another_gateways_connections_are_out_of_reach(edge: Edge) -> None:
    Connections(edge.resources, edge.clock, "https://elsewhere.test").add(CLUSTER, "there", "crt")
    assert edge.connections.find(CLUSTER) is None


def test_those_of_one_token_are_found(edge: Edge) -> None:
    """What an older version has written down may be of any."""
    edge.connections.add(CLUSTER, "first", "one")
    edge.connections.add(CLUSTER, "second", "two")
    edge.connections.add(CLUSTER, "unknown", "")
    assert edge.connections.all(CLUSTER, "one") == ["first", "unknown"]
    assert edge.connections.all(CLUSTER) == ["first", "second", "unknown"]
