"""What providers said of a user when they were last asked: one ``userAttribute`` per user, an entry for each provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.auth.providers.due import ATTRIBUTE
from chalicelib.auth.providers.port import Proof
from chalicelib.auth.providers.principal import Principal, restore
from chalicelib.errors import NotFound
from chalicelib.store.resources import Resources
from chalicelib.types import Clock, Key, Resource, Seal

KIND = ATTRIBUTE
MOST_BYTES = 100_000
"""Of the groups of one user at one provider: a resource holds 350 KB, and each token has a copy of the ids."""


@dataclass(frozen=True, slots=True)
class Entry:
    """``confirmed`` is when the provider last said so, ``tried`` when it was last asked; seconds since 1970."""

    user: Principal
    groups: tuple[Principal, ...]
    confirmed: int
    tried: int


class Attributes:
    def __init__(self, resources: Resources, seal: Seal, clock: Clock) -> None:
        self._resources = resources
        self._seal = seal
        self._clock = clock

    def find(self, user: str, provider: str) -> Entry | None:
        stored = self._resources.find(KIND, user)
        entry = stored.status.get(provider) if stored else None
        return _entry(entry) if entry else None

    def grant(self, user: str, provider: str) -> str:
        """What the provider gave for looking again; it is for the provider alone."""
        stored = self._resources.find(KIND, user)
        sealed = stored.sealed.get(provider) if stored else None
        return self._seal.open(sealed, _purpose(user, provider)) if sealed else ""

    def record(self, user: str, provider: str, proof: Proof) -> Entry:
        """Keep what a provider has just proved."""
        now = int(self._clock.now())
        entry = Entry(proof.user, _fitting(proof.groups), now, now)
        sealed = {provider: self._seal.seal(proof.grant, _purpose(user, provider))} if proof.grant else {}
        self._change(user, lambda stored: _with(stored, provider, entry, sealed))
        return entry

    def unconfirmed(self, user: str, provider: str, entry: Entry) -> None:
        """Keep an entry although the provider could not be asked just now."""
        tried = replace(entry, tried=int(self._clock.now()))
        self._change(user, lambda stored: _with(stored, provider, tried, {}))

    def forget(self, user: str, provider: str) -> None:
        if self._resources.find(KIND, user) is not None:
            self._change(user, lambda stored: _without(stored, provider))

    def forget_all(self, user: str) -> None:
        try:
            self._resources.remove(Key(KIND, user))
        except NotFound:
            return  # there was nothing

    def asked_before(self, moment: float) -> Iterator[str]:
        """Users of whom some provider was last asked before a moment."""
        for stored in self._resources.all(KIND):
            if any([_entry(entry).tried <= moment for entry in stored.status.values()]):
                yield stored.id

    def expire(self) -> None:
        """Let every provider be asked about every user again."""
        for stored in self._resources.all(KIND):
            if any(entry["tried"] for entry in stored.status.values()):
                self._change(stored.id, _overdue)

    def of_user(self, user: str) -> list[tuple[str, Entry]]:
        """The providers that said something of a user, and what."""
        stored = self._resources.find(KIND, user)
        return [(provider, _entry(entry)) for provider, entry in stored.status.items()] if stored else []

    def of_provider(self, provider: str) -> Iterator[tuple[str, Entry]]:
        """Users with an entry of this provider."""
        for stored in self._resources.all(KIND):
            if provider in stored.status:
                yield stored.id, _entry(stored.status[provider])

    def _change(self, user: str, change: Callable[[Resource], Resource]) -> None:
        self._resources.record(Resource(kind=KIND, id=user, parent=user, owner=Key("user", user)), change)


def groups(resources: Resources, user: str) -> tuple[str, ...]:
    """The ids of all groups that any provider has put a user into."""
    stored = resources.find(KIND, user)
    entries = [_entry(entry) for entry in stored.status.values()] if stored else []
    return tuple(dict.fromkeys(group.id for entry in entries for group in entry.groups))


def _entry(document: dict[str, Any]) -> Entry:
    groups = tuple(map(restore, document["groups"]))
    return Entry(restore(document["user"]), groups, document["confirmed"], document["tried"])


def _with(stored: Resource, provider: str, entry: Entry, sealed: dict[str, str]) -> Resource:
    document = {
        "user": entry.user.document(),
        "groups": [group.document() for group in entry.groups],
        "confirmed": entry.confirmed,
        "tried": entry.tried,
    }
    return replace(stored, status={**stored.status, provider: document}, sealed={**stored.sealed, **sealed})


def _overdue(stored: Resource) -> Resource:
    return replace(stored, status={name: {**entry, "tried": 0} for name, entry in stored.status.items()})


def _without(stored: Resource, provider: str) -> Resource:
    status = {name: entry for name, entry in stored.status.items() if name != provider}
    sealed = {name: grant for name, grant in stored.sealed.items() if name != provider}
    return replace(stored, status=status, sealed=sealed)


def _fitting(groups: Sequence[Principal]) -> tuple[Principal, ...]:
    """As many groups as fit; fewer groups are fewer rights."""
    size = 0
    for count, group in enumerate(groups):
        size += sum(len(text.encode()) for text in group.document().values()) + 50
        if size > MOST_BYTES:
            return tuple(groups[:count])
    return tuple(groups)


def _purpose(user: str, provider: str) -> str:
    return f"{KIND}/{user}/{provider}"
