"""What is remembered of access ends by notices: in every process within seconds, by one read, and never too late."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.auth import memory
from chalicelib.auth.memory import Memory
from chalicelib.auth.trust import LONGEST, MOST, OVERLAP, SECONDS, Trust
from chalicelib.errors import Unavailable
from chalicelib.store.notices import EVERYBODY, KIND
from chalicelib.store.resources import Resources
from chalicelib.types import Key, Page, Resource
from tests.support.billed import BilledStore
from tests.support.clock import ManualClock
from tests.support.random import SeededRandom

USER = Resource(kind="user", id="u-1")
TOKEN = Resource(kind="token", id="token-1", parent="u-1")
CLUSTER = Resource(kind="cluster", id="c-1")
BINDING = Resource(kind="globalRoleBinding", id="grb-1", parent="u-1", spec={"globalRoleId": "admin"})

OF_A_GROUP = Resource(kind="clusterRoleTemplateBinding", id="c-1:b", parent="c-1", spec={"groupPrincipalId": "team"})


class Failing(BilledStore):
    failing = False

    def list(self, kind: str, parent: str | None = None, *, after: str = "", limit: int = 1000) -> Page:
        if self.failing:
            raise Unavailable("the database does not answer")
        return super().list(kind, parent, after=after, limit=limit)


class House:
    """One process that remembers; ``resources`` are the other processes, whose clocks may differ."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.theirs = ManualClock()
        self.sqlite = SqliteStore(str(folder / "trust.db"), self.clock)
        self.store = Failing(self.sqlite)
        self.resources = Resources(self.sqlite, self.theirs, SeededRandom())
        self.trust = Trust(Resources(self.store, self.clock, SeededRandom()), self.clock)
        self.told: list[str] = []
        self.trust.listen(self.told.append)
        self.trust.renew()
        self.told.clear()

    def later(self, seconds: float) -> list[str]:
        """What is forgotten when somebody asks after some seconds."""
        self.clock.advance(seconds)
        self.theirs.advance(seconds)
        self.told.clear()
        self.trust.renew()
        return self.told


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.sqlite.close()


def changed(resource: Resource) -> Resource:
    return replace(resource, spec={**resource.spec, "enabled": False})


def going(resource: Resource) -> Resource:
    return replace(resource, removed="2026-11-24T08:00:00Z", finalizers=("x",))


@pytest.mark.parametrize(
    ("resource", "change", "subjects"),
    [
        (USER, changed, ["u-1"]),
        (USER, going, ["u-1"]),
        (TOKEN, changed, ["u-1"]),
        (TOKEN, going, ["u-1"]),
        (TOKEN, lambda token: replace(token, parent="u-2"), ["u-1", "u-2"]),
        (CLUSTER, going, ["c-1"]),
        (CLUSTER, changed, []),
        (BINDING, changed, ["u-1"]),
        (OF_A_GROUP, changed, [EVERYBODY]),
        (Resource(kind="roleTemplate", id="rt-1"), changed, [EVERYBODY]),
        (Resource(kind="setting", id="s"), changed, []),
        (USER, lambda user: user, []),
    ],
)
def test_whom_a_change_concerns(
    house: House, resource: Resource, change: Callable[[Resource], Resource], subjects: list[str]
) -> None:
    house.resources.create(resource)
    house.later(2 * OVERLAP)
    house.resources.update(resource.key, change)
    assert sorted(house.later(SECONDS)) == subjects


@pytest.mark.parametrize(
    ("resource", "created", "removed"),
    [(USER, [], ["u-1"]), (TOKEN, [], ["u-1"]), (CLUSTER, [], ["c-1"]), (BINDING, ["u-1"], ["u-1"])],
)
def test_what_begins_and_what_ends(house: House, resource: Resource, created: list[str], removed: list[str]) -> None:
    house.resources.create(resource)
    assert house.later(SECONDS) == created
    house.resources.remove(resource.key)
    assert house.later(SECONDS) == removed


def test_a_notice_is_heeded_once(house: House) -> None:
    house.resources.create(USER)
    house.resources.remove(USER.key)
    assert house.later(SECONDS) == ["u-1"]
    assert [house.later(SECONDS) for _ in range(5)] == [[]] * 5


def test_all_that_a_process_remembers_costs_one_read_every_few_seconds(house: House) -> None:
    house.store.counts.clear()
    for _ in range(100):
        house.later(SECONDS / 10)
    assert house.store.counts["reads"] <= 10


@pytest.mark.parametrize("slow", [-OVERLAP + 1, OVERLAP - SECONDS])
def test_clocks_may_differ(house: House, slow: float) -> None:
    """A notice by a clock that is behind, or that took long to be written."""
    house.resources.create(USER)
    house.later(2 * OVERLAP)
    house.theirs.advance(-slow)
    house.resources.remove(USER.key)
    assert house.later(SECONDS) == ["u-1"]


def test_after_a_long_sleep_nothing_is_believed_and_nothing_read(house: House) -> None:
    house.resources.create(USER)
    house.resources.remove(USER.key)
    house.store.counts.clear()
    assert house.later(LONGEST + 1) == [EVERYBODY]
    assert house.store.counts["reads"] == 0


@pytest.mark.parametrize("seconds", [-1, -10, -100_000])
def test_a_clock_that_was_set_back_prolongs_nothing(house: House, seconds: float) -> None:
    house.later(SECONDS)
    house.clock.advance(seconds)
    house.trust.renew()
    assert house.told == [EVERYBODY]


def test_too_much_news_ends_all(house: House) -> None:
    for number in range(MOST + 1):
        house.resources.create(replace(USER, id=f"u-{number}"))
        house.resources.remove(Key("user", f"u-{number}"))
    assert house.later(SECONDS) == [EVERYBODY]


def test_without_an_answer_nothing_is_believed(house: House) -> None:
    house.store.failing = True
    for _ in range(2):
        with pytest.raises(Unavailable):
            house.later(SECONDS)


def test_a_doubt_is_settled_at_once(house: House) -> None:
    house.resources.create(USER)
    house.resources.remove(USER.key)
    assert house.later(0) == []
    house.trust.doubt()
    assert house.later(0) == ["u-1"]


def test_a_doubt_that_comes_while_we_look_counts(house: House) -> None:
    house.resources.create(USER)
    house.resources.remove(USER.key)
    house.trust.listen(lambda _: house.trust.doubt())
    house.later(SECONDS)
    house.store.counts.clear()
    house.later(0)
    assert house.store.counts["reads"] == 1


def test_notices_vanish_by_themselves(house: House) -> None:
    house.resources.create(USER)
    house.resources.remove(USER.key)
    assert len(house.sqlite.list(KIND).items) == 1
    house.clock.advance(LONGEST * 2 + 1)
    assert house.sqlite.list(KIND).items == ()


def test_what_was_proven_before_the_news_is_not_kept(house: House) -> None:
    """A proof that another thread's news overtook: the notice is heeded once, so it must not be missed."""
    known: Memory[str] = Memory(house.trust, house.clock)
    turn = house.trust.turn
    house.resources.create(USER)
    house.resources.remove(USER.key)
    house.later(SECONDS)
    known.keep("proof", "u-1", "u-1", turn)
    assert known.find("proof") is None
    known.keep("proof", "u-1", "u-1", house.trust.turn)
    assert known.find("proof") == "u-1"


def test_a_memory_is_bounded_in_number_and_time(house: House) -> None:
    known: Memory[int] = Memory(house.trust, house.clock)
    for number in range(memory.MOST + 1):
        known.keep(str(number), "u-1", number, house.trust.turn)
    assert (known.find("0"), known.find("1")) == (None, 1)
    known.keep("short", "u-1", 7, house.trust.turn, house.clock.now() + 1)
    assert known.find("short") == 7
    house.clock.advance(1)
    assert known.find("short") is None
    house.clock.advance(memory.SECONDS)
    assert known.find("1") is None


def test_only_what_the_news_concern_is_forgotten(house: House) -> None:
    known: Memory[int] = Memory(house.trust, house.clock)
    for number in (1, 2):
        known.keep(f"token-{number}", f"u-{number}", number, house.trust.turn)
    known.forget("u-1")
    assert (known.find("token-1"), known.find("token-2")) == (None, 2)
    known.forget(EVERYBODY)
    assert known.find("token-2") is None
