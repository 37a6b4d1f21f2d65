"""A Lariat with everything of the identity providers, and how a test goes through them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from chalicelib.adapters.https import Https
from chalicelib.adapters.ldap import Ldap
from chalicelib.auth.login import Login
from chalicelib.auth.providers.attributes import Attributes
from chalicelib.auth.providers.catalogue import Catalogue
from chalicelib.auth.providers.identities import identities
from chalicelib.auth.providers.sessions import Return
from chalicelib.auth.rights import library
from chalicelib.types import Resource
from tests.support.issuer import CLIENT, SECRET, Issuer
from tests.support.server import BASE, Server
from tests.support.slapd import GROUPS, PEOPLE, READER, READER_PASSWORD, Slapd


class Scene:
    """``members`` are the principals that are members of a cluster or a project."""

    def __init__(self, server: Server, issuer: Issuer) -> None:
        self.server = server
        self.issuer = issuer
        self.members: set[str] = set()
        self.web = Https(loopback=True)
        self.login = Login(server.resources, server.parts.passwords, server.clock, server.random)
        self.catalogue = Catalogue(Ldap(), self.web, server.clock)
        self.attributes = Attributes(server.resources, server.seal, server.clock)
        self.parts = identities(
            server.resources,
            server.seal,
            server.clock,
            server.random,
            self.login,
            self.web,
            Ldap(),
            self._member,
            lambda: BASE,
            lambda: library(server.resources).new_user_roles(),
        )

    def _member(self, ids: Collection[str]) -> bool:
        return not self.members.isdisjoint(ids)

    def values(self, name: str, **more: Any) -> dict[str, Any]:
        """The settings of the issuer's two faces as an administrator sends them."""
        client = {
            "clientId": CLIENT,
            "clientSecret": SECRET,
            "certificate": self.issuer.trust,
            "accessMode": "unrestricted",
        }
        where = {"hostname": self.issuer.host} if name == "github" else {"issuer": self.issuer.url}
        return {**client, **where, **more}

    def directory(self, slapd: Slapd, **more: Any) -> dict[str, Any]:
        return {
            "servers": ["127.0.0.1"],
            "port": slapd.plain,
            "serviceAccountDistinguishedName": READER,
            "serviceAccountPassword": READER_PASSWORD,
            "userSearchBase": PEOPLE,
            "groupSearchBase": GROUPS,
            "accessMode": "unrestricted",
            **more,
        }

    def enable(self, name: str, **more: Any) -> None:
        """Configure and enable a provider without a login, as one that was tested before."""
        draft = self.parts.configs.draft(name, self.values(name, **more))
        self.parts.configs.store(replace(draft, enabled=True))

    def enable_directory(self, slapd: Slapd, **more: Any) -> None:
        draft = self.parts.configs.draft("openldap", self.directory(slapd, **more))
        self.parts.configs.store(replace(draft, enabled=True))

    def travel(self, name: str) -> Return:
        """Begin a login, and approve it at the issuer."""
        journey = self.parts.sessions.begin(name)
        return Return(*self.issuer.approve(journey.url), journey.browser)

    def log_in(self, name: str) -> tuple[Resource, str]:
        return self.parts.sessions.finish(name, self.travel(name))

    def authorization(self, token: tuple[Resource, str]) -> str:
        return f"Bearer {token[0].id}:{token[1]}"

    def works(self, token: tuple[Resource, str]) -> bool:
        self.server.parts.authenticator.trust.doubt()
        return self.server.caller(f"{token[0].id}:{token[1]}").get("/v3/users").status == 200
