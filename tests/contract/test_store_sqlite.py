"""``SqliteStore`` keeps the promises of a ``Store``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.types import Store
from tests.contract.leases import LeaseContract
from tests.contract.store import StoreContract
from tests.support.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    store = SqliteStore(str(tmp_path / "lariat.db"), clock)
    yield store
    store.close()


class TestSqliteStore(StoreContract):
    pass


class TestLeases(LeaseContract):
    pass
