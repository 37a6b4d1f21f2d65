"""HTTPS to services that administrators name. What they name may be a mistake or a trap, so everything has bounds.

An address is checked after its name was resolved, and it is that very address which is called: a name can't mean one thing
for the check and another for the call.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping, Sequence
from threading import Timer
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from chalicelib.errors import Refused, Unavailable
from chalicelib.types import WebAnswer

SECONDS = 10.0
"""For the whole exchange, however slowly bytes drip in."""

LARGEST = 1024 * 1024
"""Bytes of an answer."""


Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_METADATA = {ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("100.100.100.200")}
"""Where clouds hand out credentials to their machines, besides the link-local addresses."""


class Https:
    """A ``Web``. ``loopback`` lets it call this machine, for tests: nobody's identity provider is there."""

    def __init__(self, *, loopback: bool = False, seconds: float = SECONDS) -> None:
        self._loopback = loopback
        self._seconds = seconds

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"", *, trust: str = ""
    ) -> WebAnswer:
        parts = _parts(url)
        connection = _Connection(parts, _context(trust), self._seconds, self._loopback)
        deadline = Timer(self._seconds, connection.cut)
        deadline.daemon = True
        deadline.start()
        try:
            connection.request(method, _target(parts), body or None, dict(headers))
            answer = connection.getresponse()
            content = answer.read(LARGEST + 1)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unavailable(f"{parts.hostname} can't be reached: {_reason(error)}") from error
        finally:
            deadline.cancel()
            connection.close()
        if len(content) > LARGEST:
            raise Unavailable(f"{parts.hostname} sent an answer that is too large")
        return WebAnswer(answer.status, content)


class _Connection(http.client.HTTPSConnection):
    def __init__(self, parts: SplitResult, context: ssl.SSLContext, seconds: float, loopback: bool) -> None:
        super().__init__(parts.hostname or "", parts.port or 443, timeout=seconds, context=context)
        self._tls = context
        self._seconds = seconds
        self._allow_loopback = loopback
        self._raw: ssl.SSLSocket | None = None

    def connect(self) -> None:
        plain = _dial(_addresses(self.host, self.port, self._allow_loopback), self.port, self._seconds)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
        self._raw = self.sock
        self.sock.do_handshake()

    def cut(self) -> None:
        """End the exchange from another thread."""
        if self._raw is not None:
            try:
                self._raw.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it has ended by itself


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        plain = url.isascii() and url.isprintable() and " " not in url
        if plain and parts.scheme == "https" and parts.hostname and parts.port != 0 and "@" not in parts.netloc:
            return parts
    except ValueError:
        pass
    raise Refused("only https:// URLs without a user name are called")


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _dial(addresses: Sequence[str], port: int, seconds: float) -> socket.socket:
    """Connect to the first address where somebody answers."""
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, port), seconds)
        except OSError:
            continue
    return socket.create_connection((addresses[-1], port), seconds)


def _addresses(host: str, port: int, loopback: bool) -> list[str]:
    """Resolve a name; raises ``Refused`` unless every address that it has may be called."""
    found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for text in found:
        address = _meant(ipaddress.ip_address(text.partition("%")[0]))
        if not (address.is_loopback and loopback) and _is_own(address):
            raise Refused(f"{host} is an address that is not called: it is this machine's or its cloud's own")
    return found


def _meant(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address


def _is_own(address: Address) -> bool:
    own = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    return own or address in _METADATA


def _context(trust: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=trust or None)
    except ssl.SSLError:
        raise Refused("the certificates to trust are no PEM certificates") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, TimeoutError):
        return "it took too long"
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else type(error).__name__
