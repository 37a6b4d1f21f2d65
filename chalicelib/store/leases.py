"""Leases: who works on something, so that no two do so at once, in however many processes.

``reconcile.py`` takes one for each pass over what a cluster holds. A lease is a resource that only one can create; it is
deleted at the end, and ends by itself if its holder has died. Whoever outlasts their lease may be joined by another: what
they do has to bear that, at the price of work done twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.errors import AlreadyExists, Held
from chalicelib.store.resources import Resources
from chalicelib.types import Clock, Resource

KIND = "lease"

SECONDS = 90
"""A function that works on keys is ended before that: ``infra/functions.tf``."""

MARGIN = 5
"""A lease with no more seconds than these left ends by itself: it might be another's by the time that we delete it."""


class Leases:
    def __init__(self, resources: Resources, clock: Clock) -> None:
        self._resources = resources
        self._clock = clock

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold the lease of this name meanwhile. Raises ``Held`` at once if somebody else does."""
        lease = self._take(name)
        try:
            yield
        finally:
            self._give_back(lease)

    def _take(self, name: str) -> Resource:
        expires = int(self._clock.now()) + SECONDS
        try:
            return self._resources.create(Resource(kind=KIND, id=name, expires=expires))
        except AlreadyExists:
            raise Held(f"somebody else works on {name}") from None

    def _give_back(self, lease: Resource) -> None:
        if lease.expires is not None and self._clock.now() < lease.expires - MARGIN:
            self._resources.discard(lease)
