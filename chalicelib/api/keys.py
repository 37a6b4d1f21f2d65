"""Tokens that somebody derives from the one in hand, and how long tokens live; every kind that issues one asks here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api.settings import Settings
from chalicelib.auth import tokens
from chalicelib.auth.login import SESSION_MILLISECONDS, Login
from chalicelib.auth.providers.due import enabled
from chalicelib.auth.sessions import end_derived
from chalicelib.errors import Forbidden, Unauthorized
from chalicelib.store.resources import Resources
from chalicelib.types import Clock, Resource

MINUTE = 60 * 1000


class Keys:
    def __init__(self, resources: Resources, login: Login, settings: Settings, clock: Clock) -> None:
        self._resources = resources
        self._login = login
        self._settings = settings
        self._clock = clock

    def session(self, wanted: int) -> int:
        """Milliseconds of a session for which a login asked; 0 asks for the usual."""
        most = self._settings.minutes("auth-user-session-ttl-minutes") * MINUTE or SESSION_MILLISECONDS
        return min(wanted, most) if wanted else most

    def lifetime(self, wanted: int) -> int:
        """Milliseconds of any other token; 0 is for ever, unless there is a limit."""
        most = self._settings.minutes("auth-token-max-ttl-minutes") * MINUTE
        return min(wanted or most, most) if most else wanted

    def derive(
        self, origin: str, ttl: int, label: str, spec: Mapping[str, Any], prefix: str = "token"
    ) -> tuple[Resource, str]:
        """Issue a token of the same user, which ends with the same provider as the token ``origin``.

        What comes from an API key reaches no further than the key, and ends with it; a session's outlives the session.
        """
        parent = self._resources.get("token", origin)
        if not tokens.reaches(parent, spec.get("clusterId")):
            raise Forbidden("your token is good for one cluster alone")
        spec = {**tokens.inherited(parent), "isDerived": True, **spec}
        ttl = tokens.within(parent, self.lifetime(ttl), self._clock.now())
        token, key = self._login.issue(parent.parent, ttl, label, spec, prefix)
        if not self._stands(parent):
            # Whoever ended that one meanwhile may not have seen this one.
            self._resources.discard(token)
            raise Unauthorized("must authenticate")
        return token, key

    def rotate(self, token: Resource, caller: str) -> tuple[Resource, str]:
        """Give a token another key, and have its time begin anew. A session may do that, or the token itself."""
        if caller != token.id and tokens.is_derived(self._resources.get("token", caller)):
            raise Forbidden("an API key rotates no other one: log in")
        ttl, now = self.lifetime(int(token.spec["ttl"])), self._clock.now()
        if source := tokens.source(token):
            ttl = tokens.within(self._resources.get("token", source), ttl, now)
        return self._login.rotate(token, ttl)

    def end(self, token: Resource) -> Resource:
        """Remove a token, and those that were derived from it if it is an API key. Raises ``NotFound``."""
        removed = self._resources.remove(token.key)
        end_derived(self._resources, token)
        return removed

    def _stands(self, token: Resource) -> bool:
        """Is a token still there, and the provider that it came from enabled?"""
        if self._resources.find("token", token.id) is None:
            return False
        return tokens.is_local(token) or token.spec["authProvider"] in enabled(self._resources)

    def kubeconfig(self, origin: str, user: str, cluster: str, description: str) -> tuple[Resource, str]:
        """Issue the token of a kubeconfig; with a cluster, it is good for that alone."""
        prefix = f"kubeconfig-{user}.{cluster}" if cluster else f"kubeconfig-{user}"
        ttl = self._settings.minutes("kubeconfig-token-ttl-minutes") * MINUTE
        spec = {"description": description, "clusterId": cluster or None}
        return self.derive(origin, ttl, "kubeconfig", spec, prefix)
