"""A clock that stands still until the test moves it."""

from __future__ import annotations


class ManualClock:
    """A ``Clock``; starts at 2026-11-24T08:00:00Z."""

    def __init__(self, seconds: float = 1_795_507_200.0) -> None:
        self._seconds = seconds

    def now(self) -> float:
        return self._seconds

    def advance(self, seconds: float) -> None:
        self._seconds += seconds
