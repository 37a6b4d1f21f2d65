"""Records that gather what many resources say of one thing, so that reading it is one read.

``resources.py`` writes them in the transaction of the resource that has changed; whoever builds it says, by a ``Gather``,
which resources say what of whom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from chalicelib.types import Key, Put, Remove, Resource, Write

ENTRIES = "entries"


class Entry(NamedTuple):
    """What one resource says, and the record that keeps it."""

    record: Key
    value: Any


Gather = Callable[[Resource], Entry | None]


def nothing(_: Resource) -> Entry | None:
    return None


Changes = dict[Key, dict[str, Any]]
"""For each record the entries to set, or (``None``) to drop."""


def changes(gather: Gather, before: Resource | None, after: Resource | None, found: Changes) -> None:
    """Add what follows from one resource's change to ``found``."""
    old, new = gather(before) if before else None, gather(after) if after else None
    written = after or before
    if old == new or written is None:
        return
    name = "/".join(written.key)
    if old is not None:
        found.setdefault(old.record, {})[name] = None
    if new is not None:
        found.setdefault(new.record, {})[name] = new.value


def changed(stored: Resource | None, key: Key, entries: Mapping[str, Any]) -> list[Write]:
    """The write that brings a record up to date; a record that says nothing goes."""
    record = stored or Resource(kind=key.kind, id=key.id)
    merged = {**record.spec.get(ENTRIES, {}), **entries}
    kept = {name: value for name, value in merged.items() if value is not None}
    if kept:
        return [Put(replace(record, spec={ENTRIES: kept}))]
    return [Remove(record)] if stored else []
