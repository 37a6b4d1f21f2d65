"""Which connections the agents of a cluster have open at a gateway that remembers nothing by itself.

One resource a connection, named like it: a reconnection adds its own and a late goodbye removes its own, in any order,
and neither can touch the other's. Whoever finds a connection to be dead may remove it, since no name comes twice.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from chalicelib.errors import AlreadyExists, NotFound
from chalicelib.store.resources import Resources
from chalicelib.types import Clock, Key, Resource

KIND = "connection"
LIFETIME = 2 * 3600
"""Seconds after which API Gateway cuts a connection."""

_MARGIN = 600


class Connections:
    """``edge`` is the address of the gateway that holds the connections of this process."""

    def __init__(self, resources: Resources, clock: Clock, edge: str) -> None:
        self._resources = resources
        self._clock = clock
        self._edge = edge

    def add(self, cluster: str, connection: str) -> None:
        """Write down a connection whose agent has shown the cluster's token; once more does no harm."""
        now = self._clock.now()
        spec = {"edge": self._edge, "since": int(now * 1000), "retiring": False}
        expires = int(now) + LIFETIME + _MARGIN
        with contextlib.suppress(AlreadyExists):
            self._resources.create(Resource(kind=KIND, id=connection, parent=cluster, spec=spec, expires=expires))

    def retire(self, connection: str) -> None:
        """The agent has a newer connection; this one finishes what it has begun."""
        with contextlib.suppress(NotFound):
            self._resources.update(Key(KIND, connection), _retired)

    def remove(self, connection: str) -> None:
        """The connection has ended. One that was never written down is no error: callers' are not."""
        with contextlib.suppress(NotFound):
            self._resources.remove(Key(KIND, connection))

    def find(self, cluster: str) -> str | None:
        """Return the newest connection that takes new requests, else the newest."""
        found = [each for each in self._resources.list(KIND, cluster).items if each.spec.get("edge") == self._edge]
        best = max(found, key=_rank, default=None)
        return best.id if best else None


def _retired(connection: Resource) -> Resource:
    return replace(connection, spec={**connection.spec, "retiring": True})


def _rank(connection: Resource) -> tuple[bool, int, str]:
    return not connection.spec.get("retiring"), int(connection.spec.get("since", 0)), connection.id
