"""Bring what is observed to what is desired, one key at a time; the edges' workers call it for each key they take.

Level-triggered: a key says only that something may have changed. Everything is loaded afresh, a controller makes a plan
of it, and this executes the plan. A cluster has two keys: its own, by which its health is looked at, often and cheaply,
and one of the kind ``contents``, by which all that Lariat keeps in it is brought in line. What else changes leads to the
latter, for the clusters concerned. Whoever writes into a cluster holds its lease; who does not get it comes again, since
the holder may have read before what brought them here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

from chalicelib.auth.rights import library
from chalicelib.clusters import desired
from chalicelib.clusters.affected import CONTENTS, Affected
from chalicelib.clusters.client import ClusterClient
from chalicelib.clusters.objects import Objects
from chalicelib.controllers import contents, defaults, health, readiness
from chalicelib.controllers.contents import Desired
from chalicelib.controllers.health import RETRY_SECONDS, Observed, Plan
from chalicelib.errors import ClusterUnavailable, Held, NotFound
from chalicelib.store.leases import Leases
from chalicelib.store.removal import Removal
from chalicelib.store.resources import Resources, timestamp
from chalicelib.types import Clock, Key, Resource, Seal

log = logging.getLogger("lariat.reconcile")

REPAIR_SECONDS = 600.0
"""A cluster's contents are compared this often, for what somebody changed in it."""

TRY_AGAIN = 30.0

Enqueue = Callable[[Iterable[Key]], None]


class Reconciler:
    """``enqueue`` takes the keys that follow from a key; ``word`` draws the random part of an id.

    ``seal`` opens the secrets that projects have in their clusters.
    """

    def __init__(
        self,
        resources: Resources,
        client: ClusterClient,
        clock: Clock,
        removal: Removal,
        enqueue: Enqueue,
        word: Callable[[], str],
        seal: Seal,
    ) -> None:
        self._resources = resources
        self._client = client
        self._objects = Objects(client)
        self._clock = clock
        self._removal = removal
        self._affected = Affected(resources)
        self._leases = Leases(resources, clock)
        self._enqueue = enqueue
        self._word = word
        self._seal = seal

    def reconcile(self, key: Key) -> float | None:
        """Do what a key needs; return the seconds after which to look again, if ever."""
        try:
            return self._reconcile(key)
        except NotFound:
            # Somebody has removed it meanwhile.
            return None
        except Held as held:
            return held.retry_after

    def _reconcile(self, key: Key) -> float | None:
        if key.kind == CONTENTS:
            return self._bring_in_line(key.id)
        resource = self._resources.find(*key)
        if key.kind == "cluster":
            return self._cluster(resource) if resource else None
        self._enqueue([Key(CONTENTS, cluster) for cluster in self._affected.by(key)])
        return 0.0 if resource is not None and self._removal.resume(resource) else None

    def clusters(self) -> list[Key]:
        """The keys of every cluster, for a start or a repair after messages were missed."""
        self._affected.repaired()
        return [Key(kind, id) for id in self._resources.ids("cluster") for kind in ("cluster", CONTENTS)]

    def _cluster(self, cluster: Resource) -> float | None:
        if cluster.removed:
            return self._leave(cluster)
        if not defaults.populated(cluster):
            cluster = self._populate(cluster)
        observed = self._observe(cluster)
        if observed.version is not None and not readiness.is_ready(cluster):
            # Rights come first: who sees the cluster as active may use it.
            observed = self._first(cluster, observed)
        return self._note(cluster.key, observed)

    def _observe(self, cluster: Resource) -> Observed:
        if not self._client.connected(cluster.id):
            return Observed(connected=False)
        try:
            return Observed(connected=True, version=self._client.version(cluster.id))
        except ClusterUnavailable as error:
            return self._failed(cluster, error)

    def _failed(self, cluster: Resource, error: ClusterUnavailable) -> Observed:
        log.warning("cluster %s: %s", cluster.id, error.message)
        return Observed(connected=self._client.connected(cluster.id), failure=error.message)

    def _first(self, cluster: Resource, observed: Observed) -> Observed:
        try:
            known = self._pass(replace(cluster, status=health.status(cluster, observed)))[0]
            return replace(observed, early=not self._objects.know(cluster.id, known.administrators))
        except ClusterUnavailable as error:
            return self._failed(cluster, error)

    def _note(self, key: Key, observed: Observed) -> float | None:
        def plan(cluster: Resource) -> Plan:
            return health.plan(cluster, observed, timestamp(self._clock.now()))

        return plan(self._resources.update(key, lambda stored: plan(stored).cluster)).again

    def _bring_in_line(self, id: str) -> float | None:
        """Have a cluster hold what it should; one that is away gets it when it is back."""
        cluster = self._resources.find("cluster", id)
        if cluster is None or cluster.removed or not readiness.is_ready(cluster):
            return None
        try:
            _, refused = self._pass(cluster)
        except ClusterUnavailable as error:
            log.warning("cluster %s: %s", id, error.message)
            return RETRY_SECONDS
        return TRY_AGAIN if refused else REPAIR_SECONDS

    def _pass(self, cluster: Resource) -> tuple[Desired, tuple[str, ...]]:
        """Compare and write everything; return what was desired, and what the cluster refused."""
        with self._leases.hold(cluster.id):
            wanted = desired.load(self._resources, self._seal, cluster)
            # What an older Lariat made has no label to find it by.
            wholly = (*contents.WHOLE, "ClusterRoleBinding") if wanted.bound else contents.WHOLE
            outcome = contents.plan(wanted, self._objects.look(cluster.id, readiness.version(cluster), wholly))
            desired.remember(self._resources, wanted, outcome, timestamp(self._clock.now()))
            refused = self._objects.carry_out(cluster.id, outcome.plan)
            now = timestamp(self._clock.now())
            self._resources.update(cluster.key, lambda stored: readiness.propagated(stored, cluster, refused, now))
        return wanted, refused

    def _populate(self, cluster: Resource) -> Resource:
        """Give a cluster that the API did not create what it would have given."""
        now = timestamp(self._clock.now())
        changed, *others = defaults.of_cluster(cluster, library(self._resources), self._word, now)
        if not list(self._resources.ids("project", cluster.id)) and others:
            self._resources.create(*others)
        return self._resources.update(cluster.key, lambda stored: defaults.noted(stored, changed))

    def _leave(self, cluster: Resource) -> float | None:
        """Take out of a cluster what Lariat put there, if it can be reached; it goes in any case."""
        if readiness.CONTENTS in cluster.finalizers:
            self._withdraw(cluster)
            desired.forget(self._resources, cluster.id)
            cluster = self._resources.finalize(cluster.key, readiness.CONTENTS)
        return 0.0 if self._removal.resume(cluster) else None

    def _withdraw(self, cluster: Resource) -> None:
        if not self._client.connected(cluster.id):
            return
        try:
            with self._leases.hold(cluster.id):
                wanted = desired.load(self._resources, self._seal, cluster)
                outcome = contents.plan(wanted, self._objects.look(cluster.id, readiness.version(cluster)))
                self._objects.carry_out(cluster.id, outcome.plan)
        except ClusterUnavailable as error:
            log.warning("cluster %s goes, but what Lariat made in it stays: %s", cluster.id, error.message)
