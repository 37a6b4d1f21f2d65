"""A login on its way through a browser: what its beginning knew and its end has to match.

All of it travels in ``state``, sealed, so that a beginning, which anybody can ask for, stores nothing. It is bound to the
browser by the value of a cookie, short-lived, and the end marks it as used. Whoever lures a browser to the end with a code
and a state of their own (or swaps cookies) has no state for that browser.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from chalicelib.errors import AlreadyExists, LariatError, Unauthorized
from chalicelib.store.resources import Resources
from chalicelib.types import Clock, Random, Resource, Seal

SECONDS = 600
LONGEST_STATE = 4096
KIND = "oauthState"
_PURPOSE = "login on its way"


class Begun(NamedTuple):
    """``browser`` goes into a cookie (HttpOnly, Secure, SameSite=Lax); the challenge and nonce to the provider."""

    state: str
    browser: str
    challenge: str
    nonce: str


class Arriving(NamedTuple):
    """What a login on its way is for: the provider, and whether an administrator tries it out."""

    provider: str
    testing: bool


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the end of the login needs."""

    verifier: str
    nonce: str
    redirect: str


class Pending:
    """``tester`` is the administrator who tries a provider out, empty for a login; one never counts as the other."""

    def __init__(self, resources: Resources, seal: Seal, clock: Clock, random: Random) -> None:
        self._resources = resources
        self._seal = seal
        self._clock = clock
        self._random = random

    def begin(self, provider: str, redirect: str, tester: str = "") -> Begun:
        browser, verifier, nonce = self._word(), self._word(), self._word()
        document = {
            "id": self._random.bytes(16).hex(),
            "provider": provider,
            "tester": tester,
            "browser": _digest(browser),
            "verifier": verifier,
            "nonce": nonce,
            "redirect": redirect,
            "until": int(self._clock.now()) + SECONDS,
        }
        return Begun(self._seal.seal(json.dumps(document), _PURPOSE), browser, _challenge(verifier), nonce)

    def arriving(self, state: str) -> Arriving:
        known = self._open(state)
        return Arriving(str(known.get("provider")), bool(known.get("tester")))

    def finish(self, provider: str, state: str, browser: str, tester: str = "") -> Secrets:
        """Raises ``Unauthorized`` unless this browser began this login, a moment ago and for the first time."""
        known = self._open(state)
        bound = hmac.compare_digest(_digest(browser), str(known.get("browser")))
        if not bound or known.get("provider") != provider or known.get("tester") != tester:
            raise _unknown()
        if known["until"] <= self._clock.now():
            raise Unauthorized("the login took too long: begin again")
        self._use(known)
        return Secrets(known["verifier"], known["nonce"], known["redirect"])

    def _open(self, state: str) -> dict[str, Any]:
        if not 0 < len(state) <= LONGEST_STATE:
            raise _unknown()
        try:
            return dict(json.loads(self._seal.open(state, _PURPOSE)))
        except LariatError:
            raise _unknown() from None

    def _use(self, known: dict[str, Any]) -> None:
        try:
            self._resources.create(Resource(kind=KIND, id=known["id"], expires=known["until"] + SECONDS))
        except AlreadyExists:
            raise Unauthorized("this login has been used: begin again") from None

    def _word(self) -> str:
        """32 bytes as 43 URL-safe letters, as PKCE wants its verifier."""
        return base64.urlsafe_b64encode(self._random.bytes(32)).decode().rstrip("=")


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _digest(browser: str) -> str:
    return hashlib.sha256(browser.encode("utf-8", "surrogatepass")).hexdigest()


def _unknown() -> Unauthorized:
    return Unauthorized("the login was not begun in this browser: begin again")
