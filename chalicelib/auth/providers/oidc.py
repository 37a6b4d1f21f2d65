"""Any OpenID Connect issuer: authorization code with PKCE, an ID token, groups from one of its claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from chalicelib.auth.providers import fields, idtoken
from chalicelib.auth.providers.discovery import Discovery, Issuer
from chalicelib.auth.providers.fields import setting
from chalicelib.auth.providers.idtoken import Expected, UnknownKey
from chalicelib.auth.providers.port import Code, Credentials, Proof
from chalicelib.auth.providers.principal import GROUP, USER, Principal, parse
from chalicelib.auth.providers.remote import Remote, mapping, text
from chalicelib.errors import Invalid, Unauthorized, Unavailable
from chalicelib.types import Clock, Web

MOST_GROUPS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """``algorithm`` is the one way of signing that is accepted; what the issuer or a token says does not count."""

    issuer: str = setting(required=True, check=fields.url)
    client_id: str = setting(required=True)
    client_secret: str = setting(required=True, secret=True)
    scope: str = setting("openid profile email", required=True)
    algorithm: str = setting("RS256", required=True, check=fields.one_of(*idtoken.ALGORITHMS))
    groups_claim: str = setting("groups", required=True)
    certificate: str = setting(check=fields.trust)

    def __post_init__(self) -> None:
        if "openid" not in self.scope.split():
            raise Invalid("scope must have openid in it", code="InvalidOption", field="scope")


class OidcProvider:
    """A ``Redirecting`` provider. The grant is a refresh token, where the issuer gives one."""

    def __init__(self, name: str, settings: OidcSettings, web: Web, discovery: Discovery, clock: Clock) -> None:
        self._name = name
        self._settings = settings
        self._remote = Remote(web, settings.certificate)
        self._discovery = discovery
        self._clock = clock

    def address(self, state: str, challenge: str, nonce: str, redirect: str) -> str:
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect,
            "scope": self._settings.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._issuer().authorize}?{urlencode(query)}"

    def authenticate(self, credentials: Credentials) -> Proof:
        if not isinstance(credentials, Code):
            raise Unauthorized("authentication failed")
        form = {
            "grant_type": "authorization_code",
            "code": credentials.code,
            "code_verifier": credentials.verifier,
            "redirect_uri": credentials.redirect,
        }
        return self._proof(self._exchange(form), credentials.nonce, "")

    def refresh(self, user: str, grant: str) -> Proof | None:
        if not grant:
            return None
        answer = self._exchange({"grant_type": "refresh_token", "refresh_token": grant})
        if "id_token" not in answer:
            # An issuer may leave it out here; then what it says about the user has to do.
            return self._seen_again(user, answer, grant)
        proof = self._proof(answer, None, grant)
        if proof.user.id != user:
            raise Unauthorized("the refresh token is another user's")
        return proof

    def _seen_again(self, user: str, answer: Mapping[str, Any], grant: str) -> Proof:
        groups = self._from_userinfo(parse(user).rest, text(answer, "access_token"))
        found = [self._principal(GROUP, group, group) for group in groups]
        principal = self._principal(USER, parse(user).rest, "")
        return Proof(principal, tuple(found), text(answer, "refresh_token", "") or grant)

    def search(self, text: str, kind: str, grant: str) -> Sequence[Principal]:
        """OpenID Connect can't search: what was typed is taken for the id itself, as Rancher does."""
        text = text.strip()
        kinds = [kind] if kind else [USER, GROUP]
        return [self._principal(kind, text, text) for kind in kinds] if 0 < len(text) <= 256 else []

    def get(self, id: str, grant: str) -> Principal | None:
        parts = parse(id)
        known = parts.provider == self._name and parts.kind in (USER, GROUP)
        return self._principal(parts.kind, parts.rest, parts.rest) if known else None

    def _issuer(self, *, older: bool = True) -> Issuer:
        return self._discovery.issuer(self._settings.issuer, self._settings.certificate, older=older)

    def _exchange(self, form: Mapping[str, str]) -> dict[str, Any]:
        client = {"client_id": self._settings.client_id, "client_secret": self._settings.client_secret}
        return self._remote.exchange(self._issuer().token, {**form, **client})

    def _proof(self, answer: Mapping[str, Any], nonce: str | None, grant: str) -> Proof:
        access = text(answer, "access_token", "")
        claims = self._claims(_id_token(answer), nonce, access)
        groups = idtoken.groups(claims, self._settings.groups_claim, MOST_GROUPS)
        if groups is None:
            groups = self._from_userinfo(str(claims["sub"]), access)
        login = idtoken.label(claims, "preferred_username", "email")
        user = self._principal(USER, str(claims["sub"]), idtoken.label(claims, "name") or login, login)
        found = [self._principal(GROUP, group, group) for group in groups]
        return Proof(user, tuple(found), text(answer, "refresh_token", "") or grant)

    def _claims(self, token: str, nonce: str | None, access: str) -> dict[str, Any]:
        settings = self._settings
        expected = Expected(settings.issuer, settings.client_id, settings.algorithm, nonce, access)
        try:
            return idtoken.verify(token, self._issuer().keys, expected, self._clock.now())
        except UnknownKey:
            # Perhaps the issuer has a new one.
            return idtoken.verify(token, self._issuer(older=False).keys, expected, self._clock.now())

    def _from_userinfo(self, subject: str, access: str) -> list[str]:
        endpoint = self._issuer().userinfo
        if not endpoint or not access:
            return []
        claims = mapping(self._remote.get(endpoint, access))
        if claims.get("sub") != subject:
            raise Unauthorized("authentication failed")
        return idtoken.groups(claims, self._settings.groups_claim, MOST_GROUPS) or []

    def _principal(self, kind: str, rest: str, name: str, login: str = "") -> Principal:
        return Principal(id=f"{self._name}_{kind}://{rest}", kind=kind, name=name or rest, login=login)


def _id_token(answer: Mapping[str, Any]) -> str:
    token = answer.get("id_token")
    if not isinstance(token, str):
        raise Unavailable("the issuer sent no ID token")
    return token
