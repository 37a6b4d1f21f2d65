"""A registration token that leaked is deleted: whoever came in by it is out at once and for good, others are not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from tests.kubernetes.cluster import Cluster
from tests.support.lariat import Agent, Client, Imported, Lariat, eventually

pytestmark = pytest.mark.cluster

REFUSED = "the registration token is unknown"


@contextmanager
def second(imported: Imported, cluster: Cluster) -> Iterator[tuple[Agent, str]]:
    """Another agent of the same cluster with a token of its own, whose path is told too."""
    made = imported.admin.post("/v3/clusterregistrationtokens", json={"clusterId": imported.id}).json()
    lariat = imported.lariat
    agent = Agent(lariat, made["token"], cluster.kubeconfig, lariat.folder / "second.log")
    try:
        eventually(lambda: "is connected to" in agent.output, "the second agent is connected")
        yield agent, f"/v3/clusterregistrationtokens/{made['id']}"
    finally:
        agent.stop()


def test_a_deleted_token_ends_its_tunnel_alone(
    lariat: Lariat, admin: Client, imported: Imported, cluster: Cluster
) -> None:
    inside = f"/k8s/clusters/{imported.id}/api/v1"
    with second(imported, cluster) as (thief, token):
        with admin.get(f"{inside}/configmaps?watch=true", stream=True, timeout=20) as watch:
            assert watch.status_code == 200
            assert admin.delete(token).status_code == 204
            # The newest agent carries it, which is the one that has to go.
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                list(watch.iter_content(None))
        assert admin.get(f"{inside}/namespaces/default").status_code == 200
        eventually(lambda: REFUSED in thief.output, "the agent is refused when it comes back")
    assert imported.agent is not None
    assert "the tunnel is lost" not in imported.agent.output
    assert imported.show()["state"] == "active"


def test_an_agent_whose_last_token_is_deleted_does_not_come_back(
    lariat: Lariat, admin: Client, imported: Imported, cluster: Cluster
) -> None:
    agent = imported.agent
    assert agent is not None
    assert admin.delete(f"/v3/clusterregistrationtokens/{imported.registration['id']}").status_code == 204
    imported.await_state("unavailable")
    eventually(lambda: REFUSED in agent.output, "it tried")
    assert admin.get(f"/k8s/clusters/{imported.id}/version").status_code == 503
    with second(imported, cluster):
        imported.await_state("active")
    assert agent.ended is None
