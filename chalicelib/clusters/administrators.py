"""Who is an administrator of every cluster: one record, so that a pass over a cluster need not look at every user's bindings.

``reconcile.py`` keeps it as global roles and their bindings change, and looks at every cluster only when it has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from chalicelib.auth.roles.bindings import Binding, Subject, read
from chalicelib.auth.roles.library import Library, is_everything
from chalicelib.store.gathering import ENTRIES
from chalicelib.store.resources import Resources
from chalicelib.types import Key, Resource

KEY = Key("administrators", "all")

Entries = Mapping[str, list[str]]
"""By a binding's id: the role, and the kind and name of the subject."""


class Administrators:
    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def bindings(self, library: Library) -> tuple[Binding, ...]:
        """The bindings that make administrators, as the roles are now."""
        found = [_restored(entry) for entry in self._entries().values()]
        return tuple(binding for binding in found if is_everything(library.role(binding.role)))

    def renew(self, binding: str, library: Library) -> bool:
        """Look at one binding, which may be gone; say whether that changes who is an administrator."""
        return _settled(lambda: self._renew(binding, library))

    def rebuild(self, library: Library) -> bool:
        """Look at all bindings: a role has changed, or something was missed."""
        return _settled(lambda: self._rebuild(library))

    def _renew(self, binding: str, library: Library) -> bool:
        stored = self._resources.find("globalRoleBinding", binding)
        entry = _entry(stored, library) if stored else None
        return self._set(
            lambda known: {**{id: each for id, each in known.items() if id != binding}, **_named(binding, entry)}
        )

    def _rebuild(self, library: Library) -> bool:
        entries = {each.id: _entry(each, library) for each in self._resources.all("globalRoleBinding")}
        return self._set(lambda _: {id: entry for id, entry in entries.items() if entry is not None})

    def _entries(self) -> Entries:
        record = self._resources.find(*KEY)
        return _entries_of(record) if record else {}

    def _set(self, change: Callable[[Entries], Entries]) -> bool:
        before = self._entries()
        if change(before) == before:
            return False

        def changed(record: Resource) -> Resource:
            return replace(record, spec={ENTRIES: change(_entries_of(record))})

        self._resources.record(Resource(kind=KEY.kind, id=KEY.id), changed)
        return True


def _settled(look: Callable[[], bool]) -> bool:
    """Look again after each change: a binding may have gone since it was read, and who was told found nothing to drop."""
    changed = False
    while look():
        changed = True
    return changed


def _entries_of(record: Resource) -> Entries:
    entries: Entries = record.spec.get(ENTRIES, {})
    return entries


def _entry(stored: Resource, library: Library) -> list[str] | None:
    binding = read(stored)
    if binding is None or not is_everything(library.role(binding.role)):
        return None
    return [binding.role, *binding.subject]


def _named(id: str, entry: list[str] | None) -> dict[str, list[str]]:
    return {} if entry is None else {id: entry}


def _restored(entry: list[str]) -> Binding:
    role, kind, name = entry
    return Binding("globalRoleBinding", "", Subject(kind, name), role)
