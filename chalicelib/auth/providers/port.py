"""What an identity provider is. ``catalogue.py`` lists those that there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from chalicelib.auth.providers.principal import Principal


@dataclass(frozen=True, slots=True)
class Password:
    """What a user typed."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Code:
    """What a browser brought back from a provider, with what only the beginning of that login knew."""

    code: str = field(repr=False)
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)
    redirect: str


Credentials: TypeAlias = Password | Code


@dataclass(frozen=True, slots=True)
class Proof:
    """Who it is and in which groups. ``grant`` lets the provider look again later (a token of the user's at the provider)."""

    user: Principal
    groups: tuple[Principal, ...] = ()
    grant: str = field(default="", repr=False)


class Provider(Protocol):
    """Its methods raise ``Unavailable`` when the service does not answer, or not as it should."""

    def authenticate(self, credentials: Credentials) -> Proof:
        """Raises ``Unauthorized`` without a hint at what was wrong."""

    def refresh(self, user: str, grant: str) -> Proof | None:
        """Look again at a principal. ``None``: it can't be asked without the user. Raises ``Unauthorized``: it is no more."""

    def search(self, text: str, kind: str, grant: str) -> Sequence[Principal]:
        """Users and groups whose name begins so; ``kind`` is ``user``, ``group`` or empty for both."""

    def get(self, id: str, grant: str) -> Principal | None:
        """Return the principal with this id."""


class Redirecting(Provider, Protocol):
    """A provider that the browser is sent to."""

    def address(self, state: str, challenge: str, nonce: str, redirect: str) -> str:
        """Return the URL to send the browser to; ``challenge`` is PKCE's, of the method S256."""
