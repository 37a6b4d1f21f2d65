"""The way to a server: straight, or through the HTTP proxy that the environment names, as companies' networks ask for.

Registration (``agent/site.py``) and the tunnel (``agent/link.py``) both take it, so that they end at one place. The proxy
carries bytes of TLS and learns nothing but the server's name (RFC 9110, section 9.3.6).
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from agent.errors import ConfigurationError, Unreachable


@dataclass(frozen=True, slots=True)
class Way:
    """``proxy`` is an ``http://`` URL, empty for none; ``straight`` lists the hosts that it is not for, as ``NO_PROXY``."""

    proxy: str = ""
    straight: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Way:
        """Obey ``HTTPS_PROXY`` and ``NO_PROXY``, in either case. Raises ``ConfigurationError``."""
        proxy = environment.get("https_proxy") or environment.get("HTTPS_PROXY") or ""
        straight = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
        if proxy and "://" not in proxy:
            proxy = f"http://{proxy}"
        if proxy and not _is_usable(proxy):
            raise ConfigurationError("HTTPS_PROXY: a proxy's URL is needed, http://host:port")
        return cls(proxy, straight)

    def connect(self, host: str, port: int, seconds: float) -> socket.socket:
        """Open a connection that waits ``seconds`` at most. Raises ``OSError``, or ``Unreachable`` if a proxy refuses."""
        if not self.proxy or _is_near(host) or _is_excepted(host, self.straight):
            return socket.create_connection((host, port), seconds)
        return _through(urlsplit(self.proxy), host, port, seconds)


def _through(proxy: SplitResult, host: str, port: int, seconds: float) -> socket.socket:
    connection = http.client.HTTPConnection(str(proxy.hostname), proxy.port or 80, timeout=seconds)
    connection.set_tunnel(host, port, _credentials(proxy))
    try:
        connection.connect()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise Unreachable(
            f"can't reach {host}:{port} through the proxy {proxy.hostname}:{proxy.port or 80}: {error}"
        ) from error
    plain: socket.socket = connection.sock
    return plain


def _credentials(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _is_usable(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        return parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_excepted(host: str, straight: str) -> bool:
    """Go by ``NO_PROXY`` as Kubernetes' own programs do: names with all below them, addresses, networks, or ``*``."""
    return any(_covers(entry.strip().lower(), host.lower()) for entry in straight.split(",") if entry.strip())


def _covers(entry: str, host: str) -> bool:
    if entry == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return host == entry or host.endswith("." + entry.removeprefix("*").removeprefix("."))


def _is_near(host: str) -> bool:
    """This machine itself, which no proxy leads to."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
