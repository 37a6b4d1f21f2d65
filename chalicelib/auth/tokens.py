"""API tokens: ``token-xxxxx:<key>``. The store knows a hash of the key only.

A key holds 54 characters of 27, 256 bits from a secure source, so a plain SHA-256 suffices and costs nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from chalicelib.types import Random, Resource

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Rancher's alphabet for names and keys: no vowels, so no words."""

KEY_LENGTH = 54
DAY = 24 * 3600


def word(random: Random, length: int) -> str:
    """Draw letters evenly: a byte that would favour the first ones is thrown away."""
    letters: list[str] = []
    fair = 256 - 256 % len(ALPHABET)
    while len(letters) < length:
        letters += [ALPHABET[byte % len(ALPHABET)] for byte in random.bytes(2 * length) if byte < fair]
    return "".join(letters[:length])


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def matches(token: Resource, key: str) -> bool:
    """Compare a shown key with a stored token in constant time."""
    return hmac.compare_digest(str(token.status.get("keyHash", "")), digest(key))


def expired(token: Resource, now: float) -> bool:
    return token.expires is not None and token.expires <= now


def new(
    name: str, key: str, user: str, *, now: float, ttl: int, spec: Mapping[str, Any], labels: Mapping[str, str]
) -> Resource:
    """Make the resource of a token; ``ttl`` is in milliseconds, 0 for one that never expires."""
    return Resource(
        kind="token",
        id=name,
        parent=user,
        spec={"userId": user, "authProvider": "local", "ttl": ttl, **spec},
        status={"keyHash": digest(key)},
        labels={"authn.management.cattle.io/token-userId": user, **labels},
        expires=int(now + ttl / 1000) if ttl else None,
    )


def rotated(token: Resource, key: str, *, now: float, ttl: int) -> Resource:
    """The token with another key and a time that begins now."""
    expires = int(now + ttl / 1000) if ttl else None
    status = {**token.status, "keyHash": digest(key)}
    return replace(token, spec={**token.spec, "ttl": ttl}, status=status, expires=expires)


def used(token: Resource, now: float) -> Resource:
    """The token with the time of its use, which is written once a day at most."""
    if now - float(token.status.get("lastUsed") or 0) < DAY:
        return token
    return replace(token, status={**token.status, "lastUsed": int(now)})


def origin(provider: str, user: str, groups: Iterable[str] = ()) -> dict[str, Any]:
    """What a token says of where its user came from: the provider, and principal ids."""
    return {"authProvider": provider, "userPrincipal": user, "groupPrincipals": list(groups)}


def inherited(token: Resource) -> dict[str, Any]:
    """The part of ``spec`` that a token takes over from the one it is derived from: it ends with the same provider.

    If that one is an API key, it ends with that, too.
    """
    spec = token.spec
    source = {"derivedFrom": token.id} if is_derived(token) else {}
    kept = origin(str(spec.get("authProvider") or "local"), str(spec.get("userPrincipal") or ""), groups(token))
    return {**kept, **source}


def within(parent: Resource, ttl: int, now: float) -> int:
    """Milliseconds, cut to what is left of the API key that a token is derived from; 0 is for ever."""
    if parent.expires is None or not is_derived(parent):
        return ttl
    left = max(1, int((parent.expires - now) * 1000))
    return min(ttl or left, left)


def reaches(token: Resource, cluster: str | None) -> bool:
    """Is a token good for this cluster, or (``None``) for all of Lariat?"""
    return token.spec.get("clusterId") in (None, "", cluster)


def is_derived(token: Resource) -> bool:
    """Is it an API key or a kubeconfig's token, and not a session?"""
    return token.spec.get("isDerived") is True


def source(token: Resource) -> str:
    """The id of the API key that a token was derived from; empty if it comes from a login."""
    return str(token.spec.get("derivedFrom") or "")


def is_local(token: Resource) -> bool:
    """Does the token go back to a password that Lariat itself keeps?"""
    return str(token.spec.get("authProvider") or "local") == "local"


def groups(token: Resource) -> tuple[str, ...]:
    """The ids of the groups that a token's user is in; they stand in the token, so that a request needs no other read."""
    return tuple(map(str, token.spec.get("groupPrincipals") or ()))
