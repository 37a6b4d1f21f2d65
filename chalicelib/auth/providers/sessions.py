"""Logging in through a provider; the API's login actions call this.

A proof makes no session by itself: the provider must be enabled, admit its principal, and the user must not be disabled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

from chalicelib.auth import tokens
from chalicelib.auth.login import SESSION_MILLISECONDS, Login
from chalicelib.auth.providers.accounts import Accounts
from chalicelib.auth.providers.admission import Membership, admitted
from chalicelib.auth.providers.attributes import Attributes
from chalicelib.auth.providers.catalogue import Catalogue
from chalicelib.auth.providers.configs import Config, Configs
from chalicelib.auth.providers.ending import gone
from chalicelib.auth.providers.pending import Arriving, Pending
from chalicelib.auth.providers.port import Code, Password, Proof, Redirecting
from chalicelib.auth.providers.principal import local
from chalicelib.errors import Forbidden, NotFound, Refused, Unauthorized
from chalicelib.store.resources import Resources
from chalicelib.types import Resource

LONGEST_CODE = 4096


class Journey(NamedTuple):
    """Where the browser goes, and the value of the cookie that it has to bring back."""

    url: str
    browser: str


class Return(NamedTuple):
    """What the browser brought back: the provider's code and state, and our cookie."""

    code: str
    state: str
    browser: str


class Sessions:
    """``callback`` tells the one URL of ours that providers send browsers back to."""

    def __init__(
        self,
        resources: Resources,
        configs: Configs,
        catalogue: Catalogue,
        accounts: Accounts,
        attributes: Attributes,
        pending: Pending,
        login: Login,
        member: Membership,
        callback: Callable[[], str],
    ) -> None:
        self._resources = resources
        self._configs = configs
        self._catalogue = catalogue
        self._accounts = accounts
        self._attributes = attributes
        self._pending = pending
        self._login = login
        self._member = member
        self._callback = callback

    def log_in(
        self,
        name: str,
        username: str,
        password: str,
        description: str = "",
        address: str = "",
        ttl: int = SESSION_MILLISECONDS,
    ) -> tuple[Resource, str]:
        """Return a new session token and its key.

        Raises ``Unauthorized``, ``Forbidden``, ``TooManyRequests``, and ``NotFound`` for a provider that is not enabled.
        """
        config = self._enabled(name)
        provider = self._catalogue.build(name, config.settings)
        # DOMAIN\ann and ann@example.com may be ann, too.
        account = username.rpartition("\\")[2].partition("@")[0]
        proof = self._login.throttle.guard(
            f"{name}/{account}", address, "", lambda: provider.authenticate(Password(username, password))
        )
        return self._enter(config, proof, description, address, ttl)

    def begin(self, name: str) -> Journey:
        """Begin a login at a provider that browsers are sent to."""
        return start(self._catalogue, self._pending, self._enabled(name), self._callback())

    def finish(
        self, name: str, back: Return, description: str = "", address: str = "", ttl: int = SESSION_MILLISECONDS
    ) -> tuple[Resource, str]:
        """As ``log_in``, for the browser that ``begin`` has sent away."""
        config = self._enabled(name)
        code = arrived(self._pending, name, back)
        proof = self._catalogue.build(name, config.settings).authenticate(code)
        return self._enter(config, proof, description, address, ttl)

    def arriving(self, state: str) -> Arriving:
        """What a browser's ``state`` belongs to; that it is this browser's is not proven by that. Raises ``Unauthorized``."""
        return self._pending.arriving(state)

    def _enter(self, config: Config, proof: Proof, description: str, address: str, ttl: int) -> tuple[Resource, str]:
        known = self._accounts.find(proof.user.id)
        if not self._admits(config, proof, known):
            raise Forbidden("you are known, but not admitted here: ask an administrator")
        user = known or self._accounts.find_or_make(proof.user)
        entry = self._attributes.record(user.id, config.name, proof)
        origin = tokens.origin(config.name, proof.user.id, [group.id for group in entry.groups])
        token, key = self._login.begin_session(user, origin, description, address, ttl)
        # The token is stored: whoever closes the provider to this user from now on finds it; who did so before is seen here.
        now = self._configs.enabled(config.name)
        if now is None or not self._admits(now, proof, user):
            gone(self._resources, token.key)
            raise _absent(config.name)
        return token, key

    def _admits(self, config: Config, proof: Proof, user: Resource | None) -> bool:
        return admitted(config.mode, config.allowed, proof, local(user.id) if user else "", self._member)

    def _enabled(self, name: str) -> Config:
        config = self._configs.enabled(name)
        if config is None:
            raise _absent(name)
        return config


def start(catalogue: Catalogue, pending: Pending, config: Config, callback: str, tester: str = "") -> Journey:
    """Send a browser away. Raises ``Refused`` for a provider that takes passwords."""
    provider = catalogue.build(config.name, config.settings)
    if not hasattr(provider, "address"):
        raise Refused("this provider takes a user name and a password")
    if not callback.startswith("https://"):
        raise Refused("set server-url first: providers send browsers back there")
    begun = pending.begin(config.name, callback, tester)
    url = cast("Redirecting", provider).address(begun.state, begun.challenge, begun.nonce, callback)
    return Journey(url, begun.browser)


def arrived(pending: Pending, name: str, back: Return, tester: str = "") -> Code:
    """Match what came back with what was begun. Raises ``Unauthorized``."""
    if not 0 < len(back.code) <= LONGEST_CODE:
        raise Unauthorized("authentication failed")
    known = pending.finish(name, back.state, back.browser, tester)
    return Code(back.code, known.verifier, known.nonce, known.redirect)


def _absent(name: str) -> NotFound:
    return NotFound(f"the identity provider {name!r} is not enabled")
