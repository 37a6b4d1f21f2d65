"""Reads what somebody may do: their bindings' record, those of their groups, and the roles.

The authenticator asks once for each caller that it proves, and keeps the answer with the identity until a notice says
otherwise. Roles are few and alike for everybody: a process reads them once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from chalicelib.auth.memory import Memory
from chalicelib.auth.roles.access import Access
from chalicelib.auth.roles.globals import GLOBAL_ROLES
from chalicelib.auth.roles.library import Library
from chalicelib.auth.roles.records import KIND, entry, grants, key, subjects
from chalicelib.auth.roles.shipped import restored
from chalicelib.auth.roles.templates import ROLE_TEMPLATES
from chalicelib.auth.trust import Trust
from chalicelib.errors import Conflict
from chalicelib.store.gathering import ENTRIES
from chalicelib.store.notices import BINDINGS, EVERYBODY
from chalicelib.store.resources import Resources
from chalicelib.types import Clock, Key, Resource

_ROLES = "roles"


class Rights:
    def __init__(self, resources: Resources, trust: Trust, clock: Clock) -> None:
        self._resources = resources
        self._trust = trust
        self._libraries: Memory[Library] = Memory(trust, clock)

    def of(self, user: str, groups: Sequence[str] = ()) -> Access:
        """A user's rights, with those that come by these groups. Call after ``Trust.renew``. Raises ``Unavailable``."""
        records = self._resources.several([key(subject) for subject in subjects(user, groups)])
        return Access(user, map(grants, records), self.library())

    def library(self) -> Library:
        """All roles, as far as remembered."""
        turn = self._trust.turn
        known = self._libraries.find(_ROLES)
        if known is None:
            known = library(self._resources)
            self._libraries.keep(_ROLES, EVERYBODY, known, turn)
        return known


def library(resources: Resources) -> Library:
    """All roles, as stored now."""
    return Library(
        together(GLOBAL_ROLES, list(resources.all("globalRole"))),
        together(ROLE_TEMPLATES, list(resources.all("roleTemplate"))),
    )


def rebuild(resources: Resources) -> None:
    """Bring every subject's record in line with the bindings, for stores that an older Lariat wrote, or a hand."""
    wanted: dict[Key, dict[str, object]] = {}
    for kind in BINDINGS:
        for binding in resources.all(kind):
            said = entry(binding)
            if said is not None:
                wanted.setdefault(said.record, {})["/".join(binding.key)] = said.value
    for stored in [*resources.all(KIND)]:
        _correct(resources, stored.key, wanted.pop(stored.key, {}))
    for record, entries in wanted.items():
        _correct(resources, record, entries)


def _correct(resources: Resources, record: Key, entries: Mapping[str, object]) -> None:
    """A binding that is written meanwhile moves the record; then this is for the next time."""
    stored = resources.find(*record)
    with contextlib.suppress(Conflict):
        if stored is None:
            resources.create(Resource(kind=record.kind, id=record.id, spec={ENTRIES: entries}))
        elif stored.spec.get(ENTRIES) != entries:
            resources.replace(replace(stored, spec={ENTRIES: entries}))


def together(shipped: Sequence[Resource], stored: Sequence[Resource]) -> list[Resource]:
    """The roles that Lariat ships, with what administrators have chosen about them, and their own."""
    found = {resource.id: resource for resource in stored}
    built_in = [restored(found.pop(role.id, None), role) for role in shipped]
    return [*built_in, *(replace(role, spec={**role.spec, "builtin": False}) for role in found.values())]
