"""Agents' registration and admission to the tunnel; the API serves the first, the WebSocket edges ask for the second."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.clusters.registration import Admission, find_token
from chalicelib.errors import Invalid, Unauthorized
from chalicelib.store.resources import Resources
from chalicelib.types import Key, Resource, Seal

ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?):([0-9]{1,5})")
LARGEST_CERTIFICATE = 64 * 1024
LARGEST_TOKEN = 16 * 1024


@dataclass(frozen=True, slots=True)
class Terms:
    """How agents are to connect: by the tunnel's ``url``, if it has a host of its own.

    ``frame`` is how many bytes a WebSocket frame may have, 0 for the least. ``linger`` is how many seconds a replaced
    connection stays open, since somebody may remember it. ``keepalive`` and ``lifetime`` are seconds;
    API Gateway cuts a connection that idles for 10 minutes or lives for 2 hours. ``ping`` is the message that it takes for
    a sign of life without waking anybody, if there is one, and after ``patience`` seconds of silence (0: the agent's own
    measure) an agent asks for an answer.
    """

    keepalive: int
    lifetime: int
    url: str = ""
    frame: int = 0
    linger: int = 2
    ping: str = ""
    patience: int = 0


class Agents:
    def __init__(self, resources: Resources, seal: Seal, terms: Terms) -> None:
        self._resources = resources
        self._seal = seal
        self._terms = terms

    def register(self, cluster: str, document: Mapping[str, Any], base: str) -> Mapping[str, Any]:
        """Take what an admitted agent tells about its cluster and say how to connect. Raises ``Invalid``, ``NotFound``."""
        facts = _facts(document)
        self._resources.update(Key("cluster", cluster), lambda stored: self._described(stored, facts))
        url = self._terms.url or re.sub(r"^http", "ws", base) + "/v3/connect"
        return {
            "type": "tunnel",
            "clusterId": cluster,
            "url": url,
            "keepalive": self._terms.keepalive,
            "lifetime": self._terms.lifetime,
            "frame": self._terms.frame,
            "linger": self._terms.linger,
            "ping": self._terms.ping,
            "patience": self._terms.patience,
        }

    def admit(self, token: str) -> Admission:
        """Tell which cluster's agent shows this token. Raises ``Unauthorized``."""
        registration = find_token(self._resources, token)
        if registration is None:
            raise Unauthorized("the registration token is unknown; its cluster or the token was deleted")
        return Admission(registration.parent, registration.id)

    def _described(self, cluster: Resource, facts: _Facts) -> Resource:
        if cluster.status.get("driver") not in (None, "imported"):
            return cluster
        status = {**cluster.status, "driver": "imported", "apiEndpoint": f"https://{facts.address}", "caCert": facts.ca}
        return replace(cluster, status=status, sealed=self._sealed(cluster, facts.token))

    def _sealed(self, cluster: Resource, token: str) -> Mapping[str, str]:
        """Seal the service account's token, but keep what is there if it is the same: each sealing looks different."""
        purpose = f"{cluster.id}/serviceAccountToken"
        others = {name: value for name, value in cluster.sealed.items() if name != "serviceAccountToken"}
        if not token:
            return others
        known = cluster.sealed.get("serviceAccountToken")
        if known and self._seal.open(known, purpose) == token:
            return cluster.sealed
        return {**others, "serviceAccountToken": self._seal.seal(token, purpose)}


@dataclass(frozen=True, slots=True)
class _Facts:
    address: str
    ca: str
    token: str


def _facts(document: Mapping[str, Any]) -> _Facts:
    cluster = document.get("cluster")
    if not isinstance(cluster, dict):
        raise Invalid("cluster is required", code="MissingRequired", field="cluster")
    address, ca, token = (cluster.get(name, "") for name in ("address", "caCert", "token"))
    if not isinstance(address, str) or not ADDRESS.fullmatch(address) or int(address.rpartition(":")[2]) > 65535:
        raise Invalid("address must be host:port", code="InvalidFormat", field="address")
    if not isinstance(ca, str) or len(ca) > LARGEST_CERTIFICATE or not _is_pem(ca):
        raise Invalid("caCert must be base64 of a PEM", code="InvalidFormat", field="caCert")
    if not isinstance(token, str) or len(token) > LARGEST_TOKEN or not token.isascii():
        raise Invalid("token must be a service account's token", code="InvalidFormat", field="token")
    return _Facts(address, ca, token)


def _is_pem(text: str) -> bool:
    if not text:
        return True
    try:
        return b"-----BEGIN CERTIFICATE-----" in base64.b64decode(text, validate=True)
    except ValueError:
        return False
