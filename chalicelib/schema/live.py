"""Declare kinds that live in clusters by the rules of their mapping, so that each field is written down once.

``kinds/`` calls it. What the rules don't know of a value is ``json``: the cluster looks at it itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from chalicelib.mapping import rules as r
from chalicelib.mapping.containers import CONTAINER, Containers
from chalicelib.mapping.kind import Kind as Mapped
from chalicelib.mapping.secrets import Registries, WriteOnly
from chalicelib.schema.field import PLAIN, Field, read_only, ref
from chalicelib.schema.field import label as dns_label
from chalicelib.schema.kind import Action, Kind, part
from chalicelib.schema.kinds.projects import CONTAINER_LIMIT, NAMESPACE_QUOTA

LONGEST = 1024 * 1024
"""Characters of any text: a cluster keeps no larger objects."""

OBJECT_NAME = Field("hostname", update=False, required=True, longest=253)
LABEL_NAME = dns_label(update=False, required=True)
WORKLOAD_NAME = Field("dnsLabelRestricted", update=False, required=True)

REGISTRY = part(
    "registryCredential",
    username=Field(longest=LONGEST),
    password=Field("password", longest=LONGEST, secret=True),
    auth=Field("password", longest=LONGEST, secret=True),
    description=Field(longest=LONGEST),
)
PARTS = {
    "containerResourceLimit": CONTAINER_LIMIT,
    "namespaceResourceQuota": NAMESPACE_QUOTA,
    "registryCredential": REGISTRY,
}
OWNERS = {"ownerReferences": read_only("array[json]")}


def live(
    mapped: Mapped,
    *,
    name: Field = OBJECT_NAME,
    project: bool = True,
    actions: Mapping[str, Action] = {},
    links: tuple[str, ...] = ("yaml",),
    methods: tuple[str, ...] = ("GET", "PUT", "DELETE"),
    more: Mapping[str, Field] = {},
) -> Kind:
    """``project`` kinds live in a project's namespaces. ``more`` are fields beside, or instead of, those of the rules."""
    place = {"namespaceId": ref("namespace", update=False, required=True)} if mapped.served.namespaced else {}
    belongs = {"projectId": ref("project", create=False, update=False)} if project else {}
    return Kind(
        id=mapped.id,
        plural=mapped.plural,
        base=mapped.base,
        stateful=mapped.state is not None,
        fields={"name": name, **place, **belongs, **declared(mapped.rules), **OWNERS, **more},
        collection_methods=("GET", "POST") if "PUT" in methods else ("GET",),
        resource_methods=methods,
        actions=actions,
        links=links,
    )


def declared(rules: Iterable[r.Rule]) -> dict[str, Field]:
    """The fields that rules read or write."""
    return {name: field for rule in rules for name, field in _of(rule)}


def _of(rule: r.Rule) -> Iterator[tuple[str, Field]]:
    match rule:
        case r.Shown():
            yield from ((name, _shown(field)) for name, field in _of(rule.rule))
        case r.At():
            yield from declared(rule.rules).items()
        case r.Inside() | r.Nested() | r.Each():
            yield rule.name, _holding(rule.type, rule.rules)
        case Containers():
            yield "containers", _part("array[container]", container())
        case Registries():
            yield "registries", _typed("map[registryCredential]")
        case WriteOnly():
            whole = rule.rule.type.startswith("map[")
            yield rule.rule.name, Field(rule.rule.type if whole else "password", longest=LONGEST, secret=True)
        case r.Field() if rule.options:
            yield rule.name, Field("enum", options=rule.options)
        case r.Hidden():
            return
        case _:
            yield from ((name, _typed(type)) for name, type in rule.fields.items())


def _shown(field: Field) -> Field:
    return field._replace(create=False, update=False, place="status")


@cache
def container() -> Kind:
    """A container; those of pods also say how they do."""
    state = {name: read_only() for name in ("state", "transitioning", "transitioningMessage")}
    counts = {name: read_only("int") for name in ("restartCount", "exitCode")}
    own = {"ports": _typed("array[json]"), "initContainer": Field("boolean")}
    return part("container", **{**declared(CONTAINER), **own, **state, **counts})


_MADE: dict[str, Kind] = {}


def _holding(type: str, rules: r.Rules) -> Field:
    """An embedded object of these rules, unless its type has no name of its own."""
    id = _element(type)
    if id in ("json", "persistentVolumeClaim"):
        return _typed(type.replace(id, "json"))
    made = _MADE.get(id)
    if made is None:
        made = _MADE[id] = part(id, **declared(rules))
    return _part(type, made)


def _part(type: str, kind: Kind) -> Field:
    return Field(type, part=kind)


def _typed(type: str) -> Field:
    """A type as the mapping names it, as one that the schema knows."""
    type = re.sub(r"reference\[(?:/\w+)*/(\w+)\]", r"reference[\1]", type)
    element = _element(type)
    if element in PARTS:
        return _part(type, PARTS[element])
    known = element in PLAIN | {"base64", "json"} or element.startswith("reference[")
    type = type if known else type.replace(element, "json")
    type = type.replace("enum", "string")
    return Field(type, longest=512 if element.startswith("reference[") else _longest(element))


def _longest(element: str) -> int:
    return 64 if element == "date" else LONGEST if element in ("string", "enum", "hostname") else 0


def _element(type: str) -> str:
    found = re.fullmatch(r"(?:array|map)\[(.+)\]", type)
    return found[1] if found else type


def named(rest: Mapping[str, Any]) -> dict[str, Field]:
    """Read-only fields by their types."""
    return {name: read_only(type) for name, type in rest.items()}
