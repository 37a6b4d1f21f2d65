"""Test, enable, change and disable a provider, for administrators; the actions of the API's auth configs call this.

Nobody is locked out by a mistake: a provider is enabled by a login that worked, and the administrator's own account is linked
to that login and allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from chalicelib.auth.providers.accounts import Accounts
from chalicelib.auth.providers.attributes import Attributes
from chalicelib.auth.providers.catalogue import Catalogue
from chalicelib.auth.providers.configs import Config, Configs
from chalicelib.auth.providers.directory import DirectoryProvider, check
from chalicelib.auth.providers.ending import Ending
from chalicelib.auth.providers.memberships import Memberships
from chalicelib.auth.providers.pending import Pending
from chalicelib.auth.providers.port import Credentials, Password, Proof
from chalicelib.auth.providers.sessions import Journey, Return, arrived, start
from chalicelib.errors import Invalid, NameTaken, Refused, Unauthorized
from chalicelib.types import Resource


class Enabling:
    def __init__(
        self,
        configs: Configs,
        catalogue: Catalogue,
        accounts: Accounts,
        attributes: Attributes,
        memberships: Memberships,
        ending: Ending,
        pending: Pending,
        callback: Callable[[], str],
    ) -> None:
        self._configs = configs
        self._catalogue = catalogue
        self._accounts = accounts
        self._attributes = attributes
        self._memberships = memberships
        self._ending = ending
        self._pending = pending
        self._callback = callback

    def configure_test(self, name: str, values: Mapping[str, Any], tester: str) -> Journey | None:
        """Check a draft as far as that goes without a login; a redirecting provider's result is where to log in."""
        config = self._configs.draft(name, values)
        provider = self._catalogue.build(name, config.settings)
        if isinstance(provider, DirectoryProvider):
            check(provider)
            return None
        return start(self._catalogue, self._pending, config, self._callback(), tester)

    def test_and_apply(self, name: str, values: Mapping[str, Any], login: Password | Return, tester: str) -> Resource:
        """Log in as the draft says, link the login to ``tester`` and enable the provider; return the stored config.

        Raises ``Refused`` with the reason if the login fails, and stores nothing then.
        """
        config = self._configs.draft(name, values)
        credentials = login if isinstance(login, Password) else arrived(self._pending, name, login, tester)
        proof = self._test(config, credentials)
        self._link(tester, proof)
        before = self._configs.find(name)
        allowed = tuple(dict.fromkeys([*config.allowed, proof.user.id]))
        stored = self._configs.store(replace(config, enabled=True, allowed=allowed))
        if before is not None and before.place != config.place:
            # The same names may be other people there.
            self._ending.of_provider(name)
        known = self._attributes.find(tester, name)
        if known is not None and known.user.id != proof.user.id:
            self._ending.of_user(tester, name)
        self._attributes.record(tester, name, proof)
        self._memberships.readmit(name)
        return stored

    def change(self, name: str, values: Mapping[str, Any]) -> Resource:
        """Change what needs no test: who may come in; and everything while nobody can.

        Raises ``Refused`` for other changes of a provider that is enabled.
        """
        given = {**self._configs.shown(name).spec, **values}
        draft = self._configs.draft(name, given)
        known = self._configs.enabled(name)
        if known is None:
            return self._configs.store(draft)
        if draft.settings != known.settings:
            raise Refused("the provider is enabled: its settings are changed by testAndApply, which tries them out")
        return self.admit(name, draft.mode, list(draft.allowed))

    def admit(self, name: str, mode: str, allowed: list[str]) -> Resource:
        """Change the access mode and the allowed principals; whom they leave out is out at once."""
        stored = self._configs.admit(name, mode, allowed)
        self._memberships.readmit(name)
        return stored

    def disable(self, name: str) -> Resource:
        """Disable a provider: its sessions end, and who can log in no other way can do nothing any more."""
        stored = self._configs.disable(name)
        self._ending.of_provider(name)
        return stored

    def _test(self, config: Config, credentials: Credentials) -> Proof:
        try:
            return self._catalogue.build(config.name, config.settings).authenticate(credentials)
        except Unauthorized as error:
            raise Refused("the login that should try the provider out failed") from error

    def _link(self, tester: str, proof: Proof) -> None:
        try:
            self._accounts.link(tester, proof.user.id)
        except NameTaken:
            raise Invalid(
                f"{proof.user.id} is another user's: log in as that user, or delete it first", code="NotUnique"
            ) from None
