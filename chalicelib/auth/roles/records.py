"""One record a subject: all bindings of a user or a group, gathered by ``store/resources.py`` as they are written.

A caller's rights so are one read of their own record and those of their groups (``grants``), however many others there are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from chalicelib.auth.roles.bindings import GROUP, USER, Binding, Grants, Subject, index, read
from chalicelib.store.gathering import ENTRIES, Entry
from chalicelib.types import Key, Resource

KIND = "access"


def entry(resource: Resource) -> Entry | None:
    """What a binding says of its subject; anything else says nothing of anybody."""
    binding = read(resource)
    return Entry(key(binding.subject), [binding.role, binding.scope]) if binding else None


def key(subject: Subject) -> Key:
    """Groups' names may be long, so that they are hashed."""
    name = hashlib.sha256(subject.name.encode()).hexdigest() if subject.kind == GROUP else subject.name
    return Key(KIND, f"{subject.kind.lower()}/{name}")


def subjects(user: str, groups: Sequence[str]) -> list[Subject]:
    return [Subject(USER, user), *(Subject(GROUP, group) for group in dict.fromkeys(groups))]


def grants(record: Resource) -> Grants:
    """What a record's subject was given; an entry that can't be read gives nothing."""
    nobody = Subject(USER, record.id)
    entries = record.spec.get(ENTRIES) or {}
    found = [_binding(str(name), value, nobody) for name, value in entries.items()]
    return index(binding for binding in found if binding).get(nobody, Grants())


def _binding(name: str, value: object, subject: Subject) -> Binding | None:
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        return None
    kind, _, _ = name.partition("/")
    match value:
        case [role, scope] if role and bool(scope) == (kind != "globalRoleBinding"):
            return Binding(kind, "", subject, role, scope)
    return None
