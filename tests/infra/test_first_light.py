"""A real cluster behind what Terraform deployed: the real agent and kubectl through the two APIs, as a user has them.

Where the emulator differs from AWS: it keeps none of API Gateway's limits and throttles nobody, so those are tried one by
one (``tests/proxy/test_buffered.py``, ``tests/test_limits.py``); APIs have a path in front where AWS gives them a host, which
``conftest.py`` puts into addresses; callers of the REST API wait for their turn (``tests/support/emulator/narrow.py``).
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.scenario import WithoutStreams
from tests.infra.stack import Stack
from tests.kubernetes.cluster import Cluster
from tests.support.lariat import Imported

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(600)]


class TestDeployed(WithoutStreams):
    """``lariat`` is the deployed one (``conftest.py``)."""


def ask_until(done: threading.Event, imported: Imported) -> list[int]:
    """Read and write by turns, and a little longer; a write whose answer is lost is never sent again."""
    path = f"/k8s/clusters/{imported.id}"
    document = {"metadata": {"generateName": "upgrade-", "labels": {"made": "meanwhile"}}}
    statuses: list[int] = []
    afterwards = 0
    while afterwards < 5:
        afterwards += done.is_set()
        statuses.append(imported.admin.get(f"{path}/version").status_code)
        statuses.append(imported.admin.post(f"{path}/api/v1/namespaces/default/configmaps", json=document).status_code)
    return statuses


def test_an_upgrade_loses_no_request(deployment: Stack, imported: Imported, kubeconfig: Path, cluster: Cluster) -> None:
    """Each function gets a new version and then its alias moves, one after another, as ``terraform apply`` does it."""
    done = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask_until, done, imported)
        try:
            versions = deployment.upgrade()
        finally:
            done.set()
        statuses = asked.result()
    assert set(statuses) == {200, 201}
    assert all(int(versions[name]) > int(old) for name, old in deployment.outputs["functions"].items())
    made = cluster.kubectl("get", "configmaps", "-l", "made=meanwhile", "-o", "name", kubeconfig=kubeconfig)
    assert len(made.out.splitlines()) == statuses.count(201)
    assert cluster.kubectl("delete", "configmaps", "-l", "made=meanwhile").code == 0
