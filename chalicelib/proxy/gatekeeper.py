"""Decide about a proxied request before anything is sent: who calls, which cluster, and what goes there.

The standalone edge and the AWS edge call ``admit`` and carry the result over their own transports; streams over a
WebSocket API are looked at again with ``allow`` (``gateway/callers.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from chalicelib.auth.access import may_enter
from chalicelib.auth.authenticate import Authenticator
from chalicelib.auth.identity import CHANGE_FIRST, Identity
from chalicelib.auth.memory import Memory
from chalicelib.errors import ClusterUnavailable, Forbidden, LariatError, NotFound, Unauthorized
from chalicelib.proxy import policy, target
from chalicelib.proxy.target import Target
from chalicelib.store.resources import Resources
from chalicelib.tunnel.heads import RequestHead
from chalicelib.types import Clock, Resource

LARGEST_BODY = 10 * 1024 * 1024
"""Bytes of a request's body: what API Gateway takes, so that both edges agree. An API server takes 3 MB of JSON."""


class Admitted(NamedTuple):
    """``name`` is what people call the cluster."""

    identity: Identity
    target: Target
    head: RequestHead
    name: str = ""


class Gatekeeper:
    def __init__(self, authenticator: Authenticator, resources: Resources, clock: Clock) -> None:
        self._authenticator = authenticator
        self._resources = resources
        self._trust = authenticator.trust
        self._known: Memory[str] = Memory(self._trust, clock)

    def admit(self, method: str, path: str, query: str, headers: Sequence[tuple[str, str]], deflate: bool) -> Admitted:
        """Raises ``Unauthorized``, ``Forbidden``, ``NotFound`` or ``Invalid``; then nothing reaches any cluster."""
        identity = self.authenticate([value for name, value in headers if name == "authorization"])
        aim = target.parse(path, query)
        name = self._confine(identity, aim.cluster)
        return Admitted(identity, aim, policy.request(method, aim, headers, identity, deflate=deflate), name)

    def recognize(self, headers: Sequence[tuple[str, str]]) -> Identity | None:
        """Say who was refused, as far as that can be proven; the audit log names them."""
        try:
            return self._authenticator.authenticate([value for name, value in headers if name == "authorization"])
        except LariatError:
            return None

    def authenticate(self, authorization: Sequence[str]) -> Identity:
        """Raises ``Unauthorized``, or ``Forbidden`` for a user who needs a new password first."""
        identity = self._authenticator.authenticate(authorization)
        if identity.must_change:
            raise Forbidden(CHANGE_FIRST)
        return identity

    def allow(self, authorization: Sequence[str], cluster: str) -> Identity:
        """Tell whether a stream into a cluster may go on. Raises what ``admit`` raises."""
        identity = self.authenticate(authorization)
        self._confine(identity, cluster)
        return identity

    def unavailable(self, cluster: str) -> ClusterUnavailable:
        """Say in words why a cluster can't be reached now."""
        found = self._resources.find("cluster", cluster)
        return ClusterUnavailable(_why(found))

    def _confine(self, identity: Identity, cluster: str) -> str:
        if identity.cluster and identity.cluster != cluster:
            raise Unauthorized("clusterID does not match")
        if not may_enter(identity, cluster):
            raise Forbidden(f"you have no access to a cluster {cluster}")
        return self._name(cluster)

    def _name(self, cluster: str) -> str:
        """The name of a cluster that exists."""
        known = self._known.find(cluster)
        if known is not None:
            return known
        turn = self._trust.turn
        found = self._resources.find("cluster", cluster)
        if found is None or found.removed:
            raise NotFound(f"there is no cluster {cluster}")
        name = str(found.spec.get("name", cluster))
        self._known.keep(cluster, cluster, name, turn)
        return name


def _why(cluster: Resource | None) -> str:
    if cluster is None:
        return "the cluster is gone"
    name = cluster.spec.get("name", cluster.id)
    for condition in cluster.conditions:
        if condition.status != "True" and condition.message:
            return f"cluster {name}: {condition.message}"
    return f"cluster {name}: its agent is not connected"
