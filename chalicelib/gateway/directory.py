"""Remembers for a while where each cluster's agent is, so that a warm request asks no database."""

from __future__ import annotations

from collections import OrderedDict

from chalicelib.gateway.connections import Connections
from chalicelib.types import Clock

SECONDS = 120.0
"""An agent that moves keeps its old connection for longer than this, so what is remembered still works."""

MOST = 1024


class Directory:
    def __init__(self, connections: Connections, clock: Clock) -> None:
        self._connections = connections
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def find(self, cluster: str) -> str | None:
        """Return the connection of a cluster's agent; that there is none is not remembered."""
        until, connection = self._known.get(cluster, (0.0, ""))
        if until > self._clock.now():
            return connection
        found = self._connections.find(cluster)
        self._known.pop(cluster, None)
        if found is not None:
            self._known[cluster] = (self._clock.now() + SECONDS, found)
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        return found

    def gone(self, cluster: str, connection: str) -> None:
        """The connection has ended, whatever is written about it."""
        self._known.pop(cluster, None)
        self._connections.remove(connection)
