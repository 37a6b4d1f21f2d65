"""One record a subject: all bindings of a user or a group, and the local groups that it is in.

``store/resources.py`` gathers them as they are written. A caller's rights so are one read of their own record and those of
their groups, however many others there are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from chalicelib.auth.roles.bindings import GROUP, USER, Binding, Grants, Subject, index, is_subject, read
from chalicelib.store.gathering import ENTRIES, Entry
from chalicelib.store.notices import BINDINGS, MEMBERSHIP
from chalicelib.types import Key, Resource

KIND = "access"

GATHERED = (*sorted(BINDINGS), MEMBERSHIP)
"""The kinds whose resources say something of a subject."""


def entry(resource: Resource) -> Entry | None:
    """What a binding or a membership says of its subject; anything else says nothing of anybody."""
    if resource.kind == MEMBERSHIP:
        return _membership(resource)
    binding = read(resource)
    return Entry(key(binding.subject), [binding.role, binding.scope]) if binding else None


def key(subject: Subject) -> Key:
    """Groups' names may be long, so that they are hashed."""
    name = hashlib.sha256(subject.name.encode()).hexdigest() if subject.kind == GROUP else subject.name
    return Key(KIND, f"{subject.kind.lower()}/{name}")


def subjects(user: str, groups: Iterable[str]) -> list[Subject]:
    return [Subject(USER, user), *(Subject(GROUP, group) for group in dict.fromkeys(groups))]


def grants(record: Resource) -> Grants:
    """What a record's subject was given; an entry that can't be read gives nothing."""
    nobody = Subject(USER, record.id)
    entries = record.spec.get(ENTRIES) or {}
    found = [_binding(str(name), value, nobody) for name, value in entries.items()]
    return index(binding for binding in found if binding).get(nobody, Grants())


def groups(records: Iterable[Resource]) -> list[str]:
    """The local groups that the records' subjects are in."""
    said = [item for record in records for item in (record.spec.get(ENTRIES) or {}).items()]
    found = [value for name, value in said if str(name).startswith(f"{MEMBERSHIP}/")]
    lone = [value[0] for value in found if isinstance(value, list | tuple) and len(value) == 1]
    return sorted({str(group) for group in lone if is_subject(group)})


def _membership(member: Resource) -> Entry | None:
    user, group = member.spec.get("userId"), member.spec.get("groupId")
    subject = Subject(USER, user) if user else Subject(GROUP, member.spec.get("principalId") or "")
    if member.removed or not is_subject(subject.name) or not is_subject(group):
        return None
    return Entry(key(subject), [group])


def _binding(name: str, value: object, subject: Subject) -> Binding | None:
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        return None
    kind, _, _ = name.partition("/")
    match value:
        case [role, scope] if role and bool(scope) == (kind != "globalRoleBinding"):
            return Binding(kind, "", subject, role, scope)
    return None
