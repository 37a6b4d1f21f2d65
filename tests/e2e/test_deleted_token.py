"""A registration token that leaked is deleted: its tunnel ends at once, with all that it carries, and nobody else's does."""

from __future__ import annotations

import pytest
import requests

from tests.e2e.deleted import REFUSED, DeletedToken, second
from tests.kubernetes.cluster import Cluster
from tests.support.lariat import Client, Imported, eventually

pytestmark = pytest.mark.cluster


def test_a_deleted_token_ends_its_tunnel_alone(admin: Client, imported: Imported, cluster: Cluster) -> None:
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


class TestStandalone(DeletedToken):
    """On the server of ``tests/conftest.py``."""
