"""GitHub, public or an Enterprise Server: OAuth with PKCE, then organisations and teams as groups.

Ids are GitHub's numbers, not names: a name can be given up and taken by somebody else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from chalicelib.auth.providers import fields
from chalicelib.auth.providers.fields import setting
from chalicelib.auth.providers.port import Code, Credentials, Proof
from chalicelib.auth.providers.principal import GROUP, USER, Principal, parse
from chalicelib.auth.providers.remote import Remote, mapping, number, sequence, text
from chalicelib.errors import Invalid, Unauthorized
from chalicelib.types import Web

PUBLIC = "github.com"
SCOPE = "read:org"
PAGE = 100
MOST_PAGES = 10
MOST_FOUND = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class GithubSettings:
    """``hostname`` may have a port; ``certificate`` is for an Enterprise Server with a CA of its own."""

    hostname: str = setting(PUBLIC, required=True, check=fields.host)
    tls: bool = setting(True)
    client_id: str = setting(required=True)
    client_secret: str = setting(required=True, secret=True)
    certificate: str = setting(check=fields.trust)

    def __post_init__(self) -> None:
        if not self.tls:
            raise Invalid("GitHub is reached over TLS alone", code="InvalidOption", field="tls")

    @property
    def site(self) -> str:
        return f"https://{self.hostname}"

    @property
    def api(self) -> str:
        return "https://api.github.com" if self.hostname == PUBLIC else f"{self.site}/api/v3"


class GithubProvider:
    """A ``Redirecting`` provider. The grant is the user's access token."""

    def __init__(self, name: str, settings: GithubSettings, web: Web) -> None:
        self._name = name
        self._settings = settings
        self._remote = Remote(web, settings.certificate)

    def address(self, state: str, challenge: str, nonce: str, redirect: str) -> str:
        query = {
            "client_id": self._settings.client_id,
            "redirect_uri": redirect,
            "scope": SCOPE,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._settings.site}/login/oauth/authorize?{urlencode(query)}"

    def authenticate(self, credentials: Credentials) -> Proof:
        if not isinstance(credentials, Code):
            raise Unauthorized("authentication failed")
        form = {
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret,
            "code": credentials.code,
            "code_verifier": credentials.verifier,
            "redirect_uri": credentials.redirect,
        }
        answer = self._remote.exchange(f"{self._settings.site}/login/oauth/access_token", form)
        return self._proof(text(answer, "access_token"))

    def refresh(self, user: str, grant: str) -> Proof | None:
        if not grant:
            return None
        proof = self._proof(grant)
        if proof.user.id != user:
            raise Unauthorized("the token at GitHub is another user's")
        return proof

    def search(self, text: str, kind: str, grant: str) -> Sequence[Principal]:
        """Groups are found among organisations; a team is found by its id alone."""
        if not grant or not text.strip():
            return []
        return [
            principal
            for wanted, name in ((USER, "user"), (GROUP, "org"))
            if kind in (wanted, "")
            for principal in self._found(text, name, grant)
        ]

    def get(self, id: str, grant: str) -> Principal | None:
        parts = parse(id)
        if parts.provider != self._name or not parts.rest.isdecimal() or not parts.rest.isascii() or not grant:
            return None
        match parts.kind:
            case "user":
                return self._account(mapping(self._get(f"/user/{parts.rest}", grant)), "user")
            case "org":
                return self._account(mapping(self._get(f"/organizations/{parts.rest}", grant)), "org")
            case "team":
                return next((team for team in self._teams(grant) if team.id == id), None)
            case _:
                return None

    def _proof(self, token: str) -> Proof:
        user = self._account(mapping(self._get("/user", token)), "user")
        orgs = [self._account(org, "org") for org in self._pages("/user/orgs", token)]
        return Proof(user, (*orgs, *self._teams(token)), token)

    def _teams(self, token: str) -> list[Principal]:
        return [
            Principal(id=f"{self._name}_team://{number(team, 'id')}", kind=GROUP, name=_team_name(team))
            for team in self._pages("/user/teams", token)
        ]

    def _found(self, text: str, kind: str, token: str) -> list[Principal]:
        # Words with a colon are qualifiers in GitHub's search language.
        words = " ".join(word for word in text.split() if ":" not in word)[:100]
        query = urlencode({"q": f"{words} in:login type:{kind}", "per_page": MOST_FOUND})
        items = sequence(mapping(self._get(f"/search/users?{query}", token)).get("items"))
        return [self._account(item, kind) for item in items[:MOST_FOUND]]

    def _account(self, document: Mapping[str, Any], kind: str) -> Principal:
        login = text(document, "login")
        return Principal(
            id=f"{self._name}_{kind}://{number(document, 'id')}",
            kind=USER if kind == "user" else GROUP,
            name=text(document, "name", "") or login,
            login=login,
            picture=text(document, "avatar_url", ""),
            page=text(document, "html_url", ""),
        )

    def _pages(self, path: str, token: str) -> Iterator[dict[str, Any]]:
        for page in range(1, MOST_PAGES + 1):
            items = sequence(self._get(f"{path}?per_page={PAGE}&page={page}", token))
            yield from items
            if len(items) < PAGE:
                return

    def _get(self, path: str, token: str) -> Any:
        return self._remote.get(f"{self._settings.api}{path}", token)


def _team_name(team: Mapping[str, Any]) -> str:
    return f"{text(mapping(team.get('organization')), 'login')}/{text(team, 'slug')}"
