"""From a request's headers to an identity. Every API call and every proxied one passes here.

It fails closed: an error, a missing value or a doubt is ``Unauthorized``.
"""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict
from collections.abc import Sequence

from chalicelib.auth import tokens
from chalicelib.auth.identity import AUTHENTICATED, Identity
from chalicelib.errors import Unauthorized
from chalicelib.store.resources import Resources
from chalicelib.types import Clock, Resource

REMEMBERED_SECONDS = 5.0
"""How long a proven token is believed without another look, so that a revoked one dies everywhere within that time."""

REMEMBERED = 4096
REFUSAL = "must authenticate"
_LONGEST = 512


class Authenticator:
    def __init__(self, resources: Resources, clock: Clock) -> None:
        self._resources = resources
        self._clock = clock
        self._proven: OrderedDict[str, tuple[float, Identity]] = OrderedDict()
        self._lock = threading.Lock()

    def authenticate(self, authorization: Sequence[str]) -> Identity:
        """Prove the values of the ``Authorization`` headers. Raises ``Unauthorized``."""
        if len(authorization) != 1 or len(authorization[0]) > _LONGEST:
            raise Unauthorized(REFUSAL)
        name, key = _credentials(authorization[0])
        return self._remembered(name, key) or self._prove(name, key)

    def forget(self) -> None:
        """Believe nothing without another look: a token, a user or a role has changed."""
        with self._lock:
            self._proven.clear()

    def _remembered(self, name: str, key: str) -> Identity | None:
        with self._lock:
            known = self._proven.get(tokens.digest(f"{name}:{key}"))
        return known[1] if known and known[0] > self._clock.now() else None

    def _prove(self, name: str, key: str) -> Identity:
        now = self._clock.now()
        token = self._resources.find("token", name)
        if token is None or not tokens.matches(token, key) or tokens.expired(token, now) or token.removed:
            raise Unauthorized(REFUSAL)
        if token.spec.get("enabled", True) is not True:
            raise Unauthorized("user's token is not enabled")
        user = self._resources.find("user", token.parent)
        if user is None or user.removed or user.spec.get("enabled", True) is not True:
            raise Unauthorized("user is not enabled")
        identity = self._identity(user, token)
        self._remember(name, key, identity, min(now + REMEMBERED_SECONDS, token.expires or now + REMEMBERED_SECONDS))
        return identity

    def _identity(self, user: Resource, token: Resource) -> Identity:
        return Identity(
            user=user.id,
            groups=AUTHENTICATED,
            token=token.id,
            administrator=is_administrator(self._resources, user.id),
            cluster=str(token.spec.get("clusterId") or ""),
        )

    def _remember(self, name: str, key: str, identity: Identity, until: float) -> None:
        with self._lock:
            self._proven[tokens.digest(f"{name}:{key}")] = (until, identity)
            while len(self._proven) > REMEMBERED:
                self._proven.popitem(last=False)


def is_administrator(resources: Resources, user: str) -> bool:
    return any(map(grants_everything, resources.all("globalRoleBinding", user)))


def grants_everything(binding: Resource) -> bool:
    return binding.spec.get("globalRoleId") == "admin" and not binding.removed


def _credentials(authorization: str) -> tuple[str, str]:
    scheme, _, value = authorization.strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode()
        except ValueError:
            raise Unauthorized(REFUSAL) from None
    elif scheme.lower() != "bearer":
        raise Unauthorized(REFUSAL)
    name, colon, key = value.partition(":")
    if not (name and colon and key) or not value.isascii():
        raise Unauthorized(REFUSAL)
    return name, key
