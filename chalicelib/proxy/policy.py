"""Rebuild a caller's request for the cluster: an allow-list of headers, and the caller's identity as impersonation.

What the caller sends about identity never gets through, in whatever spelling: a header that is not on the list is
dropped, so ``Impersonate-User``, ``impersonate_user``, ``X-Remote-User`` and all that are yet to be invented are. What
the proxy adds is added after that, so ``Connection: Impersonate-User`` strips nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.auth.identity import AUTHENTICATED, CONTROLLER, Identity
from chalicelib.errors import Forbidden, Invalid
from chalicelib.proxy.target import Target
from chalicelib.tunnel.heads import Headers, RequestHead

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

FORWARDED = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "content-encoding",
        "content-length",
        "content-type",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "kubectl-command",
        "kubectl-session",
        "origin",
        "range",
        "user-agent",
        "x-stream-protocol-version",
    }
)
"""Headers that a request may carry into a cluster. A stream protocol may be offered several times, others once."""

UPGRADES = {
    "spdy/3.1": frozenset[str](),
    "websocket": frozenset(
        {"sec-websocket-key", "sec-websocket-version", "sec-websocket-protocol", "sec-websocket-extensions"}
    ),
}
"""Protocols that a connection may be switched to, with the headers that belong to each."""

_SEVERAL = frozenset(
    {"accept", "accept-encoding", "x-stream-protocol-version", "sec-websocket-protocol", "sec-websocket-extensions"}
)

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_WITHHELD = _HOP_BY_HOP | {"set-cookie", "alt-svc", "date", "strict-transport-security"}


def request(
    method: str, target: Target, headers: Iterable[tuple[str, str]], identity: Identity, *, deflate: bool = False
) -> RequestHead:
    """Return what is sent to the cluster for a caller. Raises ``Invalid`` or ``Forbidden``.

    ``headers`` are the caller's, names in lower case. ``Authorization`` was read before and goes no further.
    """
    if method not in METHODS:
        raise Invalid(f"Method {method[:16]} not supported", code="MethodNotAllowed")
    received = tuple(headers)
    upgrade = _upgrade(received)
    wanted = FORWARDED | UPGRADES.get(upgrade, frozenset())
    kept = tuple([(name, value) for name, value in received if name in wanted])
    _refuse_doubles(kept)
    if upgrade:
        kept += (("connection", "Upgrade"), ("upgrade", "SPDY/3.1" if upgrade == "spdy/3.1" else upgrade))
    return RequestHead(method, target.url, kept + impersonation(identity), deflate)


def controller_request(method: str, path: str, headers: Headers = ()) -> RequestHead:
    """Return a request that Lariat itself makes in a cluster, with the rights of its administrators."""
    return RequestHead(
        method, path, (*headers, ("impersonate-user", CONTROLLER), ("impersonate-group", "system:masters"))
    )


def impersonation(identity: Identity) -> Headers:
    """Return the headers that make the cluster see the caller; a user that Kubernetes reserves is refused."""
    user = identity.user
    if user.startswith("system:") or user == CONTROLLER or not _arrives_as_it_is(user):
        raise Forbidden("this user can't act in a cluster")
    groups = [group for group in identity.groups if not _is_reserved(group) and _arrives_as_it_is(group)]
    return (("impersonate-user", _octets(user)), *(("impersonate-group", _octets(group)) for group in groups))


def _is_reserved(group: str) -> bool:
    """Kubernetes gives meaning to many groups of its own, and to more with each release: none is anybody's but these."""
    return group.startswith("system:") and group not in AUTHENTICATED


def _octets(text: str) -> str:
    """A name as a header carries it: its UTF-8 octets, each a letter of Latin-1, as callers' own headers come to us."""
    return text.encode().decode("latin-1")


def _arrives_as_it_is(value: str) -> bool:
    """The API server trims a header's value: `` system:masters`` would arrive as another name than was looked at."""
    return value != "" and value.isprintable() and value == value.strip()


def response_headers(headers: Headers) -> Headers:
    """Return the cluster's headers that the caller may see: what belongs to one connection stays there."""
    named = _named(headers)
    return tuple([(name, value) for name, value in headers if name not in _WITHHELD and name not in named])


def upgrade_headers(headers: Headers) -> Headers:
    """Return the headers of a 101 answer: there the switch itself is what must get through."""
    return tuple((name, value) for name, value in headers if name in ("connection", "upgrade") or name not in _WITHHELD)


def _upgrade(headers: tuple[tuple[str, str], ...]) -> str:
    """Return the protocol that the caller wants to switch to, in lower case. Raises ``Invalid`` for an unknown one."""
    wanted = {value.strip().lower() for name, value in headers if name == "upgrade"}
    if not wanted or "upgrade" not in _named(headers):
        return ""
    (protocol, *more) = wanted
    if more or protocol not in UPGRADES:
        raise Invalid("only SPDY/3.1 and WebSocket upgrades are supported", code="BadRequest")
    return protocol


def _named(headers: Headers) -> set[str]:
    """What belongs to one connection by the word of who sent it."""
    return {token.strip().lower() for name, value in headers if name == "connection" for token in value.split(",")}


def _refuse_doubles(headers: Headers) -> None:
    seen = set()
    for name, _ in headers:
        if name in seen and name not in _SEVERAL:
            raise Invalid(f"the header {name} stands twice", code="BadRequest")
        seen.add(name)
