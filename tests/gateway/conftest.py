"""The AWS edge in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.callers import Listener, User
from tests.support.relay import Edge


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    edge = Edge(tmp_path)
    yield edge
    edge.close()


@pytest.fixture
def listener(edge: Edge) -> Listener:
    return Listener(edge)


@pytest.fixture
def user(edge: Edge) -> User:
    return User(edge, edge.user("u-user"))
