"""Reads what somebody may do: their bindings' record, those of their groups, and the roles.

The authenticator asks once for each caller that it proves, and keeps the answer with the identity until a notice says
otherwise. Roles are few and alike for everybody: a process reads them once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from chalicelib.auth.memory import Memory
from chalicelib.auth.roles.access import Access
from chalicelib.auth.roles.bindings import GROUP, Grants, Subject
from chalicelib.auth.roles.globals import GLOBAL_ROLES
from chalicelib.auth.roles.library import Library
from chalicelib.auth.roles.records import GATHERED, KIND, entry, grants, groups, key, subjects
from chalicelib.auth.roles.shipped import restored
from chalicelib.auth.roles.templates import ROLE_TEMPLATES
from chalicelib.auth.trust import Trust
from chalicelib.errors import Conflict
from chalicelib.store.gathering import ENTRIES
from chalicelib.store.notices import EVERYBODY
from chalicelib.store.resources import Resources
from chalicelib.types import Clock, Key, Resource

_ROLES = "roles"


class Known(NamedTuple):
    """A user (``None`` if there is none), the local groups that they are in, and their rights."""

    user: Resource | None
    groups: Sequence[str]
    access: Access


class Rights:
    def __init__(self, resources: Resources, trust: Trust, clock: Clock) -> None:
        self._resources = resources
        self._trust = trust
        self._libraries: Memory[Library] = Memory(trust, clock)

    def of(self, user: str, groups: Sequence[str] = ()) -> Access:
        """A user's rights, with those that come by these groups. Call after ``Trust.renew``. Raises ``Unavailable``."""
        return self.known(user, groups).access

    def of_group(self, group: str) -> Access:
        """What every member of a group is given."""
        return Access("", held(self._resources, [Subject(GROUP, group)])[0], self.library())

    def known(self, user: str, groups: Sequence[str] = ()) -> Known:
        """All that there is to know about a user: one read, and another for whom is in local groups."""
        found = self._resources.several([Key("user", user), *map(key, subjects(user, groups))])
        users, records = [each for each in found if each.kind == "user"], [each for each in found if each.kind == KIND]
        given, inside = _with_groups(self._resources, records)
        return Known(next(iter(users), None), inside, Access(user, given, self.library()))

    def library(self) -> Library:
        """All roles, as far as remembered."""
        turn = self._trust.turn
        known = self._libraries.find(_ROLES)
        if known is None:
            known = library(self._resources)
            self._libraries.keep(_ROLES, EVERYBODY, known, turn)
        return known


def held(resources: Resources, who: Iterable[Subject]) -> tuple[list[Grants], list[str]]:
    """What these subjects were given, also by local groups, and those groups."""
    return _with_groups(resources, resources.several([key(subject) for subject in who]))


def _with_groups(resources: Resources, records: Sequence[Resource]) -> tuple[list[Grants], list[str]]:
    inside = groups(records)
    theirs = resources.several([key(Subject(GROUP, group)) for group in inside]) if inside else ()
    return [grants(record) for record in (*records, *theirs)], inside


def library(resources: Resources) -> Library:
    """All roles, as stored now."""
    return Library(
        together(GLOBAL_ROLES, list(resources.all("globalRole"))),
        together(ROLE_TEMPLATES, list(resources.all("roleTemplate"))),
    )


def rebuild(resources: Resources) -> None:
    """Bring every subject's record in line with the bindings, for stores that an older Lariat wrote, or a hand."""
    wanted: dict[Key, dict[str, object]] = {}
    for kind in GATHERED:
        for binding in resources.all(kind):
            said = entry(binding)
            if said is not None:
                wanted.setdefault(said.record, {})["/".join(binding.key)] = said.value
    for stored in [*resources.all(KIND)]:
        _correct(resources, stored.key, wanted.pop(stored.key, {}))
    for record, entries in wanted.items():
        _correct(resources, record, entries)


def _correct(resources: Resources, record: Key, entries: Mapping[str, object]) -> None:
    """What differs is read again: a binding may have come or gone since all were read, and its word counts.

    One that is written meanwhile moves the record; then this is for the next time.
    """
    stored = resources.find(*record)
    held: Mapping[str, object] = stored.spec.get(ENTRIES) or {} if stored else {}
    doubtful = {name for name in (*held, *entries) if held.get(name) != entries.get(name)}
    said = {name: _said(resources, name, record) for name in doubtful}
    right = {name: value for name, value in {**held, **said}.items() if value is not None}
    if right == held:
        return
    with contextlib.suppress(Conflict):
        if stored is not None:
            resources.replace(replace(stored, spec={ENTRIES: right}))
            return
        resources.create(Resource(kind=record.kind, id=record.id, spec={ENTRIES: right}))
        # A binding that went before there was a record had none to move.
        _correct(resources, record, {})


def _said(resources: Resources, name: str, record: Key) -> object:
    """What the binding of an entry's name says now of the record's subject; ``None`` for nothing."""
    kind, _, id = name.partition("/")
    binding = resources.find(kind, id) if kind in GATHERED and id else None
    said = entry(binding) if binding is not None else None
    return said.value if said is not None and said.record == record else None


def together(shipped: Sequence[Resource], stored: Sequence[Resource]) -> list[Resource]:
    """The roles that Lariat ships, with what administrators have chosen about them, and their own."""
    found = {resource.id: resource for resource in stored}
    built_in = [restored(found.pop(role.id, None), role) for role in shipped]
    return [*built_in, *(replace(role, spec={**role.spec, "builtin": False}) for role in found.values())]
