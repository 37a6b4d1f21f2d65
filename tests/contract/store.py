"""What every ``Store`` promises. A test module subclasses ``StoreContract`` and provides ``store`` and ``clock``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, Protocol
from uuid import uuid4

import pytest

from chalicelib.errors import AlreadyExists, Conflict, Invalid, LariatError, NameTaken, TooLarge
from chalicelib.store.codec import MAX_SIZE, MAX_TOTAL, encode
from chalicelib.types import Change, Condition, Feed, Key, Put, Remove, Resource, Store
from tests.support.clock import ManualClock


class FedStore(Store, Feed, Protocol):
    """A store that tells what was written to it."""


SECONDS_FOR_FEED = 10.0
"""A feed may lag; DynamoDB Streams usually does by less than a second."""


def cluster(id: str, **fields: Any) -> Resource:
    return Resource(kind="cluster", id=id, **fields)


def put(store: Store, resource: Resource) -> Resource:
    return store.write(Put(resource))[0]


def everything(
    store: Store, kind: str, parent: str | None = None, limit: int = 1000, *, settled: bool = True
) -> list[str]:
    """Every id, page by page; unless somebody writes meanwhile, ``ids`` gives the same."""
    ids: list[str] = []
    after = ""
    while True:
        page = store.list(kind, parent, after=after, limit=limit)
        ids += [resource.id for resource in page.items]
        if not page.after:
            assert not settled or list(store.ids(kind, parent)) == ids
            return ids
        after = page.after


def feed(store: FedStore, after: str, done: Callable[[list[Change]], bool]) -> list[Change]:
    """Read on until ``done``, as a consumer does that knows nothing but its cursor."""
    seen: list[Change] = []
    end = time.monotonic() + SECONDS_FOR_FEED
    while time.monotonic() < end:
        seen += store.changes(seen[-1].cursor if seen else after)
        if done(seen):
            return seen
        time.sleep(0.02)
    pytest.fail(f"the feed did not get there; it has {[change.key for change in seen]}")


def cursor_now(store: FedStore) -> str:
    marker = put(store, Resource(kind="marker", id=uuid4().hex))
    return feed(store, "", lambda seen: any(change.key == marker.key for change in seen))[-1].cursor


def outcomes(calls: Sequence[Callable[[], object]]) -> list[object]:
    """Run all calls at the same moment; return each one's answer or error."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return call()
        except LariatError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


class StoreContract:
    # Reading and writing one resource

    def test_several_are_read_in_the_order_of_the_keys(self, store: Store) -> None:
        for number in range(120):
            put(store, Resource(kind="several", id=f"s-{number:03}"))
        keys = [Key("several", f"s-{number:03}") for number in reversed(range(120))]
        found = store.several([*keys, keys[0], Key("several", "nosuch"), Key("other", "s-001")])
        assert [each.key for each in found] == keys
        assert list(store.several([])) == []

    def test_absent(self, store: Store) -> None:
        assert store.get(Key("cluster", "c-1")) is None
        assert store.list("cluster") == ((), "")
        assert store.holder("username/admin") is None

    def test_every_field_round_trips(self, store: Store) -> None:
        resource = Resource(
            kind="cluster",
            id="c-1:p-1",
            parent="c-1",
            spec={"a": [1, 2.5, None, True, {"b": "c"}], "empty": {}, "text": "žluťoučký кінь 馬 🐎 \x00 \u2028"},
            status={"ready": False, "count": 0},
            sealed={"password": "v1.abc"},
            conditions=(Condition("Ready", "True"), Condition("Up", "False", "Why", "So", "2026-11-24T08:00:00Z")),
            labels={"a/b": ""},
            annotations={"x": "y"},
            unique=("name/one", "name/two"),
            owner=Key("user", "u-1"),
            finalizers=("f/1", "f/2"),
            uid="uid",
            creator="user-1",
            created="2026-11-24T08:00:00Z",
            removed="2026-11-24T09:00:00Z",
            expires=4_000_000_000,
        )
        stored = put(store, resource)
        assert stored == replace(resource, version=1)
        assert store.get(resource.key) == stored
        assert store.list("cluster", "c-1").items == (stored,)

    def test_unicode_in_keys(self, store: Store) -> None:
        stored = put(store, cluster("馬-🐎", parent="příliš", unique=("jméno/ž",)))
        assert store.get(Key("cluster", "馬-🐎")) == stored
        assert store.list("cluster", "příliš").items == (stored,)
        assert store.holder("jméno/ž") == stored.key

    def test_half_a_surrogate_pair_is_refused(self, store: Store) -> None:
        with pytest.raises(Invalid):
            put(store, cluster("c-1", spec={"text": "\ud800"}))

    def test_versions_count_writes(self, store: Store) -> None:
        first = put(store, cluster("c-1"))
        second = put(store, replace(first, spec={"a": 1}))
        assert (first.version, second.version) == (1, 2)
        assert store.get(first.key) == second

    def test_create_twice(self, store: Store) -> None:
        first = put(store, cluster("c-1", spec={"a": 1}))
        with pytest.raises(AlreadyExists):
            put(store, cluster("c-1", spec={"a": 2}))
        assert store.get(first.key) == first

    def test_stale_update(self, store: Store) -> None:
        first = put(store, cluster("c-1"))
        second = put(store, first)
        with pytest.raises(Conflict) as caught:
            put(store, replace(first, spec={"lost": True}))
        assert not isinstance(caught.value, (AlreadyExists, NameTaken))
        assert store.get(first.key) == second

    def test_stale_remove(self, store: Store) -> None:
        first = put(store, cluster("c-1"))
        second = put(store, first)
        with pytest.raises(Conflict):
            store.write(Remove(first))
        assert store.get(first.key) == second

    def test_remove(self, store: Store) -> None:
        first = put(store, cluster("c-1", parent="p"))
        assert list(store.write(Remove(first))) == [first]
        assert store.get(first.key) is None
        assert store.list("cluster", "p") == store.list("cluster") == ((), "")

    def test_write_after_remove(self, store: Store) -> None:
        first = put(store, cluster("c-1"))
        store.write(Remove(first))
        for write in (Put(first), Remove(first)):
            with pytest.raises(Conflict) as caught:
                store.write(write)
            assert not isinstance(caught.value, AlreadyExists)
        assert put(store, cluster("c-1")).version == 1

    # Several at once

    def test_nothing_to_write(self, store: Store) -> None:
        assert list(store.write()) == []

    def test_all_or_none(self, store: Store) -> None:
        first, second = store.write(Put(cluster("c-1")), Put(cluster("c-2")))
        stale = second
        second = put(store, second)
        with pytest.raises(Conflict):
            store.write(Put(replace(first, spec={"a": 1})), Put(cluster("c-3", unique=("n",))), Put(stale))
        assert store.get(first.key) == first
        assert store.get(Key("cluster", "c-3")) is None
        assert store.holder("n") is None
        with pytest.raises(AlreadyExists):
            store.write(Remove(first), Put(cluster("c-2")))
        assert everything(store, "cluster") == ["c-1", "c-2"]

    def test_answers_in_the_order_of_writes(self, store: Store) -> None:
        old = put(store, cluster("c-2"))
        answer = store.write(Put(cluster("c-3")), Remove(old), Put(cluster("c-1")))
        assert [(resource.id, resource.version) for resource in answer] == [("c-3", 1), ("c-2", 1), ("c-1", 1)]

    def test_at_most_25(self, store: Store) -> None:
        resources = [cluster(f"c-{n:02}", parent="p", unique=(f"a/{n}", f"b/{n}")) for n in range(26)]
        with pytest.raises(ValueError, match="26 writes"):
            store.write(*[Put(resource) for resource in resources])
        assert everything(store, "cluster") == []
        assert len(store.write(*[Put(resource) for resource in resources[:25]])) == 25
        assert everything(store, "cluster", "p") == [resource.id for resource in resources[:25]]

    def test_one_resource_twice(self, store: Store) -> None:
        with pytest.raises(ValueError, match="two writes of one resource"):
            store.write(Put(cluster("c-1")), Put(cluster("c-1")))

    # Size

    @pytest.mark.parametrize("letter", ["a", "馬"])
    def test_at_most_350_kb(self, store: Store, letter: str) -> None:
        def sized(size: int) -> Resource:
            bare = len(encode(cluster("c-1", spec={"text": ""}, version=1)).encode())
            letters, rest = divmod(size - bare, len(letter.encode()))
            return cluster("c-1", spec={"text": letter * letters + "a" * rest})

        with pytest.raises(TooLarge):
            put(store, sized(MAX_SIZE + 1))
        stored = put(store, sized(MAX_SIZE))
        assert store.get(stored.key) == stored

    def test_at_most_3500_kb_at_once(self, store: Store) -> None:
        big = [cluster(f"c-{n:02}", spec={"text": "a" * (MAX_SIZE - 100)}) for n in range(11)]
        assert 10 * len(encode(big[0])) < MAX_TOTAL
        with pytest.raises(TooLarge):
            store.write(*[Put(resource) for resource in big])
        assert len(store.write(*[Put(resource) for resource in big[:10]])) == 10
        assert everything(store, "cluster", limit=4) == [resource.id for resource in big[:10]]

    # Unique names

    def test_name_is_held(self, store: Store) -> None:
        first = put(store, cluster("c-1", unique=("n", "m")))
        assert store.holder("n") == store.holder("m") == first.key
        with pytest.raises(NameTaken):
            put(store, cluster("c-2", unique=("m",)))
        other = put(store, cluster("c-3"))
        with pytest.raises(NameTaken):
            put(store, replace(other, unique=("n",)))
        assert store.get(other.key) == other
        with pytest.raises(NameTaken):
            store.write(Put(cluster("c-4", unique=("new",))), Put(cluster("c-5", unique=("new",))))

    def test_name_is_kept_by_updates(self, store: Store) -> None:
        first = put(store, cluster("c-1", unique=("n",)))
        put(store, replace(first, spec={"a": 1}))
        assert store.holder("n") == first.key

    def test_name_is_released(self, store: Store) -> None:
        first = put(store, cluster("c-1", unique=("n", "m")))
        first = put(store, replace(first, unique=("m",)))
        assert store.holder("n") is None
        second = put(store, cluster("c-2", unique=("n",)))
        store.write(Remove(first))
        assert store.holder("m") is None
        assert store.holder("n") == second.key

    def test_remove_releases_names_that_the_caller_left_out(self, store: Store) -> None:
        first = put(store, cluster("c-1", parent="p", unique=("n",)))
        store.write(Remove(replace(first, unique=(), parent="")))
        assert store.holder("n") is None
        assert put(store, cluster("c-2", unique=("n",))).version == 1

    def test_name_moves_at_once(self, store: Store) -> None:
        first, second = store.write(Put(cluster("c-1", unique=("n",))), Put(cluster("c-2", unique=("m",))))
        first, second = store.write(Put(replace(first, unique=("m",))), Put(replace(second, unique=("n",))))
        assert (store.holder("m"), store.holder("n")) == (first.key, second.key)
        third = store.write(Put(cluster("c-3", unique=("m",))), Remove(first))[0]
        assert store.holder("m") == third.key

    def test_stale_write_moves_no_name(self, store: Store) -> None:
        first = put(store, cluster("c-1", unique=("n",)))
        put(store, first)
        with pytest.raises(Conflict):
            put(store, replace(first, unique=("m",)))
        assert (store.holder("n"), store.holder("m")) == (first.key, None)

    # Lists

    def test_lists_by_kind_and_parent(self, store: Store) -> None:
        for id, parent in (("b", "p"), ("a", "q"), ("c", "p"), ("B", ""), ("ž", ""), ("a:b", "")):
            put(store, cluster(id, parent=parent))
        put(store, Resource(kind="clusterX", id="x", parent="p"))
        put(store, Resource(kind="cluste", id="y", parent="p"))
        assert everything(store, "cluster") == ["B", "a", "a:b", "b", "c", "ž"]
        assert everything(store, "cluster", "p") == ["b", "c"]
        assert everything(store, "cluster", "q") == ["a"]
        assert everything(store, "cluster", "") == ["B", "a:b", "ž"]
        assert everything(store, "cluster", "nobody") == []

    def test_parent_moves(self, store: Store) -> None:
        first = put(store, cluster("c-1", parent="p"))
        first = put(store, replace(first, parent="q"))
        assert (everything(store, "cluster", "p"), everything(store, "cluster", "q")) == ([], ["c-1"])
        put(store, replace(first, parent=""))
        assert (everything(store, "cluster", "q"), everything(store, "cluster", "")) == ([], ["c-1"])

    @pytest.mark.parametrize("parent", [None, "p"])
    def test_pages(self, store: Store, parent: str | None) -> None:
        for n in range(4):
            put(store, cluster(f"c-{n}", parent="p"))
        page = store.list("cluster", parent, limit=2)
        assert ([resource.id for resource in page.items], bool(page.after)) == (["c-0", "c-1"], True)
        page = store.list("cluster", parent, after=page.after, limit=2)
        assert ([resource.id for resource in page.items], page.after) == (["c-2", "c-3"], "")
        assert store.list("cluster", parent, after="c-3") == ((), "")

    @pytest.mark.parametrize("parent", [None, "p"])
    def test_long_list(self, store: Store, parent: str | None) -> None:
        ids = [f"c-{n:03}" for n in range(250)]
        for start in range(0, 250, 25):
            store.write(*[Put(cluster(id, parent="p")) for id in ids[start : start + 25]])
        assert everything(store, "cluster", parent) == everything(store, "cluster", parent, 99) == ids

    @pytest.mark.parametrize("parent", [None, "p"])
    def test_paging_under_writes_neither_misses_nor_doubles(self, store: Store, parent: str | None) -> None:
        steady = [f"c-{n:02}" for n in range(0, 40, 2)]
        for id in steady:
            put(store, cluster(id, parent="p"))
        stop = threading.Event()
        rounds: list[int] = []

        def churn() -> None:
            while not stop.is_set():
                rounds.append(len(rounds))
                for n in (1, 21, 39):
                    store.write(Remove(put(store, cluster(f"c-{n:02}", parent="p"))))
                first = store.get(Key("cluster", "c-00"))
                assert first
                put(store, first)

        with ThreadPoolExecutor(1) as pool:
            churning = pool.submit(churn)
            try:
                while len(rounds) < 10:
                    ids = everything(store, "cluster", parent, limit=3, settled=False)
                    assert ids == sorted(set(ids))
                    assert [id for id in ids if id in steady] == steady
            finally:
                stop.set()
            churning.result()

    # Many at the same time

    def test_two_writers_one_conflict(self, store: Store) -> None:
        resource = put(store, cluster("c-1"))
        for _ in range(5):
            answers = outcomes([partial(put, store, replace(resource, spec={"by": name})) for name in ("a", "b")])
            (won,) = [answer for answer in answers if isinstance(answer, Resource)]
            (lost,) = [answer for answer in answers if not isinstance(answer, Resource)]
            assert isinstance(lost, Conflict)
            assert store.get(resource.key) == won
            resource = won

    def test_two_equal_writes_one_conflict(self, store: Store) -> None:
        # Both count from 1 to 2: were the second taken for the first, a count would be lost.
        resource = put(store, cluster("c-1", spec={"count": 1}))
        answers = outcomes([lambda: put(store, replace(resource, spec={"count": 2}))] * 4)
        assert sum(isinstance(answer, Conflict) for answer in answers) == 3

    def test_one_creates(self, store: Store) -> None:
        answers = outcomes([lambda: put(store, cluster("c-1"))] * 4)
        assert sum(isinstance(answer, AlreadyExists) for answer in answers) == 3

    def test_one_gets_the_name(self, store: Store) -> None:
        ids = ("c-1", "c-2", "c-3", "c-4")
        answers = outcomes([partial(put, store, cluster(id, unique=("n",))) for id in ids])
        (won,) = [answer for answer in answers if isinstance(answer, Resource)]
        assert sum(isinstance(answer, NameTaken) for answer in answers) == 3
        assert store.holder("n") == won.key
        assert everything(store, "cluster") == [won.id]

    def test_no_increment_is_lost(self, store: Store) -> None:
        put(store, cluster("c-1", spec={"count": 0}))

        def count() -> None:
            done = 0
            while done < 10:
                resource = store.get(Key("cluster", "c-1"))
                assert resource
                try:
                    put(store, replace(resource, spec={"count": resource.spec["count"] + 1}))
                except Conflict:
                    continue
                done += 1

        assert outcomes([count] * 4) == [None] * 4
        resource = store.get(Key("cluster", "c-1"))
        assert resource
        assert (resource.spec, resource.version) == ({"count": 40}, 41)

    # The change feed

    def test_feed_order(self, store: FedStore) -> None:
        start = cursor_now(store)
        first = put(store, cluster("c-1", parent="p", unique=("n",)))
        second = put(store, cluster("c-2"))
        first = put(store, first)
        store.write(Remove(second))
        expected = [first.key, second.key, first.key, second.key]
        seen = feed(store, start, lambda seen: len(seen) >= len(expected))
        assert [change.key for change in seen] == expected

    def test_failed_writes_leave_no_change(self, store: FedStore) -> None:
        start = cursor_now(store)
        first = put(store, cluster("c-1"))
        with pytest.raises(AlreadyExists):
            store.write(Put(cluster("c-2")), Put(cluster("c-1")))
        last = put(store, cluster("c-9"))
        seen = feed(store, start, lambda seen: any(change.key == last.key for change in seen))
        assert [change.key for change in seen] == [first.key, last.key]

    def test_feed_resumes_after_any_change(self, store: FedStore) -> None:
        start = cursor_now(store)
        for n in range(7):
            store.write(Put(cluster(f"c-{n}", parent="p", unique=(f"a/{n}", f"b/{n}"))), Put(cluster(f"d-{n}")))
        seen = feed(store, start, lambda seen: len(seen) >= 14)
        assert len({change.cursor for change in seen}) == len(seen) == 14
        for n, change in enumerate(seen):
            assert list(store.changes(change.cursor)) == seen[n + 1 :]
            assert list(store.changes(change.cursor, limit=1)) == seen[n + 1 : n + 2]

    def test_feed_from_the_oldest(self, store: FedStore) -> None:
        key = put(store, cluster("c-1")).key
        assert key in [change.key for change in feed(store, "", bool)]

    def test_feed_sees_every_write_of_many_writers(self, store: FedStore) -> None:
        start = cursor_now(store)

        def create(writer: str) -> None:
            for n in range(10):
                put(store, cluster(f"c-{writer}-{n}"))

        wanted = {f"c-{writer}-{n}" for writer in "abcd" for n in range(10)}
        with ThreadPoolExecutor(4) as pool:
            creating = [pool.submit(create, writer) for writer in "abcd"]
            seen = feed(store, start, lambda seen: wanted <= {change.key.id for change in seen})
            for task in creating:
                task.result()
        assert len(seen) == len(wanted)

    # Expiry

    def test_expired_is_absent(self, store: Store, clock: ManualClock) -> None:
        expires = int(clock.now()) + 60
        token = put(store, Resource(kind="token", id="t-1", parent="u-1", unique=("n",), expires=expires))
        put(store, Resource(kind="token", id="t-2", parent="u-1"))
        clock.advance(59)
        assert store.get(token.key) == token
        clock.advance(1)
        assert store.get(token.key) is None
        assert everything(store, "token") == everything(store, "token", "u-1") == ["t-2"]
        assert store.holder("n") is None
        for write in (Put(token), Remove(token)):
            with pytest.raises(Conflict):
                store.write(write)

    def test_expired_leaves_its_id_and_name(self, store: Store, clock: ManualClock) -> None:
        put(store, Resource(kind="token", id="t-1", parent="u-1", unique=("n",), expires=int(clock.now()) + 60))
        clock.advance(61)
        other = put(store, Resource(kind="token", id="t-2", unique=("n",)))
        again = put(store, Resource(kind="token", id="t-1", parent="u-2"))
        assert (other.version, again.version) == (1, 1)
        assert store.holder("n") == other.key
        assert everything(store, "token", "u-1") == []
        assert everything(store, "token", "u-2") == ["t-1"]

    def test_expiry_can_be_moved(self, store: Store, clock: ManualClock) -> None:
        expires = int(clock.now()) + 60
        token = put(store, Resource(kind="token", id="t-1", parent="u-1", unique=("n",), expires=expires))
        token = put(store, replace(token, expires=expires + 60))
        clock.advance(61)
        assert store.get(token.key) == token
        assert store.holder("n") == token.key
        with pytest.raises(NameTaken):
            put(store, Resource(kind="token", id="t-2", unique=("n",)))
        token = put(store, replace(token, expires=None))
        clock.advance(1000)
        assert everything(store, "token", "u-1") == ["t-1"]
        assert store.holder("n") == token.key

    def test_pages_skip_expired(self, store: Store, clock: ManualClock) -> None:
        for n in range(6):
            expires = int(clock.now()) + 60 if n % 2 else None
            put(store, Resource(kind="token", id=f"t-{n}", parent="u-1", expires=expires))
        clock.advance(61)
        for parent in (None, "u-1"):
            page = store.list("token", parent, limit=2)
            assert [resource.id for resource in page.items] == ["t-0", "t-2"]
            assert [resource.id for resource in store.list("token", parent, after=page.after).items] == ["t-4"]
