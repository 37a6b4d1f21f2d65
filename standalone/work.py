"""The in-process work queue: keys wait here until a thread reconciles them. ``server.py`` starts it.

A key that waits twice is worked on once; a key that is being worked on when it comes again is worked on again after
that. Nothing is kept over a restart: every start begins with all keys.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable

from chalicelib.outcomes import Count, result, uncounted
from chalicelib.types import Clock, Key


class Work:
    """``reconcile`` returns the seconds after which it wants the key again, or ``None``."""

    def __init__(
        self,
        reconcile: Callable[[Key], float | None],
        clock: Clock,
        threads: int = 4,
        count: Count = uncounted,
    ) -> None:
        self._reconcile = reconcile
        self._clock = clock
        self._count = count
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, Key]] = []
        self._due: dict[Key, float] = {}
        self._running: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._order = itertools.count()
        self._stopped = False
        self._threads = [threading.Thread(target=self._run, name=f"work-{n}", daemon=True) for n in range(threads)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def add(self, key: Key, delay: float = 0.0) -> None:
        """Ask for a key; the earlier of two times counts."""
        due = self._clock.now() + delay
        with self._changed:
            if self._due.get(key, float("inf")) <= due:
                return
            self._due[key] = due
            heapq.heappush(self._waiting, (due, next(self._order), key))
            self._changed.notify()

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            key, due = taken
            again = self._work_on(key, self._clock.now() - due)
            with self._changed:
                self._running.discard(key)
                self._changed.notify()
            if again is not None:
                self.add(key, again)

    def _take(self) -> tuple[Key, float] | None:
        """Wait for a key; return it with the time when it was due."""
        with self._changed:
            while not self._stopped:
                now = self._clock.now()
                taken, wait = self._next(now)
                if taken is not None:
                    return taken
                self._changed.wait(wait)
            return None

    def _next(self, now: float) -> tuple[tuple[Key, float] | None, float | None]:
        """Take the first key that is due and free, or say how long to wait."""
        held = []
        taken: tuple[Key, float] | None = None
        while self._waiting and self._waiting[0][0] <= now and taken is None:
            due, number, key = heapq.heappop(self._waiting)
            if self._due.get(key) != due:
                continue
            if key in self._running:
                held.append((due, number, key))
                continue
            taken = key, due
        for entry in held:
            heapq.heappush(self._waiting, entry)
        if taken is not None:
            del self._due[taken[0]]
            self._running.add(taken[0])
            return taken, None
        later = [due for due, _, key in self._waiting if key not in self._running]
        return None, max(0.0, min(later) - now) if later else None

    def _work_on(self, key: Key, waited: float) -> float | None:
        failures = self._failures.pop(key, 0)
        outcome, again, error = result(key, lambda: self._reconcile(key), failures)
        if error is not None:
            self._failures[key] = failures + 1
        self._count(key, outcome, waited)
        return again
