"""The server as the agent knows it: its trusted certificate, and registration over plain HTTPS.

``agent/connect.py`` registers through it before it opens the tunnel.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from agent.errors import ConfigurationError, Refused, Unreachable
from chalicelib.tunnel.frames import MESSAGE

TIMEOUT = 15.0

SMALLEST_FRAME = 32 * 1024 - 16
"""API Gateway takes WebSocket frames of at most 32 KB; a message is split into as many as it needs."""

LONGEST_PING = 256

SILENT = 1.5
"""Keep-alives without a word after which a server that does not say otherwise is asked for one."""

_WRONG_NAME = (62, 64)
"""OpenSSL's codes for a certificate that holds for other names or addresses than the one that was dialled."""

_MOST_BYTES = 1024 * 1024


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

    def __init__(self, url: str, token: str, checksum: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ConfigurationError(f"--server {url!r}: {error}") from None
        if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or parts.username:
            given = f"{url!r}: an https:// URL is needed" if url else "is missing: the URL of Lariat, https://…"
            raise ConfigurationError(f"--server {given}")
        if not token:
            raise ConfigurationError("--token is missing: it is in the cluster's registration command")
        if checksum and (len(checksum) != 64 or not set(checksum.lower()) <= set("0123456789abcdef")):
            raise ConfigurationError("--ca-checksum: 64 hexadecimal digits (a SHA-256) are needed")
        self._host = parts.hostname
        self._port = port or 443
        self._prefix = parts.path.rstrip("/")
        self._token = token
        self._checksum = checksum.lower()
        self._tls: ssl.SSLContext | None = None

    @property
    def name(self) -> str:
        return f"{self._host}:{self._port}"

    @property
    def headers(self) -> dict[str, str]:
        return {"X-API-Tunnel-Token": self._token}

    def trust(self) -> ssl.SSLContext:
        """Return a context that accepts this server alone. Raises ``Unreachable`` or ``Refused``."""
        if self._tls is None:
            self._tls = self._pinned() if self._checksum else ssl.create_default_context()
        return self._tls

    def register(self, cluster: Cluster) -> Tunnel:
        """Introduce the cluster and learn where the tunnel is. Raises ``Unreachable`` or ``Refused``."""
        body = {"cluster": {"address": cluster.address, "caCert": cluster.certificate, "token": cluster.token}}
        answer = self._ask("POST", "/v3/connect/register", self.trust(), body)
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

    def _pinned(self) -> ssl.SSLContext:
        """Fetch the CA without trust, and trust it only if it is the one whose checksum we were given."""
        blind = ssl.create_default_context()
        blind.check_hostname = False
        blind.verify_mode = ssl.CERT_NONE
        pem = self._ask("GET", "/v3/settings/cacerts", blind).get("value")
        if not isinstance(pem, str) or not pem:
            raise Refused(f"{self.name} has no CA of its own: start the agent without --ca-checksum")
        found = hashlib.sha256(pem.strip("\n").encode() + b"\n").hexdigest()
        if not hmac.compare_digest(found, self._checksum):
            raise Refused(
                f"{self.name} shows a CA with checksum {found}, not the pinned one: wrong server, or an attack"
            )
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(cadata=pem)
        except ssl.SSLError as error:
            raise Refused(f"{self.name} shows a CA that can't be read: {error}") from error
        return context

    def _ask(self, method: str, path: str, tls: ssl.SSLContext, body: dict[str, Any] | None = None) -> dict[str, Any]:
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=TIMEOUT, context=tls)
        headers = {"Accept": "application/json"}
        if body is not None:
            headers |= {"Content-Type": "application/json", **self.headers}
        try:
            connection.request(method, self._prefix + path, json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            status, raw = response.status, response.read(_MOST_BYTES)
        except ssl.SSLCertVerificationError as error:
            raise Refused(f"{self.name} is not to be trusted: {error.verify_message}; {self._advice(error)}") from error
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"can't reach {self.name}: {error}") from error
        finally:
            connection.close()
        return self._read(status, raw)

    def _advice(self, error: ssl.SSLCertVerificationError) -> str:
        if error.verify_code in _WRONG_NAME:
            return f"give the server this name with LARIAT_HOSTNAMES={self._host}"
        return "is --ca-checksum missing?" if not self._checksum else "its certificate is not signed by the pinned CA"

    def _read(self, status: int, raw: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(raw)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise Unreachable(f"{self.name} answered {status} with something that is not Lariat's")
        if status in (401, 403, 404):
            raise Refused(f"{self.name} refused: {answer.get('message') or status}")
        if status >= 300:
            raise Unreachable(f"{self.name} answered {status}: {answer.get('message', '')}")
        return answer
