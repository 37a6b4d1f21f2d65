"""Bring what is observed to what is desired, one key at a time; the edges' workers call it for each key they take.

Level-triggered: a key says only that something may have changed. Everything is loaded afresh, a controller makes a plan
of it, and this executes the plan.
"""

from __future__ import annotations

import logging

from chalicelib.auth.authenticate import grants_everything
from chalicelib.clusters.client import ClusterClient
from chalicelib.controllers import health
from chalicelib.controllers.health import Observed, Plan
from chalicelib.errors import ClusterUnavailable, NotFound
from chalicelib.store.removal import Removal
from chalicelib.store.resources import Resources, timestamp
from chalicelib.types import Clock, Key, Resource

log = logging.getLogger("lariat.reconcile")


class Reconciler:
    def __init__(self, resources: Resources, client: ClusterClient, clock: Clock, removal: Removal) -> None:
        self._resources = resources
        self._client = client
        self._clock = clock
        self._removal = removal

    def reconcile(self, key: Key) -> float | None:
        """Do what a key needs; return the seconds after which to look again, if ever.

        What is being removed takes along what lives inside. Of the rest, only clusters have a controller so far.
        """
        resource = self._resources.find(*key)
        if resource is None:
            return None
        if resource.removed:
            return 0.0 if self._removal.resume(resource) else None
        return self._execute(key, self._observe(resource)) if key.kind == "cluster" else None

    def clusters(self) -> list[Key]:
        """Every cluster's key, for a start or a repair after messages were missed."""
        return [cluster.key for cluster in self._resources.all("cluster")]

    def _observe(self, cluster: Resource) -> Observed:
        if not self._client.connected(cluster.id):
            return Observed(connected=False)
        try:
            return Observed(connected=True, version=self._client.version(cluster.id))
        except ClusterUnavailable as error:
            return Observed(connected=self._client.connected(cluster.id), failure=error.message)

    def _execute(self, key: Key, observed: Observed) -> float | None:
        administrators = self._administrators()

        def plan(cluster: Resource) -> Plan:
            return health.plan(cluster, observed, administrators, timestamp(self._clock.now()))

        try:
            # Rights come first: who sees the cluster as active may use it.
            failure = self._carry_out(key, plan(self._resources.get(*key)))
            if failure:
                observed = Observed(connected=observed.connected, failure=failure)
            return plan(self._resources.update(key, lambda stored: plan(stored).cluster)).again
        except NotFound:
            return None

    def _carry_out(self, key: Key, plan: Plan) -> str:
        """Write into the cluster; return why that failed, if it did."""
        try:
            for wanted in plan.ensure:
                self._client.ensure(key.id, wanted.path, wanted.document)
            for path in plan.withdraw:
                self._client.withdraw(key.id, path)
        except ClusterUnavailable as error:
            log.warning("cluster %s: %s", key.id, error.message)
            return error.message
        return ""

    def _administrators(self) -> list[str]:
        bindings = self._resources.all("globalRoleBinding")
        return sorted({binding.parent for binding in bindings if grants_everything(binding)})
