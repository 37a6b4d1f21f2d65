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

    def remove(self, connection: str) -> str:
        """The connection has ended; return its cluster, empty if it was never written down, as callers' are not."""
        try:
            return self._resources.remove(Key(KIND, connection)).parent
        except NotFound:
            return ""

    def find(self, cluster: str) -> str | None:
        """Return the newest connection that takes new requests, else the newest."""
        best = max(self._held(cluster), key=_rank, default=None)
        return best.id if best else None

    def all(self, cluster: str) -> list[str]:
        return [connection.id for connection in self._held(cluster)]

    def clusters(self) -> set[str]:
        """Every cluster that has a connection."""
        found: set[str] = set()
        after = ""
        while True:
            page = self._resources.list(KIND, after=after)
            found |= {connection.parent for connection in page.items}
            after = page.after
            if not after:
                return found

    def _held(self, cluster: str) -> list[Resource]:
        return [each for each in self._resources.list(KIND, cluster).items if each.spec.get("edge") == self._edge]


def _retired(connection: Resource) -> Resource:
    return replace(connection, spec={**connection.spec, "retiring": True})


def _rank(connection: Resource) -> tuple[bool, int, str]:
    return not connection.spec.get("retiring"), int(connection.spec.get("since", 0)), connection.id
