"""A real directory and a real issuer, and what an administrator and a user send about them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.identity.house import House
from tests.support.issuer import Issuer
from tests.support.issuer import running as running_issuer
from tests.support.server import BASE, serving
from tests.support.slapd import Slapd
from tests.support.slapd import running as running_slapd


@pytest.fixture(scope="package")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with running_slapd(tmp_path_factory.mktemp("slapd")) as slapd:
        yield slapd


@pytest.fixture(scope="package")
def issuer() -> Iterator[Issuer]:
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def house(tmp_path: Path, slapd: Slapd, issuer: Issuer) -> Iterator[House]:
    issuer.reset()
    with serving(tmp_path, {"server-url": BASE}) as server:
        issuer.now = server.clock.now
        yield House(server, slapd, issuer)
