"""Decide about a proxied request before anything is sent: who calls, which cluster, and what goes there.

The standalone edge and the AWS edge call ``admit`` and carry the result over their own transports.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from chalicelib.auth.access import may_enter
from chalicelib.auth.authenticate import Authenticator
from chalicelib.auth.identity import Identity
from chalicelib.auth.memory import Memory
from chalicelib.errors import ClusterUnavailable, Forbidden, NotFound, Unauthorized
from chalicelib.proxy import policy, target
from chalicelib.proxy.target import Target
from chalicelib.store.resources import Resources
from chalicelib.tunnel.heads import RequestHead
from chalicelib.types import Clock, Resource

LARGEST_BODY = 10 * 1024 * 1024
"""Bytes of a request's body: what API Gateway takes, so that both edges agree. An API server takes 3 MB of JSON."""


class Admitted(NamedTuple):
    identity: Identity
    target: Target
    head: RequestHead


class Gatekeeper:
    def __init__(self, authenticator: Authenticator, resources: Resources, clock: Clock) -> None:
        self._authenticator = authenticator
        self._resources = resources
        self._trust = authenticator.trust
        self._known: Memory[bool] = Memory(self._trust, clock)

    def admit(self, method: str, path: str, query: str, headers: Sequence[tuple[str, str]], deflate: bool) -> Admitted:
        """Raises ``Unauthorized``, ``Forbidden``, ``NotFound`` or ``Invalid``; then nothing reaches any cluster."""
        identity = self._authenticator.authenticate([value for name, value in headers if name == "authorization"])
        aim = target.parse(path, query)
        if identity.cluster and identity.cluster != aim.cluster:
            raise Unauthorized("clusterID does not match")
        if not may_enter(identity, aim.cluster):
            raise Forbidden(f"you have no access to a cluster {aim.cluster}")
        self._exists(aim.cluster)
        return Admitted(identity, aim, policy.request(method, aim, headers, identity, deflate=deflate))

    def unavailable(self, cluster: str) -> ClusterUnavailable:
        """Say in words why a cluster can't be reached now."""
        found = self._resources.find("cluster", cluster)
        return ClusterUnavailable(_why(found))

    def _exists(self, cluster: str) -> None:
        if self._known.find(cluster):
            return
        turn = self._trust.turn
        found = self._resources.find("cluster", cluster)
        if found is None or found.removed:
            raise NotFound(f"there is no cluster {cluster}")
        self._known.keep(cluster, cluster, True, turn)


def _why(cluster: Resource | None) -> str:
    if cluster is None:
        return "the cluster is gone"
    name = cluster.spec.get("name", cluster.id)
    for condition in cluster.conditions:
        if condition.status != "True" and condition.message:
            return f"cluster {name}: {condition.message}"
    return f"cluster {name}: its agent is not connected"
