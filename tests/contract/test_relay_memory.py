"""The gateway in memory, which most tests use, keeps the promises of the real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.gateway.tickets import Tickets
from chalicelib.types import Dial, Post
from tests.contract.relay import RelayContract
from tests.support.relay import Edge


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    edge = Edge(tmp_path)
    yield edge
    edge.close()


@pytest.fixture
def dial(edge: Edge) -> Dial:
    return edge.gateway


@pytest.fixture
def post(edge: Edge) -> Post:
    return edge.gateway


@pytest.fixture
def tickets(edge: Edge) -> Tickets:
    return edge.tickets


class TestMemoryRelay(RelayContract):
    pass
