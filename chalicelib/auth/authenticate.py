"""From a request's headers to an identity. Every API call and every proxied one passes here.

It fails closed: an error, a missing value or a doubt is ``Unauthorized``.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Sequence

from chalicelib.auth import tokens
from chalicelib.auth.identity import AUTHENTICATED, Identity
from chalicelib.auth.memory import Memory
from chalicelib.auth.rights import Rights
from chalicelib.auth.trust import Trust
from chalicelib.errors import LariatError, Unauthorized
from chalicelib.store.resources import Resources
from chalicelib.types import Clock, Resource

REFUSAL = "must authenticate"
_LONGEST = 512


class Authenticator:
    def __init__(self, resources: Resources, clock: Clock) -> None:
        self._resources = resources
        self._clock = clock
        self.trust = Trust(resources, clock)
        self.rights = Rights(resources, self.trust, clock)
        self._proven: Memory[Identity] = Memory(self.trust, clock)

    def authenticate(self, authorization: Sequence[str]) -> Identity:
        """Prove the values of the ``Authorization`` headers. Raises ``Unauthorized``, ``Unavailable``."""
        if len(authorization) != 1 or len(authorization[0]) > _LONGEST:
            raise Unauthorized(REFUSAL)
        name, key = _credentials(authorization[0])
        self.trust.renew()
        shown = tokens.digest(f"{name}:{key}")
        return self._proven.find(shown) or self._prove(name, key, shown)

    def again(self, token: str) -> Identity:
        """Who once showed the token of this id, if it still counts: for what outlives the request that it came with.

        Raises ``Unauthorized``, ``Unavailable``.
        """
        self.trust.renew()
        known = f"id {token}"
        return self._proven.find(known) or self._prove(token, None, known)

    def _prove(self, name: str, key: str | None, shown: str) -> Identity:
        """Prove a token, with its key unless that was shown before (``None``)."""
        now, turn = self._clock.now(), self.trust.turn
        token = self._resources.find("token", name)
        if token is None or tokens.expired(token, now) or token.removed:
            raise Unauthorized(REFUSAL)
        if key is not None and not tokens.matches(token, key):
            raise Unauthorized(REFUSAL)
        if token.spec.get("enabled", True) is not True:
            raise Unauthorized("user's token is not enabled")
        if not isinstance(token.spec.get("clusterId"), str | None):
            # It was to be good for one cluster; for which one nobody knows.
            raise Unauthorized(REFUSAL)
        identity = self._identity(token)
        self._used(token, now)
        self._proven.keep(shown, identity.user, identity, turn, token.expires)
        return identity

    def _identity(self, token: Resource) -> Identity:
        groups = tokens.groups(token)
        user, local, access = self.rights.known(token.parent, groups)
        if user is None or user.removed or user.spec.get("enabled", True) is not True:
            raise Unauthorized("user is not enabled")
        return Identity(
            user=user.id,
            groups=(*AUTHENTICATED, *groups, *local),
            token=token.id,
            administrator=access.administrator,
            cluster=str(token.spec.get("clusterId") or ""),
            access=access,
            name=str(user.spec.get("username") or user.spec.get("name") or ""),
            must_change=user.spec.get("mustChangePassword") is True and tokens.is_local(token),
        )

    def _used(self, token: Resource, now: float) -> None:
        """Note the day of a token's use; that this fails is no reason to refuse anybody."""
        noted = tokens.used(token, now)
        if noted is not token:
            with contextlib.suppress(LariatError):
                self._resources.replace(noted)


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
