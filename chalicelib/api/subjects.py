"""Whom a binding or a membership names: a user and the principal that they log in as are completed from each other.

Who has not logged in yet has no user; naming their principal makes it, as in Rancher, so that rights can be given in advance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.auth.providers.accounts import claim
from chalicelib.auth.providers.principal import LOCAL, USER, Principal, local, parse
from chalicelib.errors import Invalid
from chalicelib.store.resources import Resources
from chalicelib.types import Resource

if TYPE_CHECKING:
    from chalicelib.auth.providers.identities import Identities


class Subjects:
    """``identities`` are built when they are first asked for: most users are there already."""

    def __init__(self, resources: Resources, identities: Callable[[], Identities]) -> None:
        self._resources = resources
        self._identities = identities

    def bound(self, values: Mapping[str, Any], caller: str) -> Mapping[str, Any]:
        """The values of a binding with both ``userId`` and ``userPrincipalId``, if it is a user's. Raises ``Invalid``."""
        user, principal = values.get("userId"), values.get("userPrincipalId")
        if not principal:
            return {**values, "userPrincipalId": local(str(user))} if user else values
        known = self._find(str(principal))
        if user and known != user:
            raise _refused("that is another user")
        if known:
            return {**values, "userId": known}
        found = self._ask(str(principal), caller)
        if found is None or found.kind != USER:
            raise _refused("no identity provider knows such a user")
        return {**values, "userId": self._make(found), "userPrincipalId": found.id}

    def member(self, values: Mapping[str, Any], caller: str) -> Mapping[str, Any]:
        """The values of a membership, with ``userId`` if it is a user's and not a provider's group's. Raises ``Invalid``."""
        principal = str(values["principalId"])
        known = self._find(principal, "principalId")
        if known:
            return {**values, "userId": known}
        found = self._ask(principal, caller)
        if found is None:
            raise _refused("no identity provider knows such a user or group", "principalId")
        named = {**values, "principalId": found.id}
        return {**named, "userId": self._make(found)} if found.kind == USER else named

    def _find(self, principal: str, field: str = "userPrincipalId") -> str:
        """The id of the user with this principal; empty if there is none yet."""
        try:
            parts = parse(principal)
        except ValueError as error:
            raise _refused(str(error), field) from None
        user = self._user(principal, parts.rest if parts.provider == LOCAL else "")
        if user is None and parts.provider == LOCAL:
            raise _refused("there is no such user", field)
        if user is not None and user.removed:
            raise _refused("that user is being removed", field)
        return user.id if user else ""

    def _user(self, principal: str, id: str) -> Resource | None:
        if id:
            return self._resources.find("user", id)
        holder = self._resources.holder(claim(principal))
        return self._resources.find(*holder) if holder else None

    def _ask(self, principal: str, caller: str) -> Principal | None:
        """Ask the provider, as the caller may. That it fails is not to say that there is nobody. Raises ``Unavailable``."""
        return self._identities().lookup.get(principal, caller)

    def _make(self, principal: Principal) -> str:
        return self._identities().accounts.find_or_make(principal).id


def _refused(message: str, field: str = "userPrincipalId") -> Invalid:
    return Invalid(message, code="InvalidReference", field=field)
