"""Where to look for what a caller may see: in the clusters and projects of their bindings, however many others there are.

``resources.py`` asks for each list, and decides about each resource that is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chalicelib.api.behaviour import Behaviour, Call
from chalicelib.auth.access import is_scattered
from chalicelib.auth.roles import kinds
from chalicelib.auth.roles.access import Access
from chalicelib.schema.kind import Kind
from chalicelib.store.resources import Resources
from chalicelib.types import Key, Resource

LONGEST = 512
"""Characters of a parent that is looked up."""


def wanted(kind: Kind, call: Call) -> str:
    """The parent whose resources alone the caller filters for, if that is one; what is listed is matched anyway."""
    parent = call.request.option(kind.parent) if kind.parent else ""
    return parent if len(parent) <= LONGEST and parent.isprintable() else ""


def candidates(behaviour: Behaviour, call: Call) -> Iterable[Resource]:
    """At least everything of the kind that the caller may see."""
    kind = behaviour.kind
    if not behaviour.plain_list or is_scattered(call.identity, kind.id):
        return behaviour.list(call)
    match kind.id, kind.scope:
        case "user", _:
            return behaviour.resources.several([Key("user", call.identity.user)])
        case "cluster", _:
            return behaviour.resources.several([Key("cluster", id) for id in sorted(call.access.clusters())])
        case _, "cluster":
            return _inside(behaviour, call, call.access.clusters())
        case _, "project":
            return _inside(behaviour, call, _projects(behaviour.resources, call.access, kinds.target(kind.id)))
        case _:
            # It is global, and no global role lets the caller see it.
            return ()


def _inside(behaviour: Behaviour, call: Call, parents: Iterable[str]) -> Iterator[Resource]:
    for parent in sorted(parents):
        yield from behaviour.list(call, parent)


def _projects(resources: Resources, access: Access, target: kinds.Target) -> set[str]:
    """A role in a cluster counts in all of its projects; what is a cluster's own, members of projects may see, too."""
    clusters = access.clusters() if kinds.level(target) == kinds.CLUSTER else access.whole_clusters()
    inside = [project for cluster in clusters for project in resources.ids("project", cluster)]
    return {*inside, *access.projects()}
