"""What was proven, kept for as long as ``trust.py`` hears nothing to the contrary; the authenticator and the gatekeeper
have one each."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

from chalicelib.auth.trust import Trust
from chalicelib.store.notices import EVERYBODY
from chalicelib.types import Clock

SECONDS = 300.0
"""Seconds after which a thing is proved again, though no notice says that it has changed."""

MOST = 4096

V = TypeVar("V")


class Memory(Generic[V]):
    """For any thread. Call ``find`` after ``Trust.renew`` only."""

    def __init__(self, trust: Trust, clock: Clock) -> None:
        self._trust = trust
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, str, V]] = OrderedDict()
        self._lock = threading.Lock()
        trust.listen(self.forget)

    def find(self, name: str) -> V | None:
        known = self._known.get(name)
        return known[2] if known is not None and known[0] > self._clock.now() else None

    def keep(self, name: str, subject: str, value: V, turn: int, until: float | None = None) -> None:
        """Remember what was proven since ``turn`` of the trust, unless there were news meanwhile."""
        longest = self._clock.now() + SECONDS
        with self._lock:
            if turn != self._trust.turn:
                return
            self._known.pop(name, None)
            self._known[name] = (min(longest, until or longest), subject, value)
            while len(self._known) > MOST:
                self._known.popitem(last=False)

    def forget(self, subject: str = EVERYBODY) -> None:
        """Believe nothing of a user or a cluster without another look."""
        with self._lock:
            for name in [name for name, known in self._known.items() if subject in (EVERYBODY, known[1])]:
                del self._known[name]
