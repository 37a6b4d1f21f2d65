"""Everything that Lariat keeps in one cluster, in one pass: the plans of all controllers that write there, merged.

``reconcile.py`` has a cluster's key, whatever changed; it loads ``Desired`` from the store, has ``clusters/objects.py``
look at the cluster, and carries the plan out. A cluster that is being removed gets the plan to leave nothing behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.auth.roles.bindings import Binding, Subject
from chalicelib.auth.roles.cluster import Place
from chalicelib.auth.roles.library import Library
from chalicelib.controllers import network, placement, podsecurity, quotas, rights, secrets
from chalicelib.controllers.defaults import SYSTEM_PROJECT, places
from chalicelib.controllers.objects import Document, Plan, merged
from chalicelib.controllers.readiness import BOUND
from chalicelib.controllers.secrets import Secret
from chalicelib.types import Resource

WHOLE = ("Namespace", "ClusterRole")
"""Kinds to look at wholly, not only at what Lariat made of them."""

OURS = tuple(
    dict.fromkeys(
        kind
        for controller in (rights, podsecurity, network, quotas, secrets)
        for kind in controller.KINDS
        if kind not in WHOLE
    )
)
NAMED_SINCE = 21
"""The minor version of Kubernetes that labels each namespace with its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What the store says of one cluster.

    ``record`` is which project each namespace (by uid) was last known to be in; ``policies`` are the pod security policy
    templates by id; ``bindings`` may hold other clusters' too.
    """

    cluster: Resource
    library: Library
    bindings: Sequence[Binding] = ()
    projects: Sequence[Resource] = ()
    secrets: Sequence[Secret] = ()
    policies: Mapping[str, Resource] = field(default_factory=dict)
    record: Mapping[str, str] = field(default_factory=dict)

    @property
    def bound(self) -> Sequence[str]:
        """The users that an older Lariat bound as administrators, in objects without our label."""
        return [str(user) for user in self.cluster.status.get(BOUND) or ()]

    @property
    def administrators(self) -> list[Subject]:
        bindings = (binding for binding in self.bindings if binding.kind == "globalRoleBinding")
        return list(dict.fromkeys(binding.subject for binding in bindings))


@dataclass(frozen=True, slots=True)
class Observed:
    """What is in the cluster: all objects of the kinds above, by kind."""

    objects: Mapping[str, Sequence[Document]]
    minor: int
    policies: bool

    def of(self, *kinds: str) -> list[Document]:
        return [document for kind in kinds for document in self.objects.get(kind, ())]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The plan, and what to remember: the new ``record``, what of their quotas projects have ``used``, and which of their
    namespaces are ``unfit`` for a share."""

    plan: Plan
    record: Mapping[str, str]
    used: Mapping[str, Mapping[str, str]]
    unfit: Mapping[str, Sequence[str]]


def isolated(cluster: Resource) -> bool:
    """Are the projects of a cluster to be isolated from each other?"""
    return cluster.spec.get("enableNetworkPolicy") is True


def plan(desired: Desired, observed: Observed) -> Outcome:
    leaving = bool(desired.cluster.removed)
    projects = [project for project in desired.projects if not project.removed and not leaving]
    ids = frozenset(project.id for project in projects)
    namespaces = observed.of("Namespace")
    placed = placement.place(namespaces, desired.record, ids, places(projects), leaving=leaving)
    system = next((project.id for project in projects if project.labels.get(SYSTEM_PROJECT) == "true"), "")
    on, named = isolated(desired.cluster), observed.minor >= NAMED_SINCE
    chosen = podsecurity.choose(desired.cluster, projects, desired.policies)
    guarded = (ids if on and not named else frozenset()) | (frozenset() if observed.policies else chosen.keys())
    place = Place(desired.cluster.id, ids, placed.namespaces, frozenset(guarded))
    shares = quotas.plan(projects, namespaces, place, observed.of(*quotas.KINDS))
    plans = [
        # What limits comes before what allows.
        shares.plan,
        network.plan(place, system, on, named, observed.of(*network.KINDS)),
        podsecurity.plan(chosen, place, observed.policies, observed.of(*podsecurity.KINDS), namespaces),
        placed.plan,
        rights.plan(
            () if leaving else desired.bindings,
            desired.library,
            place,
            rights.adopted(observed.of(*rights.KINDS), desired.bound),
        ),
        secrets.plan(desired.secrets, place, observed.of(*secrets.KINDS)),
    ]
    return Outcome(merged(plans), placed.record, shares.used, shares.unfit)
