"""Which groups of a directory an entry is in, directly or through other groups. ``directory.py`` asks.

Groups are found by their members, and by what a directory computes about a user (``memberOf``). Each level of nesting is
one search for all its groups; a group that was seen is not looked at again, so cycles end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chalicelib.auth.providers import dn, filters
from chalicelib.auth.providers.schemas import DirectorySettings
from chalicelib.types import DirectorySession, Entry

DEEPEST = 16
MOST = 1000
AT_ONCE = 50
"""Members in one filter: directories bound how long a filter may be."""


def of(
    session: DirectorySession, user: Entry, settings: DirectorySettings, of_groups: str, attributes: Sequence[str]
) -> list[Entry]:
    """Return the groups in the order in which they were found, ``MOST`` at most."""
    search = _Search(session, settings, of_groups, attributes)
    level = search.holding([user])
    named = list(user.attributes.get(settings.user_member_attribute.lower(), ()))
    level += search.named([name for name in named if not search.knows(name)])
    for _ in range(DEEPEST if settings.nested_group_membership_enabled else 0):
        if not level or len(search.found) > MOST:
            break
        level = search.holding(level)
    return list(search.found.values())[:MOST]


def first(entry: Entry, attribute: str) -> str:
    return next(iter(entry.attributes.get(attribute.lower(), ())), "")


class _Search:
    """Collects groups; each of its searches returns those that are new."""

    def __init__(
        self, session: DirectorySession, settings: DirectorySettings, of_groups: str, attributes: Sequence[str]
    ) -> None:
        self._session = session
        self._settings = settings
        self._of_groups = of_groups
        self._attributes = attributes
        self.found: dict[object, Entry] = {}

    def knows(self, name: str) -> bool:
        return dn.key(name) in self.found

    def holding(self, members: Iterable[Entry]) -> list[Entry]:
        """Groups that list one of these as a member."""
        attribute = self._settings.group_member_user_attribute
        # A group's members are listed by whichever attribute users are; a directory may compute it or not tell it.
        values = [first(member, attribute) or member.dn for member in members]
        return self._search(self._settings.group_member_mapping_attribute, values)

    def named(self, names: Iterable[str]) -> list[Entry]:
        inside = [name for name in names if dn.within(name, self._settings.group_base)]
        return self._search(self._settings.group_dn_attribute, inside)

    def _search(self, attribute: str, values: list[str]) -> list[Entry]:
        new = []
        for start in range(0, len(values), AT_ONCE):
            some = filters.some([filters.equal(attribute, value) for value in values[start : start + AT_ONCE]])
            wanted = filters.every([self._of_groups, some])
            new += [
                group
                for group in self._session.search(self._settings.group_base, wanted, self._attributes, limit=MOST)
                if self._add(group)
            ]
        return new

    def _add(self, group: Entry) -> bool:
        name = dn.key(group.dn)
        if name in self.found:
            return False
        self.found[name] = group
        return True
