"""Tokens that somebody derives from the one in hand, and how long tokens live; every kind that issues one asks here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.api.settings import Settings
from chalicelib.auth import tokens
from chalicelib.auth.login import SESSION_MILLISECONDS, Login
from chalicelib.auth.providers.due import enabled
from chalicelib.errors import Unauthorized
from chalicelib.store.resources import Resources
from chalicelib.types import Resource

MINUTE = 60 * 1000


class Keys:
    def __init__(self, resources: Resources, login: Login, settings: Settings) -> None:
        self._resources = resources
        self._login = login
        self._settings = settings

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
        """Issue a token of the same user, which ends with the same provider as the token ``origin``."""
        parent = self._resources.get("token", origin)
        spec = {**tokens.inherited(parent), "isDerived": True, **spec}
        token, key = self._login.issue(parent.parent, self.lifetime(ttl), label, spec, prefix)
        if not self._stands(parent):
            # Whoever ended that one meanwhile may not have seen this one.
            self._resources.discard(token)
            raise Unauthorized("must authenticate")
        return token, key

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
