"""Lariat's own requests to a cluster."""

from __future__ import annotations

import pytest

from chalicelib.auth.identity import CONTROLLER
from chalicelib.clusters.client import LONGEST, Answer, ClusterClient
from chalicelib.errors import ClusterUnavailable
from tests.support.transport import VERSION, MemoryCluster, MemoryTransport, answer, failure

THINGS = "/apis/example/v1/things"
THING = {"metadata": {"name": "one"}, "value": 1}


@pytest.fixture
def transport() -> MemoryTransport:
    return MemoryTransport()


@pytest.fixture
def cluster(transport: MemoryTransport) -> MemoryCluster:
    return transport.add("c-1")


@pytest.fixture
def client(transport: MemoryTransport) -> ClusterClient:
    return ClusterClient(transport)


def test_connected_or_not(client: ClusterClient, cluster: MemoryCluster) -> None:
    assert client.connected("c-1") is True
    assert client.connected("c-2") is False


def test_the_version(client: ClusterClient, cluster: MemoryCluster) -> None:
    assert client.version("c-1") == VERSION


@pytest.mark.parametrize(
    "wrong",
    [
        failure(500, "etcd is down"),
        failure(403, "no"),
        answer(200, {}),
        answer(200, []),
        Answer(200, b""),
        Answer(200, b"<html>"),
        Answer(200, b"\xff"),
        Answer(200, b"[" * 100_000),
        answer(200, {"gitVersion": ""}),
        answer(200, {"gitVersion": {"deep": [[[]]]}}),
    ],
)
def test_an_answer_without_a_version(client: ClusterClient, cluster: MemoryCluster, wrong: Answer) -> None:
    cluster.version = wrong
    with pytest.raises(ClusterUnavailable, match=rf"^its API server answers {wrong.status} to GET /version$"):
        client.version("c-1")


def test_of_what_a_cluster_says_as_much_is_kept_as_there_is_to_say(
    client: ClusterClient, cluster: MemoryCluster
) -> None:
    cluster.version = answer(200, {"gitVersion": "v" * 10**6, "major": "\ud800", "more": "x" * 10**6, "minor": [[]]})
    assert client.version("c-1") == {"gitVersion": "v" * LONGEST, "major": "?"}
    cluster.refusal = failure(403, "\udfff" * 10**6)
    with pytest.raises(ClusterUnavailable) as caught:
        client.ensure("c-1", THINGS, THING)
    assert caught.value.message == f"creating one was answered 403: {'?' * LONGEST}"


def test_without_an_agent_nothing_is_asked(client: ClusterClient, cluster: MemoryCluster) -> None:
    cluster.connected = False
    with pytest.raises(ClusterUnavailable):
        client.version("c-1")
    assert cluster.requests == []


def test_an_object_is_created(client: ClusterClient, cluster: MemoryCluster) -> None:
    client.ensure("c-1", THINGS, THING)
    assert cluster.objects == {f"{THINGS}/one": THING}


def test_an_object_that_is_there_stays_as_it_is(client: ClusterClient, cluster: MemoryCluster) -> None:
    client.ensure("c-1", THINGS, {**THING, "value": 2})
    client.ensure("c-1", THINGS, THING)
    assert cluster.objects[f"{THINGS}/one"]["value"] == 2


def test_an_object_is_deleted_and_may_be_gone_already(client: ClusterClient, cluster: MemoryCluster) -> None:
    client.ensure("c-1", THINGS, THING)
    client.withdraw("c-1", f"{THINGS}/one")
    client.withdraw("c-1", f"{THINGS}/one")
    assert cluster.objects == {}


def test_a_refusal_is_told(client: ClusterClient, cluster: MemoryCluster) -> None:
    cluster.refusal = failure(403, "things are closed")
    with pytest.raises(ClusterUnavailable, match="creating one was answered 403: things are closed"):
        client.ensure("c-1", THINGS, THING)
    with pytest.raises(ClusterUnavailable, match="was answered 403"):
        client.withdraw("c-1", f"{THINGS}/one")


def test_every_request_impersonates_the_controller(client: ClusterClient, cluster: MemoryCluster) -> None:
    client.version("c-1")
    client.ensure("c-1", THINGS, THING)
    client.withdraw("c-1", f"{THINGS}/one")
    assert len(cluster.requests) == 3
    for head in cluster.requests:
        assert ("impersonate-user", CONTROLLER) in head.headers
        assert ("impersonate-group", "system:masters") in head.headers
