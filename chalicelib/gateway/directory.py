"""Remembers where each cluster's agent is, so that a warm request asks no database."""

from __future__ import annotations

from collections import OrderedDict

from chalicelib.gateway.connections import Connections
from chalicelib.types import Clock

SECONDS = 120.0
"""An agent that moves keeps its old connection for longer than this, so what is remembered still works."""

MOST = 1024


class Directory:
    """``settled`` is how many seconds an agent keeps a connection before it thinks of replacing it."""

    def __init__(self, connections: Connections, clock: Clock, settled: float = 0.0) -> None:
        self._connections = connections
        self._clock = clock
        self._settled = settled
        self._known: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def find(self, cluster: str) -> str | None:
        """Return the connection of a cluster's agent; that there is none is not remembered."""
        until, connection = self._known.get(cluster, (0.0, ""))
        if until > self._clock.now():
            return connection
        found = self._connections.find(cluster)
        self.forget(cluster)
        if found is None:
            return None
        self._known[cluster] = (max(self._clock.now() + SECONDS, found.since + self._settled), found.connection)
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        return found.connection

    def forget(self, cluster: str) -> None:
        """The agent does not answer: perhaps it is elsewhere by now."""
        self._known.pop(cluster, None)

    def gone(self, cluster: str, connection: str) -> None:
        """The connection has ended, whatever is written about it."""
        self.forget(cluster)
        self._connections.drop(cluster, connection)
