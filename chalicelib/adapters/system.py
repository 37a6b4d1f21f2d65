"""The machine's clock and its source of randomness."""

from __future__ import annotations

import secrets
import time


class SystemClock:
    def now(self) -> float:
        return time.time()


class SystemRandom:
    def bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)
