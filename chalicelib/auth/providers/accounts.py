"""Users for principals of other providers: found, made at the first login, or linked to one that exists.

A principal belongs to one user: the user holds a unique name for each, and looking one up is one read.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace

from chalicelib.auth.providers.principal import LOCAL, Principal, local, parse
from chalicelib.auth.tokens import word
from chalicelib.errors import AlreadyExists, NameTaken
from chalicelib.store.resources import Resources
from chalicelib.types import Key, Random, Resource


class Accounts:
    """``roles`` tells the global roles of a new user."""

    def __init__(self, resources: Resources, random: Random, roles: Callable[[], Iterable[str]]) -> None:
        self._resources = resources
        self._random = random
        self._roles = roles

    def find(self, id: str) -> Resource | None:
        """Return the user with this principal."""
        parts = parse(id)
        if parts.provider == LOCAL:
            return self._resources.find("user", parts.rest)
        holder = self._resources.holder(claim(id))
        return self._resources.find(*holder) if holder else None

    def find_or_make(self, principal: Principal) -> Resource:
        found = self.find(principal.id)
        if found is not None:
            return found
        try:
            return self._make(principal, _id(principal.id))
        except (AlreadyExists, NameTaken):
            # Another login of the same person was faster; or the user with that id is linked to somebody else by now.
            return self.find(principal.id) or self._make(principal, f"u-{word(self._random, 10)}")

    def link(self, user: str, id: str) -> None:
        """Let a user log in as this principal too, instead of as another one of the same provider.

        Raises ``NameTaken`` if it is another user's.
        """
        self._resources.update(Key("user", user), lambda stored: linked(stored, id))

    def _make(self, principal: Principal, id: str) -> Resource:
        user = Resource(
            kind="user",
            id=id,
            spec={
                "name": principal.name[:253],
                "username": "",
                "enabled": True,
                "principalIds": [principal.id, local(id)],
            },
            unique=(claim(principal.id),),
        )
        return self._resources.create(user, *[self._binding(id, role) for role in self._roles()])

    def _binding(self, user: str, role: str) -> Resource:
        spec = {"userId": user, "globalRoleId": role}
        return Resource(kind="globalRoleBinding", id=f"grb-{word(self._random, 10)}", parent=user, spec=spec)


def linked(user: Resource, id: str) -> Resource:
    ids = [str(held) for held in user.spec.get("principalIds", ())]
    if id in ids:
        return user
    replaced = [held for held in ids if parse(held).provider == parse(id).provider]
    kept = [held for held in ids if held not in replaced]
    names = [name for name in user.unique if name not in map(claim, replaced)]
    return replace(user, spec={**user.spec, "principalIds": [id, *kept]}, unique=(*names, claim(id)))


def claim(id: str) -> str:
    """The unique name that a principal's user holds; hashed, as names of directories can be long."""
    return f"principal/{hashlib.sha256(id.encode()).hexdigest()}"


def _id(principal: str) -> str:
    """A user's id as Rancher derives it."""
    digest = hashlib.sha256(principal.encode()).digest()
    return f"u-{base64.b32encode(digest).decode().lower()[:10]}"
