"""One "version" of the v3 API: a path with the kinds that live under it. ``kinds/`` makes them, ``api/`` serves them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chalicelib.schema.kind import Kind


@dataclass(frozen=True, eq=False)
class Version:
    """``context`` is ``cluster`` or ``project`` for kinds that live inside of one, else empty.

    ``parts`` are answered beside the resources.
    """

    path: str
    group: str
    kinds: tuple[Kind, ...]
    context: str = ""
    version: str = "v3"
    parts: tuple[Kind, ...] = ()

    @property
    def document(self) -> Mapping[str, Any]:
        """What each of its schemas says of it."""
        document: dict[str, Any] = {"group": self.group, "path": self.path, "version": self.version}
        if self.context:
            document |= {"subContext": True, "filterField": f"/v3/schemas/{self.context}"}
        return document

    @cached_property
    def schemas(self) -> tuple[Kind, ...]:
        """Every kind that can be reached, in the order of ids: the resources, and what they are made of."""
        found: dict[str, Kind] = {}
        _gather((*self.kinds, *self.parts), found)
        return tuple(found[id] for id in sorted(found))

    def find(self, name: str) -> Kind | None:
        """Look a kind up by its id or plural, whatever the case."""
        return self._index.get(name.lower())

    def children(self, kind: Kind) -> tuple[Kind, ...]:
        """The kinds whose resources live inside of this one's."""
        return tuple(child for child in self.kinds if child.parent and child.scope == kind.id)

    def pointing(self, kind: Kind) -> tuple[tuple[Kind, str], ...]:
        """The kinds, with the field, that refer to this one and can be listed by that."""
        return tuple(
            (other, name)
            for other in self.kinds
            if "GET" in other.collection_methods
            for name, field in other.fields.items()
            if field.reference == kind.id
        )

    @cached_property
    def _index(self) -> Mapping[str, Kind]:
        plurals = {kind.plural.lower(): kind for kind in self.schemas}
        return plurals | {kind.id.lower(): kind for kind in self.schemas}


def _gather(kinds: Iterable[Kind], found: dict[str, Kind]) -> None:
    for kind in kinds:
        if kind.id not in found:
            found[kind.id] = kind
            _gather(kind.parts(), found)
