"""What leases promise on every store. A test module subclasses ``LeaseContract`` and provides ``store`` and ``clock``."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.errors import Held
from chalicelib.store.leases import KIND, SECONDS, Leases
from chalicelib.store.resources import Resources
from chalicelib.types import Key, Store
from tests.support.clock import ManualClock
from tests.support.random import SeededRandom

NAME = "c-1"
AT_ONCE = 4


class LeaseContract:
    """``leases`` and ``others`` are two processes'."""

    @pytest.fixture
    def leases(self, store: Store, clock: ManualClock) -> Leases:
        return Leases(Resources(store, clock, SeededRandom(1)), clock)

    @pytest.fixture
    def others(self, store: Store, clock: ManualClock) -> Leases:
        return Leases(Resources(store, clock, SeededRandom(2)), clock)

    def test_one_at_a_time(self, leases: Leases, others: Leases) -> None:
        with leases.hold(NAME):
            assert not free(others)
            with others.hold("c-2"):
                assert not free(leases, "c-2")
        assert free(others)
        assert free(leases)

    def test_who_fails_gives_it_back(self, leases: Leases, others: Leases) -> None:
        with pytest.raises(ZeroDivisionError), leases.hold(NAME):
            raise ZeroDivisionError
        assert free(others)

    def test_a_dead_holders_ends(self, leases: Leases, others: Leases, clock: ManualClock) -> None:
        dead = leases.hold(NAME)
        dead.__enter__()
        clock.advance(SECONDS - 1)
        assert not free(others)
        clock.advance(1)
        assert free(others)

    def test_who_outlasted_it_does_not_take_it_from_the_next(
        self, leases: Leases, others: Leases, clock: ManualClock
    ) -> None:
        late = leases.hold(NAME)
        late.__enter__()
        clock.advance(SECONDS)
        with others.hold(NAME):
            late.__exit__(None, None, None)
            assert not free(leases)

    def test_of_many_at_once_one_gets_it(self, leases: Leases, others: Leases, store: Store) -> None:
        together = threading.Barrier(AT_ONCE)

        def hold(mine: Leases) -> bool:
            together.wait()
            try:
                with mine.hold(NAME):
                    together.wait()
                    return True
            except Held:
                together.wait()
                return False

        with ThreadPoolExecutor(AT_ONCE) as pool:
            assert sum(pool.map(hold, [leases, others] * (AT_ONCE // 2))) == 1
        assert store.get(Key(KIND, NAME)) is None


def free(leases: Leases, name: str = NAME) -> bool:
    try:
        with leases.hold(name):
            return True
    except Held:
        return False
