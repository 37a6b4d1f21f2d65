"""Ends what came from a provider: tokens, and what the provider said of the user."""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.auth.providers.attributes import Attributes
from chalicelib.auth.providers.catalogue import TYPES
from chalicelib.auth.providers.configs import Configs
from chalicelib.auth.providers.principal import parse
from chalicelib.errors import NotFound
from chalicelib.store.resources import Resources
from chalicelib.types import Key, Resource

PASSES = 4
"""Looks at most, as others may log in meanwhile."""


class Ending:
    def __init__(self, resources: Resources, configs: Configs, attributes: Attributes) -> None:
        self._resources = resources
        self._configs = configs
        self._attributes = attributes

    def of_user(self, user: str, provider: str) -> None:
        """The provider does not know or admit a user any more: their tokens from it go."""
        stranded = self._stranded(user, provider)
        self._all_gone(lambda token: stranded or token.spec.get("authProvider") == provider, user)
        self._attributes.forget(user, provider)

    def of_provider(self, provider: str) -> None:
        """Remove all tokens that came from a provider. Done twice it does no harm, and less work."""
        stranded: dict[str, bool] = {}

        def ends(token: Resource) -> bool:
            if token.parent not in stranded:
                stranded[token.parent] = self._stranded(token.parent, provider)
            return stranded[token.parent] or token.spec.get("authProvider") == provider

        self._all_gone(ends)

    def _all_gone(self, ends: Callable[[Resource], bool], user: str | None = None) -> None:
        """Look again when something was there: a token may have been derived meanwhile from one that was to go."""
        for _ in range(PASSES):
            found = [token.key for token in self._resources.all("token", user) if ends(token)]
            for key in found:
                gone(self._resources, key)
            if not found:
                return

    def _stranded(self, user: str, provider: str) -> bool:
        """Was this provider a user's only way in? Whoever has a password or another enabled provider has one."""
        known = self._resources.find("user", user)
        if known is None:
            return True
        if known.status.get("passwordHash"):
            return False
        providers = {parse(str(id)).provider for id in known.spec.get("principalIds", ())} & TYPES.keys()
        others = [name for name in providers - {provider} if self._configs.is_enabled(name)]
        return provider in providers and not others


def gone(resources: Resources, key: Key) -> None:
    """Remove a resource that may be gone already."""
    try:
        resources.remove(key)
    except NotFound:
        return
