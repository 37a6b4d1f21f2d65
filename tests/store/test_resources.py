"""The rules of a resource's life, on a real store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.errors import AlreadyExists, Conflict, NameTaken, NotFound
from chalicelib.store.resources import RETRIES, Resources, qualified, timestamp
from chalicelib.types import Key, Put, Resource
from tests.support.clock import ManualClock
from tests.support.random import SeededRandom

KEY = Key("cluster", "c-1")
NEW = Resource(kind="cluster", id="c-1")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[SqliteStore]:
    store = SqliteStore(str(tmp_path / "lariat.db"), clock)
    yield store
    store.close()


@pytest.fixture
def resources(store: SqliteStore, clock: ManualClock) -> Resources:
    return Resources(store, clock, SeededRandom())


def test_get_and_find(resources: Resources) -> None:
    assert resources.find(*KEY) is None
    stored = resources.create(NEW)
    assert resources.get(*KEY) == resources.find(*KEY) == stored
    assert resources.list("cluster").items == (stored,)


@pytest.mark.parametrize(
    ("kind", "id", "message"),
    [
        ("cluster", "c-nope", 'clusters.management.cattle.io "c-nope" not found'),
        ("project", "c-1:p-nope", 'projects.management.cattle.io "p-nope" not found'),
        ("nodePool", "c-1:np-1", 'nodepools.management.cattle.io "np-1" not found'),
    ],
)
def test_not_found(resources: Resources, kind: str, id: str, message: str) -> None:
    with pytest.raises(NotFound) as caught:
        resources.get(kind, id)
    assert caught.value.message == message


def test_other_groups(store: SqliteStore, clock: ManualClock) -> None:
    resources = Resources(store, clock, SeededRandom(), lambda kind: f"{kind}s.project.cattle.io")
    with pytest.raises(NotFound, match=r'^apps\.project\.cattle\.io "web" not found$'):
        resources.get("app", "p-1:web")


def test_plurals() -> None:
    kinds = ("podSecurityPolicyTemplate", "globalDns", "policy", "gateway", "index")
    names = ["podsecuritypolicytemplates", "globaldnses", "policies", "gateways", "indexes"]
    assert [qualified(kind).partition(".")[0] for kind in kinds] == names


def test_create_fills_in(resources: Resources) -> None:
    stored = resources.create(NEW)
    assert (stored.created, stored.version) == ("2026-11-24T08:00:00Z", 1)
    assert stored.uid[14] == "4"
    assert len(stored.uid) == 36


def test_create_several(resources: Resources) -> None:
    first = resources.create(NEW, Resource(kind="project", id="c-1:p-1", parent="c-1"))
    second = resources.get("project", "c-1:p-1")
    assert first.id == "c-1"
    assert first.uid != second.uid
    assert first.created == second.created
    with pytest.raises(AlreadyExists):
        resources.create(Resource(kind="cluster", id="c-2"), NEW)
    assert resources.find("cluster", "c-2") is None


def test_update(resources: Resources) -> None:
    stored = resources.create(NEW)
    updated = resources.update(KEY, lambda resource: replace(resource, spec={"a": 1}))
    assert updated == replace(stored, spec={"a": 1}, version=2) == resources.get(*KEY)


def test_update_that_changes_nothing_writes_nothing(resources: Resources, store: SqliteStore) -> None:
    stored = resources.create(replace(NEW, spec={"a": 1}))
    assert resources.update(KEY, lambda resource: replace(resource, spec={"a": 1})) == stored
    assert len(store.changes("")) == 1


def test_update_of_nothing(resources: Resources) -> None:
    with pytest.raises(NotFound):
        resources.update(KEY, lambda resource: resource)


@pytest.mark.parametrize("rivals", [RETRIES, RETRIES + 1])
def test_update_settles_conflicts(resources: Resources, store: SqliteStore, rivals: int) -> None:
    resources.create(replace(NEW, spec={"count": 0}))
    calls: list[int] = []

    def increment(resource: Resource) -> Resource:
        return replace(resource, spec={"count": resource.spec["count"] + 1})

    def change(resource: Resource) -> Resource:
        calls.append(resource.version)
        if len(calls) <= rivals:
            store.write(Put(increment(resource)))
        return increment(resource)

    if rivals > RETRIES:
        with pytest.raises(Conflict):
            resources.update(KEY, change)
    else:
        assert resources.update(KEY, change).spec == {"count": rivals + 1}
    assert calls == [1, 2, 3, 4, 5, 6]


def test_update_tries_a_taken_name_once(resources: Resources) -> None:
    resources.create(NEW)
    resources.create(Resource(kind="cluster", id="c-2", unique=("n",)))
    calls: list[Resource] = []

    def change(resource: Resource) -> Resource:
        calls.append(resource)
        return replace(resource, unique=("n",))

    with pytest.raises(NameTaken):
        resources.update(KEY, change)
    assert len(calls) == 1


@pytest.mark.parametrize("rivals", [0, 1])
def test_a_record_begins_with_what_is_first_said_of_it(resources: Resources, store: SqliteStore, rivals: int) -> None:
    told: list[Resource] = []

    def count(record: Resource) -> Resource:
        told.append(record)
        if len(told) <= rivals:
            store.write(Put(replace(record, spec={"count": 1})))
        return replace(record, spec={"count": record.spec.get("count", 0) + 1})

    assert resources.record(NEW, count).spec == {"count": rivals + 1}
    assert resources.record(NEW, count).spec == {"count": rivals + 2}


def test_remove_without_finalizers(resources: Resources) -> None:
    resources.create(NEW)
    resources.remove(KEY)
    assert resources.find(*KEY) is None
    with pytest.raises(NotFound):
        resources.remove(KEY)


def test_remove_in_two_phases(resources: Resources, clock: ManualClock) -> None:
    resources.create(replace(NEW, finalizers=("a", "b")))
    clock.advance(60)
    marked = resources.remove(KEY)
    assert (marked.removed, marked.version) == ("2026-11-24T08:01:00Z", 2)
    clock.advance(60)
    assert resources.remove(KEY) == marked
    assert resources.finalize(KEY, "a").finalizers == ("b",)
    assert resources.finalize(KEY, "a").version == 3
    resources.finalize(KEY, "b")
    assert resources.find(*KEY) is None


def test_finalize_keeps_what_is_not_removed(resources: Resources) -> None:
    resources.create(replace(NEW, finalizers=("a",)))
    assert resources.finalize(KEY, "a").finalizers == ()
    assert resources.find(*KEY)


def test_removal_completes_when_an_update_drops_the_last_finalizer(resources: Resources) -> None:
    resources.create(replace(NEW, finalizers=("a",)))
    resources.remove(KEY)
    resources.update(KEY, lambda resource: replace(resource, finalizers=()))
    assert resources.find(*KEY) is None


def test_conditions() -> None:
    resource = NEW.with_condition("Ready", "False", "Starting", "a moment", now="t1")
    resource = resource.with_condition("Up", "True", now="t1")
    assert resource.with_condition("Ready", "False", "Starting", "a moment", now="t2") == resource
    resource = resource.with_condition("Ready", "False", "Slow", "still", now="t2")
    assert [(c.type, c.reason, c.changed) for c in resource.conditions] == [("Ready", "Slow", "t1"), ("Up", "", "t1")]
    resource = resource.with_condition("Ready", "True", now="t3")
    assert [(c.type, c.status, c.changed) for c in resource.conditions] == [
        ("Ready", "True", "t3"),
        ("Up", "True", "t1"),
    ]


def test_timestamp() -> None:
    assert timestamp(1_795_507_200.999) == "2026-11-24T08:00:00Z"
