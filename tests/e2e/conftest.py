"""What scenarios of rights, projects and policies share."""

from __future__ import annotations

import pytest

from tests.e2e.house import House
from tests.kubernetes.cluster import Cluster
from tests.support.lariat import Client, Imported, Server


@pytest.fixture(scope="module")
def house(lariat: Server, admin: Client, imported: Imported, cluster: Cluster) -> House:
    return House(lariat, admin, imported, cluster)
