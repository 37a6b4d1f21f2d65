"""A Lariat server as its clients find it: an address, the CA that is trusted for it, and plain questions over HTTPS.

``agent/server.py`` registers through it; the ``lariat`` command logs in and looks clusters up.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from agent.errors import Refused, Unreachable
from agent.way import Way

TIMEOUT = 15.0

_WRONG_NAME = (62, 64)
"""OpenSSL's codes for a certificate that holds for other names or addresses than the one that was dialled."""

_MOST_BYTES = 1024 * 1024
STRAIGHT = Way()


class Untrusted(Refused):
    """The server's certificate is not signed by a CA that is trusted for it."""


class Site:
    def __init__(self, url: str, way: Way = STRAIGHT) -> None:
        """Raises ``ValueError`` for what is no URL of a server."""
        parts = urlsplit(url)
        port = parts.port
        if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or parts.username:
            raise ValueError("an https:// URL is needed")
        self._host = parts.hostname
        self._port = port or 443
        self._prefix = parts.path.rstrip("/")
        self._way = way
        self._pinned = False

    @property
    def name(self) -> str:
        return f"{self._host}:{self._port}"

    def authority(self) -> str:
        """Return the PEM of the server's own CA, whoever the server is. Raises ``Refused`` if it has none."""
        blind = ssl.create_default_context()
        blind.check_hostname = False
        blind.verify_mode = ssl.CERT_NONE
        pem = self.ask("GET", "/v3/settings/cacerts", blind).get("value")
        if not isinstance(pem, str) or not pem:
            raise Refused(f"{self.name} has no CA of its own: leave out --ca-checksum")
        return pem

    def pinned(self, checksum: str) -> tuple[ssl.SSLContext, str]:
        """Fetch the CA without trust, and trust it only if it is the one whose checksum we were given."""
        pem = self.authority()
        found = checksum_of(pem)
        if not hmac.compare_digest(found, checksum.lower()):
            raise Refused(
                f"{self.name} shows a CA with checksum {found}, not the pinned one: wrong server, or an attack"
            )
        return self.trusting(pem), pem

    def trusting(self, pem: str) -> ssl.SSLContext:
        """Return a context that trusts this CA alone. Raises ``Refused``."""
        self._pinned = True
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(cadata=pem)
        except ssl.SSLError as error:
            raise Refused(f"{self.name} shows a CA that can't be read: {error}") from error
        return context

    def ask(
        self,
        method: str,
        path: str,
        tls: ssl.SSLContext,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the object that the server answers with. Raises ``Unreachable`` or ``Refused``."""
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=TIMEOUT, context=tls)
        sent = {"Accept": "application/json", **(headers or {})}
        if body is not None:
            sent["Content-Type"] = "application/json"
        try:
            connection.sock = tls.wrap_socket(
                self._way.connect(self._host, self._port, TIMEOUT), server_hostname=self._host
            )
            connection.request(method, self._prefix + path, json.dumps(body) if body is not None else None, sent)
            response = connection.getresponse()
            status, raw = response.status, response.read(_MOST_BYTES)
        except ssl.SSLCertVerificationError as error:
            why = f"{error.verify_message}; {self._advice(error)}"
            raise Untrusted(f"{self.name} is not to be trusted: {why}") from error
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"can't reach {self.name}: {error}") from error
        finally:
            connection.close()
        return self._read(status, raw)

    def _advice(self, error: ssl.SSLCertVerificationError) -> str:
        if error.verify_code in _WRONG_NAME:
            return f"give the server this name with LARIAT_HOSTNAMES={self._host}"
        return "its certificate is not signed by the pinned CA" if self._pinned else "is --ca-checksum missing?"

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


def checksum_of(pem: str) -> str:
    """Return the SHA-256 by which people name a CA."""
    return hashlib.sha256(pem.strip("\n").encode() + b"\n").hexdigest()


def is_checksum(text: str) -> bool:
    return len(text) == 64 and set(text.lower()) <= set("0123456789abcdef")
