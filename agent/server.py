"""The server as the agent knows it: its trusted certificate, and registration over plain HTTPS.

``agent/connect.py`` registers through it before it opens the tunnel.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from agent.errors import ConfigurationError, Unreachable
from agent.site import STRAIGHT, Site, is_checksum
from agent.way import Way
from chalicelib.tunnel.frames import MESSAGE

SMALLEST_FRAME = 32 * 1024 - 16
"""API Gateway takes WebSocket frames of at most 32 KB; a message is split into as many as it needs."""


LONGEST_PING = 256

SILENT = 1.5
"""Keep-alives without a word after which a server that does not say otherwise is asked for one."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the agent tells about its cluster. ``token`` is a service account's, or empty; never a person's."""

    address: str
    certificate: str
    token: str


@dataclass(frozen=True, slots=True)
class Tunnel:
    """Where and how to connect: ``keepalive`` and ``lifetime`` are seconds, ``frame`` the bytes of a WebSocket frame.

    ``linger`` is how many seconds a replaced connection must stay, for requests that were sent before the new one was known.
    ``ping`` is the server's own sign of life, if it has one; after ``patience`` seconds of silence it is asked for an answer.
    """

    cluster: str
    url: str
    keepalive: float
    lifetime: float
    frame: int = SMALLEST_FRAME
    linger: float = 2.0
    ping: str = ""
    patience: float = 0.0


class Server:
    """One Lariat server. Without a checksum its certificate must be signed by a CA that the machine trusts."""

    def __init__(self, url: str, token: str, checksum: str, way: Way = STRAIGHT) -> None:
        if not url:
            raise ConfigurationError("--server is missing: the URL of Lariat, https://…")
        try:
            self._site = Site(url, way)
        except ValueError as error:
            raise ConfigurationError(f"--server {url!r}: {error}") from None
        if not token:
            raise ConfigurationError("--token is missing: it is in the cluster's registration command")
        if checksum and not is_checksum(checksum):
            raise ConfigurationError("--ca-checksum: 64 hexadecimal digits (a SHA-256) are needed")
        self.way = way
        self._token = token
        self._checksum = checksum
        self._tls: ssl.SSLContext | None = None

    @property
    def name(self) -> str:
        return self._site.name

    @property
    def headers(self) -> dict[str, str]:
        return {"X-API-Tunnel-Token": self._token}

    def trust(self) -> ssl.SSLContext:
        """Return a context that accepts this server alone. Raises ``Unreachable`` or ``Refused``."""
        if self._tls is None:
            self._tls = self._site.pinned(self._checksum)[0] if self._checksum else ssl.create_default_context()
        return self._tls

    def register(self, cluster: Cluster) -> Tunnel:
        """Introduce the cluster and learn where the tunnel is. Raises ``Unreachable`` or ``Refused``."""
        body = {"cluster": {"address": cluster.address, "caCert": cluster.certificate, "token": cluster.token}}
        answer = self._site.ask("POST", "/v3/connect/register", self.trust(), self.headers, body)
        try:
            return Tunnel(
                cluster=str(answer["clusterId"]),
                url=str(answer["url"]),
                keepalive=float(answer["keepalive"]),
                lifetime=float(answer["lifetime"]),
                linger=float(answer.get("linger", 2.0)),
                ping=str(answer.get("ping", ""))[:LONGEST_PING],
                patience=float(answer.get("patience", 0)) or SILENT * float(answer["keepalive"]),
                frame=min(MESSAGE, max(SMALLEST_FRAME, int(answer.get("frame", 0)))),
            )
        except (KeyError, TypeError, ValueError):
            raise Unreachable(
                f"{self.name} answers the registration with something else: is it a Lariat server?"
            ) from None
