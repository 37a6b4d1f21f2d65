"""A project's resource quota, shared over its namespaces, and what its containers get by default.

Each namespace gets its own wish or the project's default, in the order in which they came into being; one that does not
fit any more gets nothing until something is freed. Kubernetes enforces the rest, by a ResourceQuota and a LimitRange.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from chalicelib.auth.roles.cluster import Place
from chalicelib.controllers.objects import Document, Plan, compare, metadata
from chalicelib.controllers.quantity import amount, written
from chalicelib.types import Resource

OWNER = "quotas"
NAME = "default-quota"
KINDS = ("ResourceQuota", "LimitRange")
WISH = "field.cattle.io/resourceQuota"
CONTAINER_WISH = "field.cattle.io/containerDefaultResourceLimit"
QUOTA_LABEL = "resourcequota.management.cattle.io/default-resource-quota"
FITS = "ResourceQuotaFits"
"""A project's condition: does every namespace get its share?"""

LONGEST = 1000
_UNFIT = (
    "Raise the project's resourceQuota, or lower what its namespaces ask for: these get nothing, for their shares don't "
    "fit in what the older ones leave"
)

TERMS: Mapping[str, str] = {
    "pods": "pods",
    "services": "services",
    "replicationControllers": "replicationcontrollers",
    "secrets": "secrets",
    "configMaps": "configmaps",
    "persistentVolumeClaims": "persistentvolumeclaims",
    "servicesNodePorts": "services.nodeports",
    "servicesLoadBalancers": "services.loadbalancers",
    "requestsCpu": "requests.cpu",
    "requestsMemory": "requests.memory",
    "requestsStorage": "requests.storage",
    "limitsCpu": "limits.cpu",
    "limitsMemory": "limits.memory",
}
"""The v3 API's names of limits, and Kubernetes'."""

_CONTAINER = {
    "limitsCpu": ("default", "cpu"),
    "limitsMemory": ("default", "memory"),
    "requestsCpu": ("defaultRequest", "cpu"),
    "requestsMemory": ("defaultRequest", "memory"),
}

Limits = Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Shares:
    """By project (its full id): ``used`` is what it has handed out, ``unfit`` are its namespaces that got nothing."""

    plan: Plan
    used: Mapping[str, Mapping[str, str]]
    unfit: Mapping[str, Sequence[str]]


def plan(
    projects: Iterable[Resource], namespaces: Sequence[Document], place: Place, observed: Iterable[Document]
) -> Shares:
    wanted: list[Document] = []
    used: dict[str, Mapping[str, str]] = {}
    unfit: dict[str, Sequence[str]] = {}
    for project in projects:
        members = _members(project.id, namespaces, place)
        wanted.extend(range for member in members if (range := _limit_range(project, member)))
        total = _limits(project.spec.get("resourceQuota"))
        if not total:
            continue
        shares = _share(project, members, total)
        wanted.extend(_quota(name, share or dict.fromkeys(total, Decimal(0))) for name, share in shares.items())
        unfit[project.id] = sorted(name for name, share in shares.items() if share is None)
        used[project.id] = {term: written(value) for term, value in _sum(total, shares.values()).items()}
    return Shares(compare(OWNER, wanted, observed), used, unfit)


def told(project: Resource, unfit: Sequence[str], now: str) -> Resource:
    """The project, saying which of its namespaces may have nothing, as nobody else does."""
    if not _limits(project.spec.get("resourceQuota")):
        return replace(project, conditions=tuple(each for each in project.conditions if each.type != FITS))
    if not unfit:
        return project.with_condition(FITS, "True", now=now)
    return project.with_condition(FITS, "False", "Exceeded", f"{_UNFIT}: {', '.join(unfit)}"[:LONGEST], now=now)


def exceeding(project: Resource, others: Iterable[Document], wish: Any) -> list[str]:
    """The terms of a namespace's wish that don't fit beside the other namespaces of its project, for the API."""
    total = _limits(project.spec.get("resourceQuota"))
    left = _left(total, _share(project, list(others), total).values())
    return sorted(term for term, value in _limits(wish).items() if term in left and value > left[term])


def _members(project: str, namespaces: Sequence[Document], place: Place) -> list[Document]:
    names = set(place.of_project(project))
    members = [namespace for namespace in namespaces if namespace["metadata"]["name"] in names]
    return sorted(members, key=lambda item: (item["metadata"].get("creationTimestamp", ""), item["metadata"]["name"]))


def _share(project: Resource, members: Sequence[Document], total: Limits) -> dict[str, Limits | None]:
    """What each namespace gets; ``None`` if that does not fit in what is left."""
    default = _limits(project.spec.get("namespaceDefaultResourceQuota"))
    shares: dict[str, Limits | None] = {}
    for member in members:
        wish = {**default, **_limits(_annotation(member, WISH))}
        share = {term: wish.get(term, Decimal(0)) for term in total}
        left = _left(total, shares.values())
        fits = all(share[term] <= left[term] for term in total)
        shares[member["metadata"]["name"]] = share if fits else None
    return shares


def _left(total: Limits, shares: Iterable[Limits | None]) -> dict[str, Decimal]:
    used = _sum(total, shares)
    return {term: total[term] - used[term] for term in total}


def _sum(total: Limits, shares: Iterable[Limits | None]) -> dict[str, Decimal]:
    given = [share for share in shares if share]
    return {term: sum((share[term] for share in given), Decimal(0)) for term in total}


def _limits(quota: Any) -> dict[str, Decimal]:
    """Read ``{"limit": {…}}``; a term that is no amount, or negative, allows nothing."""
    limit = quota.get("limit") if isinstance(quota, Mapping) else None
    if not isinstance(limit, Mapping):
        return {}
    read = {term: amount(value) or Decimal(0) for term, value in limit.items() if term in TERMS and value != ""}
    return {term: max(value, Decimal(0)) for term, value in read.items()}


def _quota(namespace: str, share: Limits) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": metadata(OWNER, NAME, namespace, {QUOTA_LABEL: "true"}),
        "spec": {"hard": {TERMS[term]: written(value) for term, value in sorted(share.items())}},
    }


def _limit_range(project: Resource, member: Document) -> Document | None:
    limit = _annotation(member, CONTAINER_WISH) or project.spec.get("containerDefaultResourceLimit")
    parts: dict[str, dict[str, str]] = {}
    for term, value in sorted(limit.items()) if isinstance(limit, Mapping) else ():
        number = amount(value)
        if term in _CONTAINER and number is not None and number > 0:
            part, resource = _CONTAINER[term]
            parts.setdefault(part, {})[resource] = written(number)
    if not parts:
        return None
    # What Kubernetes fills in by itself, so that the object reads back as it was written.
    parts["defaultRequest"] = {**parts.get("default", {}), **parts.get("defaultRequest", {})}
    return {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": metadata(OWNER, NAME, member["metadata"]["name"], {QUOTA_LABEL: "true"}),
        "spec": {"limits": [{"type": "Container", **parts}]},
    }


def _annotation(namespace: Document, name: str) -> Any:
    """A wish that a namespace's annotation holds; one that can't be read is none."""
    try:
        return json.loads((namespace["metadata"].get("annotations") or {}).get(name, ""))
    except (ValueError, RecursionError):
        return None
