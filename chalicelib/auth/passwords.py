"""Passwords: Argon2id with OWASP's parameters (19 MiB, 2 passes, 1 lane); login and user management call this."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import argon2

from chalicelib.errors import Invalid, TooManyRequests

SHORTEST = 12
LONGEST = 1024
_AT_ONCE = 2
_WAITING = 4


class Passwords:
    """Hashes and verifies. A few at once: each one costs 19 MiB and processor time, which strangers can ask for."""

    def __init__(self) -> None:
        self._hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._queue = threading.BoundedSemaphore(_AT_ONCE + _WAITING)
        self._decoy: str | None = None

    def hash(self, password: str, *, field: str = "password") -> str:
        """Raises ``Invalid`` for a password that is too short or too long; ``field`` is what the caller calls it."""
        if len(password) < SHORTEST:
            raise Invalid(f"a password has at least {SHORTEST} characters", code="MinLengthExceeded", field=field)
        if len(password) > LONGEST:
            raise Invalid(f"a password has at most {LONGEST} characters", code="MaxLengthExceeded", field=field)
        with self._turn():
            return self._hasher.hash(password)

    def verify(self, hash: str | None, password: str) -> bool:
        """Compare; without a hash (no such user) it takes as long and says no."""
        if not password or len(password) > LONGEST:
            return False
        with self._turn():
            try:
                self._hasher.verify(hash or self._no_hash(), password)
            except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
                return False
        return bool(hash)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for a turn, unless too many do: then nobody should wait for a thread that only waits."""
        if not self._queue.acquire(blocking=False):
            raise TooManyRequests("too many logins at once; try again in a moment")
        try:
            with self._slots:
                yield
        finally:
            self._queue.release()

    def _no_hash(self) -> str:
        if self._decoy is None:
            self._decoy = self._hasher.hash("nobody has this password")
        return self._decoy
