"""A store whose reader is slow: between what it reads of one kind and what it does then, something else happens."""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.types import Key, Page, Resource, Store
from tests.support.billed import BilledStore


class Overtaken(BilledStore):
    """``meanwhile`` happens once, when something of the kind was read."""

    def __init__(self, store: Store, kind: str) -> None:
        super().__init__(store)
        self.meanwhile: Callable[[], object] | None = None
        self._kind = kind

    def get(self, key: Key) -> Resource | None:
        found = super().get(key)
        self._read(key.kind)
        return found

    def list(self, kind: str, parent: str | None = None, *, after: str = "", limit: int = 1000) -> Page:
        found = super().list(kind, parent, after=after, limit=limit)
        self._read(kind)
        return found

    def _read(self, kind: str) -> None:
        meanwhile = self.meanwhile
        if kind == self._kind and meanwhile is not None:
            self.meanwhile = None
            meanwhile()
