"""How long what was proven is believed: until a notice says otherwise, and looked after every few seconds.

``Authenticator`` and ``Gatekeeper`` remember (``memory.py``); before they believe it, they ask here. For all users and
clusters of a process that costs one read every few seconds. ``docs/decisions/0012-notices.md`` has the reasons.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from chalicelib.store.notices import EVERYBODY, KIND, LIFETIME, name
from chalicelib.store.resources import Resources
from chalicelib.types import Clock

SECONDS = 5.0
"""Seconds for which nobody looks for notices, so that what is revoked ends everywhere within that time."""

OVERLAP = 60.0
"""Seconds for which a notice may be under way: its id is made before it is written, and clocks differ."""

LONGEST = LIFETIME / 2
"""Seconds without a look after which notices may have vanished unseen."""

MOST = 100
"""Notices in one look; if there are more, all is forgotten."""

Forget = Callable[[str], None]


class Trust:
    """``listen`` to be told the subject (a user, a cluster, or everybody) that must be forgotten."""

    def __init__(self, resources: Resources, clock: Clock) -> None:
        self._resources = resources
        self._clock = clock
        self._listeners: list[Forget] = []
        self._until = self._looked = 0.0
        self._seen: frozenset[str] = frozenset()
        self._doubts = 0
        self.turn = 0
        """How often there were news."""
        self._lock = threading.Lock()

    def listen(self, forget: Forget) -> None:
        self._listeners.append(forget)

    def renew(self) -> None:
        """Have everything forgotten that counts no more; only what is left may be believed. Raises ``Unavailable``."""
        if not self._is_fresh():
            with self._lock:
                if not self._is_fresh():
                    self._look()

    def doubt(self) -> None:
        """A notice was written: the next to ask looks at once."""
        self._doubts += 1
        self._until = 0.0

    def _is_fresh(self) -> bool:
        # A clock that was set back must not prolong anything.
        return 0 < self._until - self._clock.now() <= SECONDS

    def _look(self) -> None:
        now, doubts = self._clock.now(), self._doubts
        for subject in self._news(now):
            self.turn += 1
            for forget in self._listeners:
                forget(subject)
        self._looked = now
        # What was written while we looked may not have been seen.
        self._until = now + SECONDS if doubts == self._doubts else 0.0

    def _news(self, now: float) -> set[str]:
        if not 0 <= now - self._looked <= LONGEST:
            return {EVERYBODY}
        page = self._resources.list(KIND, after=name(self._looked - OVERLAP), limit=MOST)
        unseen = [notice for notice in page.items if notice.id not in self._seen]
        self._seen = frozenset(notice.id for notice in page.items)
        return {EVERYBODY} if page.after else {str(notice.spec.get("subject", EVERYBODY)) for notice in unseen}
