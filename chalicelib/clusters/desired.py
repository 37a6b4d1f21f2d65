"""What the store says that a cluster has to hold, loaded for one pass over it, and what a pass leaves to remember.

The reads are those of the one cluster, however many others there are. Administrators are in every cluster, so they have a
record of their own, which ``administrators.py`` keeps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chalicelib.auth.rights import library
from chalicelib.auth.roles.bindings import read_all
from chalicelib.clusters import isolation, secrets
from chalicelib.clusters.administrators import Administrators
from chalicelib.controllers import quotas
from chalicelib.controllers.contents import Desired, Outcome
from chalicelib.controllers.podsecurity import SHIPPED
from chalicelib.errors import Conflict, NotFound
from chalicelib.store.resources import Resources
from chalicelib.types import Resource, Seal

PLACEMENT = "placement"
"""The kind of the record of a cluster: which project each of its namespaces (by uid) is in."""

NAMESPACES = "namespaces"
POLICY = "podSecurityPolicyTemplateId"
"""Where a project says which policy is chosen for it."""


def load(resources: Resources, seal: Seal, cluster: Resource) -> Desired:
    """A cluster that is being removed is to hold no secret, so none is opened."""
    # Before the projects: one that the record names and that is not there is gone then, never yet to be seen.
    record = placement(resources, cluster.id)
    known = library(resources)
    projects = list(resources.all("project", cluster.id))
    inside = [binding for project in projects for binding in resources.all("projectRoleTemplateBinding", project.id)]
    bindings = [*resources.all("clusterRoleTemplateBinding", cluster.id), *inside]
    return Desired(
        cluster=cluster,
        library=known,
        bindings=(*Administrators(resources).bindings(known), *read_all(bindings)),
        projects=_with_policies(resources, projects),
        secrets=() if cluster.removed else [*secrets.load(resources, seal, projects)],
        policies=policies(resources),
        record=record,
    )


def placement(resources: Resources, cluster: str) -> Mapping[str, str]:
    """Which project each namespace of a cluster, by its uid, was last known to be in."""
    record = resources.find(PLACEMENT, cluster)
    found: Mapping[str, str] = record.spec.get(NAMESPACES, {}) if record else {}
    return found


def place(resources: Resources, cluster: str, namespace: str, project: str, source: str) -> None:
    """Put a namespace, by its uid, into a project (or none), and have the cluster follow.

    Rights were checked before, for the project that it was in then: ``source``. Raises ``Conflict`` if that has changed.
    """

    def placed(known: Mapping[str, str]) -> Mapping[str, str]:
        if known.get(namespace, source) not in (source, project):
            raise Conflict("somebody else has moved the namespace meanwhile")
        return {**known, namespace: project}

    _change(resources, cluster, placed)
    resources.touch(cluster)


def remember(resources: Resources, desired: Desired, outcome: Outcome, now: str) -> None:
    """Keep what a pass has seen; what the API has placed meanwhile counts."""
    isolation.keep(resources, desired)
    for project in desired.projects:
        _tell(resources, project, outcome.used.get(project.id, {}), outcome.unfit.get(project.id, ()), now)
    if outcome.record == desired.record:
        return

    def seen(known: Mapping[str, str]) -> Mapping[str, str]:
        moved = {uid: project for uid, project in known.items() if desired.record.get(uid) != project}
        return {**outcome.record, **moved}

    _change(resources, desired.cluster.id, seen)


def forget(resources: Resources, cluster: str) -> None:
    """The cluster is gone."""
    record = resources.find(PLACEMENT, cluster)
    if record is not None:
        resources.discard(record)


def _change(resources: Resources, cluster: str, change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
    def changed(record: Resource) -> Resource:
        return replace(record, spec={NAMESPACES: change(record.spec.get(NAMESPACES, {}))})

    resources.record(Resource(kind=PLACEMENT, id=cluster), changed)


def _tell(resources: Resources, project: Resource, used: Mapping[str, str], unfit: Sequence[str], now: str) -> None:
    """Show what a project's namespaces have of its quota, which get nothing, and which policy is chosen for it."""
    chosen = project.spec.get(POLICY)

    def told(stored: Resource) -> Resource:
        quota = stored.spec.get("resourceQuota")
        whole = {**stored.spec, "resourceQuota": {**quota, "usedLimit": dict(used)}} if quota else stored.spec
        return quotas.told(replace(stored, spec=whole, status={**stored.status, POLICY: chosen}), unfit, now)

    quota = project.spec.get("resourceQuota")
    known = not quota or (quota.get("usedLimit") or {}) == used
    told_already = quotas.told(project, unfit, now).conditions == project.conditions
    if not (known and told_already) or project.status.get(POLICY) != chosen:
        with contextlib.suppress(NotFound):
            resources.update(project.key, told)


def policies(resources: Resources) -> dict[str, Resource]:
    """The pod security policy templates by id; a stored one takes the place of one that comes with the server."""
    stored = {policy.id: policy for policy in resources.all("podSecurityPolicyTemplate") if not policy.removed}
    return {policy.id: policy for policy in SHIPPED} | stored


def _with_policies(resources: Resources, projects: list[Resource]) -> list[Resource]:
    """Projects as controllers read them, with the policy that was chosen by a binding of its own."""
    return [replace(project, spec={**project.spec, **_chosen(resources, project)}) for project in projects]


def _chosen(resources: Resources, project: Resource) -> dict[str, Any]:
    bindings = resources.all("podSecurityPolicyTemplateProjectBinding", project.id)
    chosen = [binding.spec.get(POLICY) for binding in bindings if not binding.removed]
    return {POLICY: chosen[0]} if chosen else {}
