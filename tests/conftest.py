"""Fixtures that many tests share: the real cluster, and a Lariat with that cluster imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubernetes import binaries
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.cluster import running as running_cluster
from tests.support.lariat import Client, Imported, Lariat, Server, importing
from tests.support.lariat import running as running_lariat
from tests.support.ministack import CREDENTIALS, Ministack
from tests.support.ministack import running as running_ministack


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A real control plane, started once for all tests."""
    folder = binaries.folder(os.environ, lambda line: print(line, file=sys.stderr))
    with running_cluster(folder, tmp_path_factory.mktemp("kubernetes")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ministack]:
    """An AWS account on this machine, started once for all tests."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in CREDENTIALS.items():
            environment.setenv(name, value)
        with running_ministack(tmp_path_factory.mktemp("ministack")) as ministack:
            yield ministack


@pytest.fixture(scope="module")
def lariat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lariat]:
    with running_lariat(tmp_path_factory.mktemp("lariat")) as lariat:
        yield lariat


@pytest.fixture(scope="module")
def admin(lariat: Server) -> Iterator[Client]:
    with lariat.log_in() as client:
        yield client


@pytest.fixture(scope="module")
def imported(lariat: Server, admin: Client, cluster: Cluster) -> Iterator[Imported]:
    """The real cluster, imported and active."""
    with importing(lariat, admin, "real", cluster.kubeconfig) as imported:
        yield imported


@pytest.fixture(scope="module")
def kubeconfig(imported: Imported) -> Path:
    return imported.kubeconfig()
