"""A registration token that leaked is deleted: whoever came in by it is out and does not come back, on any edge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.kubernetes.cluster import Cluster
from tests.support.lariat import Agent, Client, Imported, eventually

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


class DeletedToken:
    """``lariat``, ``admin`` and ``imported`` are the fixtures of ``tests/conftest.py``, on an edge of their module."""

    def test_an_agent_whose_last_token_is_deleted_does_not_come_back(
        self, admin: Client, imported: Imported, cluster: Cluster
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
