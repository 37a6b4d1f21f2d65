"""Which connections the agents of a cluster have open at a gateway that remembers nothing by itself.

A connection is two resources, each written once: one named by its cluster, to be found by it, and one named by itself,
since a goodbye tells no more. A reconnection adds its own and a late goodbye removes its own, in any order, and neither
can touch the other's. Whoever finds a connection to be dead may remove it, since no name comes twice.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

from chalicelib.errors import AlreadyExists, NotFound
from chalicelib.store.resources import Resources
from chalicelib.types import Clock, Key, Resource

KIND = "connection"
"""Its id is the cluster's and the connection's."""

OWNER = "socket"
"""Its id is the connection's; it ends by itself only, as nobody looks for it twice."""

LIFETIME = 2 * 3600
"""Seconds after which API Gateway cuts a connection."""

_MARGIN = 600
_PAGE = 8


class Held(NamedTuple):
    """``since`` is in seconds, ``token`` the id of the registration token that was shown."""

    connection: str
    since: float
    token: str


class Left(NamedTuple):
    """Who has left: an agent of ``cluster`` (empty if it was none), and whether it was the cluster's ``last``."""

    cluster: str
    last: bool


class Connections:
    """``edge`` is the address of the gateway that holds the connections of this process."""

    def __init__(self, resources: Resources, clock: Clock, edge: str) -> None:
        self._resources = resources
        self._clock = clock
        self._edge = edge

    def add(self, cluster: str, connection: str, token: str) -> None:
        """Write down a connection whose agent has shown a token of the cluster; once more does no harm."""
        now = self._clock.now()
        expires = int(now) + LIFETIME + _MARGIN
        spec = {"edge": self._edge, "since": int(now * 1000), "token": token}
        for resource in (
            Resource(kind=OWNER, id=connection, spec={"cluster": cluster}, expires=expires),
            Resource(kind=KIND, id=_id(cluster, connection), spec=spec, expires=expires),
        ):
            with contextlib.suppress(AlreadyExists):
                self._resources.create(resource)

    def remove(self, connection: str) -> Left:
        """The connection has ended; those of callers were never written down."""
        owner = self._resources.find(OWNER, connection)
        if owner is None:
            return Left("", last=False)
        cluster = str(owner.spec["cluster"])
        others = False
        for each in self._held(cluster):
            if each.id == _id(cluster, connection):
                self._resources.discard(each)
            else:
                others = True
        return Left(cluster, last=not others)

    def drop(self, cluster: str, connection: str) -> None:
        """A connection was found to be dead."""
        with contextlib.suppress(NotFound):
            self._resources.remove(Key(KIND, _id(cluster, connection)))

    def find(self, cluster: str) -> Held | None:
        """Return the newest connection; an agent that replaces one opens the new one first."""
        return max(self._all(cluster), key=lambda held: (held.since, held.connection), default=None)

    def all(self, cluster: str, token: str = "") -> list[str]:
        """Every connection of a cluster, or those whose agents have shown this token, or none that we know of."""
        return [held.connection for held in self._all(cluster) if not token or held.token in ("", token)]

    def clusters(self) -> set[str]:
        """Every cluster that has a connection."""
        return {_parts(each)[0] for each in self._resources.all(KIND)}

    def _all(self, cluster: str) -> Iterator[Held]:
        for each in self._held(cluster):
            # What an older version has written names no token.
            yield Held(_parts(each)[1], each.spec["since"] / 1000, str(each.spec.get("token", "")))

    def _held(self, cluster: str) -> Iterator[Resource]:
        """Ids are in order, so a cluster's stand together."""
        after = _id(cluster, "")
        while after:
            page = self._resources.list(KIND, after=after, limit=_PAGE)
            for each in page.items:
                if _parts(each)[0] != cluster:
                    return
                if each.spec.get("edge") == self._edge:
                    yield each
            after = page.after


def _id(cluster: str, connection: str) -> str:
    return f"{cluster}:{connection}"


def _parts(resource: Resource) -> tuple[str, str]:
    cluster, _, connection = resource.id.rpartition(":")
    return cluster, connection
