"""Rights never fail open: whatever breaks or is missing on the way to a decision, the decision is no.

The store breaks at each of its reads in turn, in all the ways that a store can; and every value that a proof of identity
needs is taken away or spoilt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.keyfile import KeyFile
from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.api.http import Request
from chalicelib.auth import tokens
from chalicelib.auth.login import new_user
from chalicelib.errors import Busy, LariatError, TimedOut, Unauthorized, Unavailable
from chalicelib.main import Parts, build
from chalicelib.proxy.policy import impersonation
from chalicelib.types import Key, Page, Resource, Write
from tests.support.clock import ManualClock
from tests.support.random import SeededRandom
from tests.support.server import TERMS, Caller, Server, hashed
from tests.support.transport import MemoryTransport

CLUSTER = "c-aaaaa"
KEY = "k" * tokens.KEY_LENGTH
ERRORS: tuple[type[Exception], ...] = (Unavailable, Busy, TimedOut, OSError, RuntimeError, KeyError)


class Breaking(SqliteStore):
    """A store whose read number ``breaks`` raises ``error``; 0 breaks none."""

    breaks = reads = 0
    error = ERRORS[0]

    def _count(self) -> None:
        self.reads += 1
        if self.reads == self.breaks:
            raise self.error("broken")

    def get(self, key: Key) -> Resource | None:
        self._count()
        return super().get(key)

    def list(self, kind: str, parent: str | None = None, *, after: str = "", limit: int = 1000) -> Page:
        self._count()
        return super().list(kind, parent, after=after, limit=limit)

    def ids(self, kind: str, parent: str | None = None) -> Sequence[str]:
        self._count()
        return super().ids(kind, parent)

    def holder(self, name: str) -> Key | None:
        self._count()
        return super().holder(name)

    def write(self, *writes: Write) -> Sequence[Resource]:
        self._count()
        return super().write(*writes)


class House:
    """A plain user, an administrator and a cluster; ``parts`` are new for each attempt, so that none remembers."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.store = Breaking(str(folder / "lariat.db"), self.clock)
        self.seal = KeyFile(folder / "seal.key", fresh=True)
        resources = self.parts().resources
        for name in ("admin", "plain"):
            resources.create(new_user(f"u-{name}", name, hashed(), {}))
            now = self.clock.now()
            token = tokens.new(f"token-{name}", KEY, f"u-{name}", now=now, ttl=0, spec={}, labels={})
            # Used today, so that a proof does not note the day, which may fail without harm.
            resources.create(tokens.used(token, now))
        binding = {"userId": "u-admin", "globalRoleId": "admin"}
        resources.create(Resource(kind="globalRoleBinding", id="grb-1", parent="u-admin", spec=binding))
        resources.create(Resource(kind="cluster", id=CLUSTER, spec={"name": "one"}))

    def parts(self) -> Parts:
        return build(self.store, self.seal, self.clock, SeededRandom(), TERMS, {}, self.store.close, MemoryTransport)

    def bindings(self) -> Sequence[str]:
        """Who is an administrator, however broken the store is."""
        return SqliteStore.ids(self.store, "globalRoleBinding")

    def each_break(self, attempt: Callable[[Parts], None]) -> Iterator[Exception | None]:
        """Try with each read broken in each way; yield what came of it. The last of a way breaks nothing."""
        for error in ERRORS:
            number = 0
            while True:
                number += 1
                self.store.breaks, self.store.reads, self.store.error = number, 0, error
                parts = self.parts()
                try:
                    attempt(parts)
                except (LariatError, OSError, RuntimeError, KeyError) as raised:
                    outcome: Exception | None = raised
                else:
                    outcome = None
                whole = self.store.reads < number
                self.store.breaks = 0
                if whole:
                    break
                yield outcome
            assert number > 1


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.store.close()


def headers(name: str, key: str = KEY) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer token-{name}:{key}"),)


def admit(parts: Parts, name: str = "admin", key: str = KEY) -> None:
    parts.gatekeeper.admit("GET", f"/k8s/clusters/{CLUSTER}/api", "", headers(name, key), False)


def test_a_store_that_breaks_admits_nobody_to_a_cluster(house: House) -> None:
    for outcome in house.each_break(admit):
        assert outcome is not None
    admit(house.parts())


def test_a_store_that_breaks_makes_no_wrong_key_right(house: House) -> None:
    def guess(parts: Parts) -> None:
        admit(parts, key="x" * tokens.KEY_LENGTH)

    for outcome in house.each_break(guess):
        assert outcome is not None
    with pytest.raises(Unauthorized):
        guess(house.parts())


@pytest.mark.parametrize("name", ["plain", "admin"])
def test_a_store_that_breaks_shows_nothing(house: House, name: str) -> None:
    def ask(parts: Parts) -> None:
        answer = parts.api.handle(Request("GET", "/v3/globalrolebindings", (), headers(name), b"", "https://l.example"))
        assert answer.status >= 400 or house.store.reads < house.store.breaks
        assert name == "admin" or b"u-admin" not in answer.body

    for outcome in house.each_break(ask):
        assert outcome is None


@pytest.mark.parametrize("name", ["plain", "admin"])
def test_a_store_that_breaks_lets_nobody_write(house: House, name: str) -> None:
    body = b'{"userId":"u-plain","globalRoleId":"admin"}'

    def ask(parts: Parts) -> None:
        before = house.bindings()
        request = Request("POST", "/v3/globalrolebindings", (), headers(name), body, "https://l.example")
        answer = parts.api.handle(request)
        if house.store.reads >= house.store.breaks:
            assert answer.status >= 400
            assert house.bindings() == before

    for outcome in house.each_break(ask):
        assert outcome is None


def spec(name: str, value: Any) -> Callable[[Resource], Resource]:
    return lambda stored: replace(stored, spec={**stored.spec, name: value})


def status(name: str, value: Any) -> Callable[[Resource], Resource]:
    return lambda stored: replace(stored, status={**stored.status, name: value})


ODD: tuple[Any, ...] = (None, 2, "true", [], {}, "")
NO_CLUSTERS: tuple[Any, ...] = (0, 1, False, [], {}, ["c"])
SPOILT: dict[str, tuple[str, Callable[[Resource], Resource]]] = {
    "token without status": ("token", lambda stored: replace(stored, status={})),
    "token without hash": ("token", status("keyHash", None)),
    "token with an empty hash": ("token", status("keyHash", "")),
    "token with a hash that is none": ("token", status("keyHash", [])),
    "token of nobody": ("token", lambda stored: replace(stored, parent="")),
    "token of somebody unknown": ("token", lambda stored: replace(stored, parent="u-gone")),
    "token that ended at the beginning of time": ("token", lambda stored: replace(stored, expires=0)),
    **{f"token enabled {value!r}": ("token", spec("enabled", value)) for value in ODD},
    **{f"token for cluster {value!r}": ("token", spec("clusterId", value)) for value in NO_CLUSTERS},
    **{f"user enabled {value!r}": ("user", spec("enabled", value)) for value in ODD},
    "user who is going": ("user", lambda stored: replace(stored, removed="2026-01-01T00:00:00Z", finalizers=("f",))),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_proof_with_a_spoilt_part_proves_nothing(server: Server, admin: Caller, case: str) -> None:
    kind, change = SPOILT[case]
    server.resources.update(Key(kind, admin.token if kind == "token" else admin.user), change)
    with pytest.raises(Unauthorized):
        server.parts.authenticator.authenticate([admin.authorization])
    assert admin.get("/v3/users").status == 401


@pytest.mark.parametrize("role", [None, "", "Admin", "admin ", 1, ["admin"], {"admin": True}])
def test_a_binding_of_no_known_role_makes_no_administrator(server: Server, plain: Caller, role: Any) -> None:
    spec = {"userId": plain.user, "globalRoleId": role}
    server.resources.create(Resource(kind="globalRoleBinding", id="grb-odd", parent=plain.user, spec=spec))
    assert not server.parts.authenticator.authenticate([plain.authorization]).administrator


def test_an_identity_without_a_name_is_not_impersonated(server: Server, plain: Caller) -> None:
    """Without ``Impersonate-User`` a request would run as the agent itself."""
    known = server.parts.authenticator.authenticate([plain.authorization])
    for name in ("", " ", "\t", "\x00", "\u2003"):
        with pytest.raises(LariatError):
            impersonation(replace(known, user=name))
