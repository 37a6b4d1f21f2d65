"""A real directory, a real issuer, and a Lariat whose providers those are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.auth.providers.scene import Scene
from tests.support.issuer import Issuer
from tests.support.issuer import running as running_issuer
from tests.support.server import serving
from tests.support.slapd import Slapd
from tests.support.slapd import running as running_slapd


@pytest.fixture(scope="package")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with running_slapd(tmp_path_factory.mktemp("slapd")) as slapd:
        yield slapd


@pytest.fixture(scope="package")
def running() -> Iterator[Issuer]:
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def scene(tmp_path: Path, running: Issuer) -> Iterator[Scene]:
    running.reset()
    with serving(tmp_path) as server:
        running.now = server.clock.now
        yield Scene(server, running)


@pytest.fixture
def issuer(scene: Scene) -> Issuer:
    return scene.issuer
