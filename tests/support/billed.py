"""A store that counts what DynamoDB would bill for it; ``tests/contract/test_billing.py`` holds it to the real adapter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from chalicelib.store.codec import encode
from chalicelib.types import Key, Page, Put, Resource, Store, Write

ATTRIBUTES = 200
"""Bytes of an item besides its body: keys, version, digest of claims, expiry."""

CLAIM = 150


class BilledStore:
    """A ``Store``. ``counts``: ``calls`` of DynamoDB, ``reads`` (of 4 KB, consistent) and ``writes`` (of 1 KB)."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.counts: Counter[str] = Counter()

    def get(self, key: Key) -> Resource | None:
        found = self._store.get(key)
        self._count(1, reads=_blocks(_size(found)))
        return found

    def several(self, keys: Sequence[Key]) -> Sequence[Resource]:
        found = self._store.several(keys)
        if keys:
            self._count(1, reads=sum(_blocks(_size(item)) for item in found) + len(set(keys)) - len(found))
        return found

    def list(self, kind: str, parent: str | None = None, *, after: str = "", limit: int = 1000) -> Page:
        page = self._store.list(kind, parent, after=after, limit=limit)
        if not parent:
            self._count(1, reads=_blocks(sum(map(_size, page.items))))
            return page
        self._count(1, reads=_blocks(CLAIM * len(page.items)))
        if page.items:
            self._count(1, reads=sum(_blocks(_size(item)) for item in page.items))
        return page

    def ids(self, kind: str, parent: str | None = None) -> Sequence[str]:
        found = self._store.ids(kind, parent)
        # Of one parent only the claims are read; what else is billed is whole items, whatever of them is asked for.
        sizes = [CLAIM] * len(found) if parent else [_size(self._store.get(Key(kind, id))) for id in found]
        self._count(1, reads=_blocks(sum(sizes)))
        return found

    def holder(self, name: str) -> Key | None:
        self._count(1, reads=1)
        return self._store.holder(name)

    def write(self, *writes: Write) -> Sequence[Resource]:
        before = {write.resource.key: self._store.get(write.resource.key) for write in writes}
        written = self._store.write(*writes)
        units = sum(_kilobytes(max(_size(each), _size(before[each.key]))) for each in written)
        moved = sum(_moved(write, before[write.resource.key]) for write in writes)
        if len(writes) == 1 and _is_alone(writes[0]):
            self._count(1, writes=units)
            if not moved:
                return written
            # That failed, since claims move: whether it did is looked up.
            self._count(1, reads=1)
        # What is there is read first, and a transaction writes twice.
        self._count(2, reads=sum(_blocks(_size(each)) for each in before.values()), writes=2 * (units + moved))
        return written

    def _count(self, calls: int, reads: int = 0, writes: int = 0) -> None:
        self.counts.update(calls=calls, reads=reads, writes=writes)


def _is_alone(write: Write) -> bool:
    return not _claims(write.resource) or (isinstance(write, Put) and write.resource.version > 0)


def _moved(write: Write, before: Resource | None) -> int:
    """How many claims a write takes or gives up."""
    after = _claims(write.resource) if isinstance(write, Put) else set()
    return len(after ^ (_claims(before) if before else set()))


def _claims(resource: Resource) -> set[str]:
    return {*resource.unique, *([f"in {resource.parent}"] if resource.parent else [])}


def _size(resource: Resource | None) -> int:
    return ATTRIBUTES + len(encode(resource).encode()) if resource else 0


def _blocks(size: int) -> int:
    return max(1, -(-size // 4096))


def _kilobytes(size: int) -> int:
    return max(1, -(-size // 1024))
