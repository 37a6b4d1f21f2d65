"""Random bytes that are the same in every run, so that a failing test fails again."""

from __future__ import annotations

import random


class SeededRandom:
    """A ``Random``."""

    def __init__(self, seed: int = 0) -> None:
        self._generator = random.Random(seed)

    def bytes(self, count: int) -> bytes:
        return self._generator.randbytes(count)
