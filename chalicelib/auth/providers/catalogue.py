"""The providers that there are, each with its settings and, in the v3 API, its type. A new one gets its line here."""

from __future__ import annotations

from typing import Any

from chalicelib.auth.providers.directory import DirectoryProvider
from chalicelib.auth.providers.discovery import Discovery
from chalicelib.auth.providers.github import GithubProvider, GithubSettings
from chalicelib.auth.providers.oidc import OidcProvider, OidcSettings
from chalicelib.auth.providers.port import Provider
from chalicelib.auth.providers.schemas import ActiveDirectorySettings, DirectorySettings, OpenLdapSettings
from chalicelib.errors import NotFound
from chalicelib.types import Clock, Directory, Web

TYPES: dict[str, tuple[str, type[Any]]] = {
    "activedirectory": ("activeDirectoryConfig", ActiveDirectorySettings),
    "github": ("githubConfig", GithubSettings),
    "oidc": ("oidcConfig", OidcSettings),
    "openldap": ("openLdapConfig", OpenLdapSettings),
}


def settings_of(name: str) -> type[Any]:
    """Raises ``NotFound`` for a provider that there is not."""
    if name not in TYPES:
        raise NotFound(f"there is no identity provider {name!r}")
    return TYPES[name][1]


class Catalogue:
    """Builds providers; what all of one kind share (an issuer's keys) is remembered here."""

    def __init__(self, directory: Directory, web: Web, clock: Clock) -> None:
        self._directory = directory
        self._web = web
        self._clock = clock
        self._discovery = Discovery(web, clock)

    def build(self, name: str, settings: object) -> Provider:
        match settings:
            case DirectorySettings():
                return DirectoryProvider(name, settings, self._directory)
            case GithubSettings():
                return GithubProvider(name, settings, self._web)
            case OidcSettings():
                return OidcProvider(name, settings, self._web, self._discovery, self._clock)
            case _:
                raise NotFound(f"there is no identity provider {name!r}")
