"""Who is a member of a cluster or a project, as the access mode ``restricted`` asks; ``chalicelib/main.py`` passes it on."""

from __future__ import annotations

from collections.abc import Collection

from chalicelib.auth.providers.principal import LOCAL, parse
from chalicelib.auth.rights import held
from chalicelib.auth.roles.bindings import GROUP, USER, Subject
from chalicelib.store.resources import Resources


def is_member(resources: Resources, ids: Collection[str]) -> bool:
    """Does a binding of a cluster or a project name one of these principals, or a local group that one is in?"""
    given, _ = held(resources, [_subject(id) for id in ids])
    return any(grants.clusters or grants.projects for grants in given)


def _subject(id: str) -> Subject:
    """Users are bound by the id that they have here. Any other principal can be a group."""
    parts = parse(id)
    return Subject(USER, parts.rest) if parts.provider == LOCAL else Subject(GROUP, id)
