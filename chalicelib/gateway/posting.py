"""Patience with a gateway that throttles: exponential backoff with full jitter, within a given time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from chalicelib.errors import Busy
from chalicelib.types import Clock, Random

FIRST_DELAY = 0.05
LONGEST_DELAY = 2.0

T = TypeVar("T")


class Patience:
    """``sleep`` waits for some seconds; ``clock`` must notice."""

    def __init__(self, clock: Clock, random: Random, sleep: Callable[[float], None]) -> None:
        self._clock = clock
        self._random = random
        self._sleep = sleep

    def insist(self, act: Callable[[], T], until: float) -> T:
        """Call ``act`` again while it is ``Busy``; raises that when there is no time for another try."""
        delay = FIRST_DELAY
        while True:
            try:
                return act()
            except Busy:
                wait = delay * int.from_bytes(self._random.bytes(2)) / 65_536
                if self._clock.now() + wait >= until:
                    raise
                self._sleep(wait)
                delay = min(2 * delay, LONGEST_DELAY)

    def insist_for(self, act: Callable[[], T], seconds: float) -> T:
        return self.insist(act, self._clock.now() + seconds)
