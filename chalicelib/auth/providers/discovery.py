"""What an OpenID Connect issuer says about itself, and its public keys; remembered by the process for a while."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.auth.providers import fields
from chalicelib.auth.providers.remote import Remote, mapping, sequence, text, unexpected
from chalicelib.errors import Unavailable
from chalicelib.types import Clock, Web

REMEMBERED_SECONDS = 3600.0
AGAIN_SECONDS = 60.0
"""How soon keys are fetched anew for a key that is unknown: forged tokens must not become requests to the issuer."""

MOST_KEYS = 64
MOST_ISSUERS = 16


@dataclass(frozen=True, slots=True)
class Issuer:
    """``keys`` are the issuer's, as they came; ``idtoken.py`` chooses one and checks it."""

    authorize: str
    token: str
    userinfo: str
    keys: tuple[Mapping[str, Any], ...]
    fetched: float


class Discovery:
    def __init__(self, web: Web, clock: Clock) -> None:
        self._web = web
        self._clock = clock
        self._known: dict[tuple[str, str], Issuer] = {}
        self._lock = threading.Lock()

    def issuer(self, url: str, trust: str, *, older: bool = True) -> Issuer:
        """Return what an issuer says; not ``older`` fetches again unless that was done a moment ago."""
        age = REMEMBERED_SECONDS if older else AGAIN_SECONDS
        with self._lock:
            known = self._known.get((url, trust))
        if known is not None and self._clock.now() < known.fetched + age:
            return known
        fetched = self._fetch(url, trust)
        with self._lock:
            if len(self._known) >= MOST_ISSUERS:
                self._known.clear()
            self._known[url, trust] = fetched
        return fetched

    def _fetch(self, url: str, trust: str) -> Issuer:
        remote = Remote(self._web, trust)
        document = mapping(remote.get(f"{url.rstrip('/')}/.well-known/openid-configuration"))
        if text(document, "issuer") != url:
            raise Unavailable("the issuer calls itself by another name than the one that is configured")
        keys = sequence(mapping(remote.get(_endpoint(document, "jwks_uri"))).get("keys"))
        return Issuer(
            authorize=_endpoint(document, "authorization_endpoint"),
            token=_endpoint(document, "token_endpoint"),
            userinfo=_endpoint(document, "userinfo_endpoint") if document.get("userinfo_endpoint") else "",
            keys=tuple(keys[:MOST_KEYS]),
            fetched=self._clock.now(),
        )


def _endpoint(document: Mapping[str, Any], name: str) -> str:
    value = text(document, name)
    try:
        fields.url(value)
    except ValueError:
        raise unexpected() from None
    return value
