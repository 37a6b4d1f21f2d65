"""Slows down guessing of passwords, for all processes alike: the failures are counted in the store.

Three counts, each with a delay that doubles from some failure on:

- of an account from one address, which stops whoever guesses, and nobody elsewhere;
- of an account from all addresses, for many that guess together: its delay stays short, and an address where that user
  holds a living session is exempt, so nobody can lock somebody else out;
- of an address over all accounts, for one that tries many names.

A login without failures before it reads and writes nothing more than those three reads. Once there were failures an attempt
counts as one before the password is looked at, and is taken back if that was right: of attempts made at once in many
processes no more pass than in a row. What exists and what doesn't is counted alike.
"""

from __future__ import annotations

import hashlib
import ipaddress
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from chalicelib.errors import AlreadyExists, Conflict, NotFound, TooManyRequests, Unauthorized
from chalicelib.store.resources import Resources
from chalicelib.types import Clock, Key, Resource

KIND = "loginFailures"
REMEMBERED = 3600
"""Seconds after its last failure that a count is forgotten."""


class Rule(NamedTuple):
    """``free`` failures cost nothing; then 1, 2, 4 … seconds, ``longest`` at most."""

    name: str
    free: int
    longest: int


PAIR = Rule("pair", 5, 900)
ACCOUNT = Rule("account", 20, 30)
ADDRESS = Rule("address", 100, 900)


Proven = TypeVar("Proven")


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that may look at the password. ``counted`` are the counts that hold it already."""

    rules: tuple[tuple[Rule, str], ...]
    counted: frozenset[str]


class Throttle:
    def __init__(self, resources: Resources, clock: Clock) -> None:
        self._resources = resources
        self._clock = clock

    def guard(self, account: str, address: str, user: str, prove: Callable[[], Proven]) -> Proven:
        """Call ``prove`` if an attempt may be made; count it if that raises ``Unauthorized``.

        ``user`` is the id of the account's user, empty if there is none. Raises ``TooManyRequests``.
        """
        attempt = self._begin(account, address, user)
        try:
            proven = prove()
        except Unauthorized:
            self._failed(attempt)
            raise
        except BaseException:
            self._undecided(attempt)
            raise
        self._succeeded(attempt)
        return proven

    def _begin(self, account: str, address: str, user: str) -> Attempt:
        rules = _rules(account, address)
        held = [(rule, id) for rule, id in rules if self._holds(rule, id, user, address)]
        counted: set[str] = set()
        try:
            for rule, id in held:
                if self._count(rule, id, refuse=True):
                    counted.add(id)
        except TooManyRequests:
            self._undecided(Attempt(rules, frozenset(counted)))
            raise
        return Attempt(rules, frozenset(counted))

    def _failed(self, attempt: Attempt) -> None:
        for rule, id in attempt.rules:
            if id not in attempt.counted:
                self._add(rule, id)

    def _succeeded(self, attempt: Attempt) -> None:
        """Forget the account's failures from this address; the other counts may be somebody else's and stay."""
        for rule, id in attempt.rules:
            if id in attempt.counted:
                self._change(id, _zero if rule is PAIR else _one_less)

    def _undecided(self, attempt: Attempt) -> None:
        """The password could not be checked: take the attempt back."""
        for _, id in attempt.rules:
            if id in attempt.counted:
                self._change(id, _one_less)

    def _holds(self, rule: Rule, id: str, user: str, address: str) -> bool:
        """Is there a count for this attempt? Raises ``TooManyRequests`` if it says to wait."""
        known = self._resources.find(KIND, id)
        if known is None:
            return False
        if not self._delayed(known):
            return True
        if rule is ACCOUNT and self._at_home(user, address):
            return False
        raise self._refusal(known)

    def _count(self, rule: Rule, id: str, *, refuse: bool) -> bool:
        """Add a failure to a count that exists, at one moment with the check of its delay."""

        def change(known: Resource) -> Resource:
            if refuse and self._delayed(known):
                raise self._refusal(known)
            return self._with(known, rule, int(known.status.get("failures", 0)) + 1)

        return self._change(id, change)

    def _add(self, rule: Rule, id: str) -> None:
        if self._count(rule, id, refuse=False):
            return
        try:
            self._resources.create(self._with(Resource(kind=KIND, id=id), rule, 1))
        except AlreadyExists:
            self._count(rule, id, refuse=False)

    def _change(self, id: str, change: Callable[[Resource], Resource]) -> bool:
        """Return whether there was a count to change."""
        try:
            self._resources.update(Key(KIND, id), change)
        except NotFound:
            return False
        except Conflict:
            # More attempts at this very moment than writes that could be made: that is too many.
            raise TooManyRequests("too many logins at once; try again in a moment") from None
        return True

    def _with(self, count: Resource, rule: Rule, failures: int) -> Resource:
        now = int(self._clock.now())
        delay = min(rule.longest, 2 ** min(failures - rule.free - 1, 20)) if failures > rule.free else 0
        status = {"failures": failures, "until": now + delay}
        return replace(count, status=status, expires=now + REMEMBERED)

    def _delayed(self, count: Resource) -> bool:
        return int(count.status.get("until", 0)) > self._clock.now()

    def _refusal(self, count: Resource) -> TooManyRequests:
        seconds = max(1, int(count.status.get("until", 0) - self._clock.now()))
        return TooManyRequests(f"too many failed logins; try again in {seconds} seconds", retry_after=seconds)

    def _at_home(self, user: str, address: str) -> bool:
        """Does the user hold a living session that was begun at this address?"""
        place = network(address)
        tokens = self._resources.all("token", user or "nobody")
        return any([bool(place) and token.spec.get("address") == place for token in tokens])


def network(address: str) -> str:
    """The part of an address that a person holds: a whole IPv4 address, the first half of an IPv6 one."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped is None:
        return str(ipaddress.ip_network((known, 64), strict=False))
    return str(getattr(known, "ipv4_mapped", None) or known)


def _rules(account: str, address: str) -> tuple[tuple[Rule, str], ...]:
    """The counts that an attempt falls under; without an address the account's alone."""
    name, place = _letters(account), network(address)
    everywhere = (ACCOUNT, _id(ACCOUNT, name))
    if not place:
        return (everywhere,)
    return (PAIR, _id(PAIR, name, place)), everywhere, (ADDRESS, _id(ADDRESS, place))


def _letters(account: str) -> str:
    """What all spellings of a name have in common that a provider may take for the same.

    Directories overlook case, spaces, accents or invisible letters; each spelling must not be an account of its own.
    """
    return "".join([letter for letter in unicodedata.normalize("NFKD", account).casefold() if letter.isalnum()])


def _id(rule: Rule, *parts: str) -> str:
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{rule.name}-{digest[:40]}"


def _zero(count: Resource) -> Resource:
    return replace(count, removed="now")


def _one_less(count: Resource) -> Resource:
    left = int(count.status.get("failures", 0)) - 1
    # The delay stays: else attempts that come to nothing on purpose would clear it.
    return replace(count, status={**count.status, "failures": left}) if left > 0 else _zero(count)
