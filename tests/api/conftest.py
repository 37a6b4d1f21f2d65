"""The server and its usual callers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Caller, Server, serving

CA = "-----BEGIN CERTIFICATE-----\nbWFkZSB1cA==\n-----END CERTIFICATE-----"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, {"cacerts": CA}) as server:
        yield server


@pytest.fixture
def admin(server: Server) -> Caller:
    return server.user("admin", administrator=True)


@pytest.fixture
def plain(server: Server) -> Caller:
    return server.user("plain")
