"""The rules of a resource's life, on top of any ``Store``: creation, updates that settle conflicts, two-phase removal.

The API and the reconciler call this; nothing else changes resources.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chalicelib.errors import AlreadyExists, Conflict, NameTaken, NotFound
from chalicelib.store import gathering, notices
from chalicelib.store.gathering import Gather
from chalicelib.types import Clock, Key, Page, Put, Random, Remove, Resource, Store, Write

RETRIES = 5


def qualified(kind: str) -> str:
    """Name a kind as Kubernetes does in its messages: ``cluster`` is ``clusters.management.cattle.io``."""
    name = kind.lower()
    if name.endswith(("s", "x", "ch", "sh")):
        plural = name + "es"
    elif name.endswith("y") and name[-2:-1] not in "aeiou":
        plural = name[:-1] + "ies"
    else:
        plural = name + "s"
    return f"{plural}.management.cattle.io"


class Resources:
    """``called`` names a kind in messages; whoever knows kinds of other groups passes their own.

    ``gather`` says which resources have an entry in a record.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        random: Random,
        called: Callable[[str], str] = qualified,
        gather: Gather = gathering.nothing,
    ) -> None:
        self._gather = gather
        self._store = store
        self._clock = clock
        self._random = random
        self._called = called

    def get(self, kind: str, id: str) -> Resource:
        resource = self.find(kind, id)
        if resource is None:
            raise missing(kind, id, self._called)
        return resource

    def find(self, kind: str, id: str) -> Resource | None:
        return self._store.get(Key(kind, id))

    def several(self, keys: Sequence[Key]) -> Sequence[Resource]:
        """Those of the resources that are there, in one read."""
        return self._store.several(keys)

    def holder(self, name: str) -> Key | None:
        return self._store.holder(name)

    def list(self, kind: str, parent: str | None = None, *, after: str = "", limit: int = 1000) -> Page:
        return self._store.list(kind, parent, after=after, limit=limit)

    def ids(self, kind: str, parent: str | None = None) -> Sequence[str]:
        return self._store.ids(kind, parent)

    def all(self, kind: str, parent: str | None = None) -> Iterator[Resource]:
        """Every resource of a kind, of one parent or of all, however many pages that takes."""
        after = ""
        while True:
            page = self._store.list(kind, parent, after=after)
            yield from page.items
            after = page.after
            if not after:
                return

    def create_new(self, make: Callable[[], Resource | Sequence[Resource]]) -> Resource:
        """Create a resource with a generated id, or several: if another one drew the same, ``make`` draws again."""
        for _ in range(RETRIES):
            try:
                return self.create(*_each(make()))
            except AlreadyExists:
                continue
        return self.create(*_each(make()))

    def create(self, resource: Resource, *others: Resource) -> Resource:
        """Create all or none, at one moment; return the first as stored."""
        now = self._now()
        puts = [Put(replace(new, created=now, uid=self._uid())) for new in (resource, *others)]
        telling = [put.resource for put in puts if notices.matters(None, put.resource)]
        for _ in range(RETRIES):
            try:
                return self._create(puts, telling)
            except NameTaken:
                raise
            except AlreadyExists:
                if self._store.several([put.resource.key for put in puts]):
                    raise
                # It is a record that somebody else began.
                continue
            except Conflict:
                continue
        return self._create(puts, telling)

    def touch(self, place: str) -> None:
        """Have a cluster's contents brought in line soon, though no resource has changed."""
        self._store.write(Put(notices.touch(place, self._clock.now(), self._random)))

    def update(self, key: Key, change: Callable[[Resource], Resource]) -> Resource:
        """Store what ``change`` makes of the resource; it is called again when somebody else wrote meanwhile."""
        for _ in range(RETRIES):
            try:
                return self._update(key, change)
            except NameTaken:
                raise
            except Conflict:
                continue
        return self._update(key, change)

    def record(self, blank: Resource, change: Callable[[Resource], Resource]) -> Resource:
        """Like ``update``, for a record that begins, from ``blank``, with what is first said of it."""
        try:
            return self.update(blank.key, change)
        except NotFound:
            pass
        try:
            return self.create(change(blank))
        except AlreadyExists:
            return self.update(blank.key, change)

    def replace(self, resource: Resource) -> None:
        """Store a record as it is, provided that nobody has written it since it was read. Raises ``Conflict``."""
        self._store.write(Put(resource))

    def remove(self, key: Key) -> Resource:
        """Mark the resource as removed; it goes when its last finalizer goes, at once if it has none."""
        now = self._now()
        return self.update(key, lambda resource: replace(resource, removed=resource.removed or now))

    def discard(self, resource: Resource) -> None:
        """Delete a resource as it was read, at once, unless somebody was faster; for what has no finalizers."""
        with contextlib.suppress(Conflict):
            self._store.write(Remove(resource))

    def finalize(self, key: Key, finalizer: str) -> Resource:
        """Drop a finalizer: what it stood for is cleaned up."""
        return self.update(key, lambda resource: without_finalizer(resource, finalizer))

    def _create(self, puts: Sequence[Put], telling: Sequence[Resource]) -> Resource:
        gathered = self._gathered([(None, put.resource) for put in puts])
        return self._store.write(*puts, *gathered, *self._notices(telling))[0]

    def _update(self, key: Key, change: Callable[[Resource], Resource]) -> Resource:
        before = self.get(*key)
        after = change(before)
        going = bool(after.removed) and not after.finalizers
        if after == before and not going:
            return before
        telling = self._notices([before, after] if notices.matters(before, after) else [])
        gathered = self._gathered([(before, None if going else after)])
        return self._store.write(Remove(after) if going else Put(after), *gathered, *telling)[0]

    def _gathered(self, written: Iterable[tuple[Resource | None, Resource | None]]) -> Sequence[Write]:
        found: gathering.Changes = {}
        for before, after in written:
            gathering.changes(self._gather, before, after, found)
        return [write for key, entries in found.items() for write in self._regathered(key, entries)]

    def _regathered(self, key: Key, entries: Mapping[str, Any]) -> Sequence[Write]:
        return gathering.changed(self._store.get(key), key, entries)

    def _notices(self, written: Sequence[Resource]) -> Sequence[Put]:
        made = notices.notices(written, self._clock.now(), self._random) if written else []
        return [Put(notice) for notice in made]

    def _now(self) -> str:
        return timestamp(self._clock.now())

    def _uid(self) -> str:
        return str(UUID(bytes=self._random.bytes(16), version=4))


def _each(made: Resource | Sequence[Resource]) -> Sequence[Resource]:
    return [made] if isinstance(made, Resource) else made


def missing(kind: str, id: str, called: Callable[[str], str] = qualified) -> NotFound:
    """The error for a resource that is not there, or that the caller may not see: both look the same."""
    return NotFound(f'{called(kind)} "{id.rpartition(":")[2]}" not found')


def timestamp(seconds: float) -> str:
    """Seconds since 1970 as the v3 API shows them: ``2026-11-24T08:00:00Z``."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def without_finalizer(resource: Resource, finalizer: str) -> Resource:
    return replace(resource, finalizers=tuple([name for name in resource.finalizers if name != finalizer]))
