"""A cluster that does not answer may hold up some of the API's threads, never all of them.

Stands before the ``Bridge`` when the API talks with clusters; the reconciler has threads of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.clusters.client import Answer, Transport
from chalicelib.errors import Busy
from chalicelib.tunnel.heads import RequestHead

MOST = 16
"""Requests under way to all clusters together."""

MOST_OF_ONE = 6
"""Requests under way to one cluster."""

WAIT = 0.5
"""Seconds to wait for a turn: most requests take a few milliseconds."""


class Rationed:
    """A ``Transport`` upon another one."""

    def __init__(self, transport: Transport, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        self._transport = transport
        self._most = most
        self._most_of_one = most_of_one
        self._turn = threading.Condition()
        self._under_way: dict[str, int] = {}

    def connected(self, cluster: str) -> bool:
        return self._transport.connected(cluster)

    def call(self, cluster: str, head: RequestHead, body: bytes, timeout: float) -> Answer:
        """Raises ``Busy`` when no turn comes in time, and what the other transport raises."""
        with self._turns(cluster):
            return self._transport.call(cluster, head, body, timeout)

    @contextmanager
    def _turns(self, cluster: str) -> Iterator[None]:
        with self._turn:
            if not self._turn.wait_for(lambda: self._free(cluster), WAIT):
                raise Busy(f"too much is asked of the cluster {cluster} right now: try again")
            self._under_way[cluster] = self._under_way.get(cluster, 0) + 1
        try:
            yield
        finally:
            with self._turn:
                self._under_way[cluster] -= 1
                if not self._under_way[cluster]:
                    del self._under_way[cluster]
                self._turn.notify_all()

    def _free(self, cluster: str) -> bool:
        total = sum(self._under_way.values())
        return total < self._most and self._under_way.get(cluster, 0) < self._most_of_one
