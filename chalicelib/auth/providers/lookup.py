"""Principals for those who grant rights: search and look up over all enabled providers and the local users."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.auth import tokens
from chalicelib.auth.providers.attributes import Attributes
from chalicelib.auth.providers.catalogue import Catalogue
from chalicelib.auth.providers.configs import Configs
from chalicelib.auth.providers.principal import GROUP, LOCAL, USER, Principal, local, parse
from chalicelib.errors import LariatError
from chalicelib.store.resources import Resources
from chalicelib.types import Resource

SHORTEST = 2
LONGEST = 256
MOST = 50


class Lookup:
    def __init__(self, resources: Resources, configs: Configs, catalogue: Catalogue, attributes: Attributes) -> None:
        self._resources = resources
        self._configs = configs
        self._catalogue = catalogue
        self._attributes = attributes

    def search(self, text: str, kind: str, caller: str) -> list[Principal]:
        """Whose names begin so; ``kind`` is ``user``, ``group`` or empty for both. A provider that fails finds nothing."""
        if not SHORTEST <= len(text) <= LONGEST or "\0" in text:
            return []
        found = list(self._local(text)) if kind in (USER, "") else []
        for config in self._configs.all_enabled():
            try:
                provider = self._catalogue.build(config.name, config.settings)
                found += provider.search(text, kind, self._attributes.grant(caller, config.name))
            except LariatError:
                continue
        return found

    def get(self, id: str, caller: str) -> Principal | None:
        """Return the principal with this id, as ``caller`` may see it at its provider."""
        try:
            parts = parse(id)
        except ValueError:
            return None
        if parts.provider == LOCAL:
            user = self._resources.find("user", parts.rest)
            return _principal(user) if user else None
        config = self._configs.enabled(parts.provider)
        if config is None:
            return None
        provider = self._catalogue.build(config.name, config.settings)
        return provider.get(id, self._attributes.grant(caller, config.name))

    def own(self, token: Resource) -> list[Principal]:
        """The caller's own principals: the user's, and the groups from the provider that the token came from."""
        user = self._resources.find("user", token.parent)
        entry = self._attributes.find(token.parent, str(token.spec.get("authProvider")))
        known = {group.id: group for group in entry.groups} if entry else {}
        groups = [known.get(id) or Principal(id=id, kind=GROUP, name=id) for id in tokens.groups(token)]
        external = [entry.user] if entry else []
        return [*([_principal(user)] if user else []), *external, *groups]

    def _local(self, text: str) -> Iterator[Principal]:
        start, count = text.casefold(), 0
        for user in self._resources.all("user"):
            names = (user.id, str(user.spec.get("username") or ""), str(user.spec.get("name") or ""))
            if count < MOST and any([name.casefold().startswith(start) for name in names]):
                count += 1
                yield _principal(user)


def _principal(user: Resource) -> Principal:
    login = str(user.spec.get("username") or "")
    return Principal(id=local(user.id), kind=USER, name=str(user.spec.get("name") or login), login=login)
