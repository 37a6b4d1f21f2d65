"""Keeps fresh which groups users are in: by the clock, and when an administrator asks.

A request must not cost a second read, so a token carries the ids of its user's groups, from the provider that it came from.
A refresh writes them anew. What a provider does not confirm for too long is dropped; whom it does not know or admit any more
loses their tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.auth import tokens
from chalicelib.auth.providers.admission import Membership, admitted
from chalicelib.auth.providers.attributes import Attributes, Entry
from chalicelib.auth.providers.catalogue import Catalogue
from chalicelib.auth.providers.configs import Config, Configs
from chalicelib.auth.providers.ending import Ending
from chalicelib.auth.providers.port import Proof
from chalicelib.auth.providers.principal import local
from chalicelib.errors import LariatError, NotFound, Unauthorized
from chalicelib.store.resources import Resources
from chalicelib.types import Clock, Key, Resource

REFRESH_SECONDS = 1800
"""Seconds after which a user is due. Schedules look every few minutes or every hour: what was left is gone after that."""
LONGEST_UNCONFIRMED = 3 * 24 * 3600
"""Seconds that groups count while the provider can't be asked; then they go, and the next login brings them back."""


class Memberships:
    def __init__(
        self,
        resources: Resources,
        configs: Configs,
        catalogue: Catalogue,
        attributes: Attributes,
        ending: Ending,
        clock: Clock,
        member: Membership,
    ) -> None:
        self._resources = resources
        self._configs = configs
        self._catalogue = catalogue
        self._attributes = attributes
        self._ending = ending
        self._clock = clock
        self._member = member

    def refresh(self, user: str) -> None:
        """Ask every provider about a user again. Raises ``NotFound`` if there is no such user."""
        ids = self._resources.get("user", user).spec.get("principalIds", ())
        for provider, entry in self._attributes.of_user(user):
            if entry.user.id in ids:
                self._refresh(user, provider, entry)
            else:
                self._ending.of_user(user, provider)

    def refresh_due(self, limit: int = 100) -> int:
        """Refresh users whose groups are old, ``limit`` at most, and return how many; a schedule calls this.

        Who has no token is not asked about, only forgotten: the cost follows those who are here.
        """
        done = 0
        for user in self._attributes.asked_before(self._clock.now() - REFRESH_SECONDS):
            if done == limit:
                break
            self._refresh_or_forget(user)
            done += 1
        return done

    def refresh_all(self, limit: int = 100) -> None:
        """Have every user looked at anew: some at once, the others by the schedule."""
        self._attributes.expire()
        self.refresh_due(limit)

    def readmit(self, name: str) -> None:
        """Decide anew, by what is known, who may stay: a provider's access mode or allowed principals have changed."""
        config = self._configs.enabled(name)
        for user, entry in self._attributes.of_provider(name):
            proof = Proof(entry.user, entry.groups)
            if config is None or not admitted(config.mode, config.allowed, proof, local(user), self._member):
                self._ending.of_user(user, name)

    def _refresh_or_forget(self, user: str) -> None:
        known = self._resources.find("user", user)
        if known is None or not any(True for _ in self._resources.all("token", user)):
            self._attributes.forget_all(user)
        else:
            self.refresh(user)

    def _refresh(self, user: str, provider: str, entry: Entry) -> None:
        config = self._configs.enabled(provider)
        if config is None:
            self._ending.of_user(user, provider)
            return
        try:
            proof = self._ask(user, config, entry)
        except Unauthorized:
            self._ending.of_user(user, provider)
        else:
            self._apply(user, config, entry, proof)

    def _ask(self, user: str, config: Config, entry: Entry) -> Proof | None:
        """``None`` if the provider can't be asked. Raises ``Unauthorized`` if it does not know the user any more."""
        grant = self._attributes.grant(user, config.name)
        try:
            return self._catalogue.build(config.name, config.settings).refresh(entry.user.id, grant)
        except Unauthorized:
            raise
        except LariatError:
            return None

    def _apply(self, user: str, config: Config, entry: Entry, proof: Proof | None) -> None:
        if proof is None:
            self._unconfirmed(user, config.name, entry)
        elif admitted(config.mode, config.allowed, proof, local(user), self._member):
            fresh = self._attributes.record(user, config.name, proof)
            self._spread(user, config.name, [group.id for group in fresh.groups])
        else:
            self._ending.of_user(user, config.name)

    def _unconfirmed(self, user: str, provider: str, entry: Entry) -> None:
        if self._clock.now() - entry.confirmed > LONGEST_UNCONFIRMED:
            entry = replace(entry, groups=())
        self._spread(user, provider, [group.id for group in entry.groups])
        self._attributes.unconfirmed(user, provider, entry)

    def _spread(self, user: str, provider: str, groups: Sequence[str]) -> None:
        """Write the groups into the tokens that carry others."""
        for token in self._tokens(user, provider):
            if list(tokens.groups(token)) != list(groups):
                self._rewrite(token.key, list(groups))

    def _rewrite(self, token: Key, groups: list[str]) -> None:
        try:
            self._resources.update(
                token, lambda stored: replace(stored, spec={**stored.spec, "groupPrincipals": groups})
            )
        except NotFound:
            return  # its user has just logged out

    def _tokens(self, user: str, provider: str) -> list[Resource]:
        return [token for token in self._resources.all("token", user) if token.spec.get("authProvider") == provider]
