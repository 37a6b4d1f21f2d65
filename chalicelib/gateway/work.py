"""What becomes of keys where functions are woken for them: the queue's, the change feed's and the schedules' work.

A cluster that is well is not looked at by the clock: its cost follows its changes. ``app.py`` calls this.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from chalicelib.auth.providers.due import DUE, enabled
from chalicelib.clusters.affected import woken
from chalicelib.clusters.registration import Expelled, expelled
from chalicelib.controllers.readiness import is_ready, was_connected
from chalicelib.errors import Unavailable
from chalicelib.gateway.connections import Connections
from chalicelib.outcomes import Count, Outcome, result, uncounted
from chalicelib.store.resources import Resources
from chalicelib.types import Key, Post, Queue

log = logging.getLogger("lariat.work")

SETTLED = 30.0
"""Seconds after which whoever was let in at the last moment is written down: an invocation of ``connect`` has ten."""


class Reconcile(Protocol):
    """``chalicelib/reconcile.py``, as far as it is needed here."""

    def reconcile(self, key: Key) -> float | None:
        """Return the seconds after which it wants the key again."""

    def clusters(self) -> Sequence[Key]: ...


class Work:
    """``refresh`` asks identity providers about users, and tells whether there may be more of them."""

    def __init__(
        self,
        reconciler: Reconcile,
        resources: Resources,
        connections: Connections,
        post: Post,
        queue: Queue,
        refresh: Callable[[], bool] = lambda: False,
        count: Count = uncounted,
    ) -> None:
        self._reconciler = reconciler
        self._resources = resources
        self._connections = connections
        self._post = post
        self._queue = queue
        self._refresh = refresh
        self._count = count

    def changed(self, keys: Iterable[Key]) -> None:
        """Something was written."""
        self._queue.add(woken(keys))

    def do(self, key: Key, attempt: int, waited: float | None = None) -> None:
        """Work on a key that comes from the queue; what is raised is for its dead letters, if it comes again."""
        outcome, again, error = result(key, lambda: self._work_on(key, attempt), attempt)
        self._count(key, outcome, waited)
        if outcome is Outcome.PERMANENT and error is not None:
            raise error
        if outcome is Outcome.TEMPORARY and again is not None:
            self._queue.add([key], again, attempt + 1)
        # What is well needs no look by the clock, which only the process that holds all tunnels can afford.
        if outcome is Outcome.AGAIN and again is not None:
            self._queue.add([key], again * 2.0**attempt, attempt + 1)

    def _work_on(self, key: Key, attempt: int) -> float | None:
        if key == DUE:
            if self._refresh():
                self._queue.add([DUE])
            return None
        gone = expelled(self._resources, key)
        if gone is not None and (self._hang_up(gone) or not attempt):
            self._queue.add([key], SETTLED, attempt + 1)
        return self._reconciler.reconcile(key)

    def resync(self) -> None:
        """Have every cluster looked at, for what was missed."""
        self._queue.add(self._reconciler.clusters())

    def sweep(self) -> None:
        """Have those clusters looked at whose state does not fit their connections: a goodbye may have got lost.

        And users whose groups come from a provider.
        """
        if enabled(self._resources):
            self._queue.add([DUE])
        connected = self._connections.clusters()
        clusters = self._resources.all("cluster")
        self._queue.add(
            [each.key for each in clusters if was_connected(each) and is_ready(each) != (each.id in connected)]
        )

    def _hang_up(self, gone: Expelled) -> bool:
        """Tell whether there was anybody; one that can't be hung up on now is still there at the next look."""
        connections = self._connections.all(*gone)
        for connection in connections:
            try:
                self._post.hang_up(connection)
            except Unavailable as error:
                log.warning(
                    "cluster %s: an agent stays: %s", gone.cluster, error.message, extra={"cluster": gone.cluster}
                )
            else:
                self._connections.drop(gone.cluster, connection)
        return bool(connections)
