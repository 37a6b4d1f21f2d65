"""Patience with a gateway that throttles."""

from __future__ import annotations

import pytest

from chalicelib.errors import Busy
from chalicelib.gateway.posting import FIRST_DELAY, LONGEST_DELAY, Patience
from tests.support.clock import ManualClock


class Dice:
    """Each throw shows the same."""

    def __init__(self, side: int) -> None:
        self._side = side

    def bytes(self, count: int) -> bytes:
        return self._side.to_bytes() * count


class Gate:
    """Refuses a number of tries; remembers the waits between them."""

    def __init__(self, refusals: int, side: int) -> None:
        self.clock = ManualClock()
        self.waits: list[float] = []
        self._refusals = refusals
        self.patience = Patience(self.clock, Dice(side), self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.advance(seconds)

    def enter(self) -> str:
        if len(self.waits) < self._refusals:
            raise Busy("too many", retry_after=7)
        return "inside"


def test_waits_double_up_to_the_longest() -> None:
    gate = Gate(8, 255)
    assert gate.patience.insist_for(gate.enter, 60) == "inside"
    assert gate.waits == pytest.approx([min(FIRST_DELAY * 2**n, LONGEST_DELAY) for n in range(8)], rel=0.001)


def test_waits_are_scattered_over_the_whole_range() -> None:
    """Callers that were throttled together do not come back together."""
    first, second = Gate(5, 0), Gate(5, 128)
    first.patience.insist_for(first.enter, 60)
    second.patience.insist_for(second.enter, 60)
    assert first.waits == [0] * 5
    assert second.waits == pytest.approx([FIRST_DELAY * 2**n / 2 for n in range(5)], rel=0.01)


def test_nobody_waits_beyond_the_end() -> None:
    gate = Gate(1000, 255)
    before = gate.clock.now()
    with pytest.raises(Busy) as caught:
        gate.patience.insist_for(gate.enter, 5)
    assert caught.value.retry_after == 7
    assert gate.clock.now() - before < 5
