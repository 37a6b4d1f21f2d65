"""Removal takes along what lives inside, a bounded part at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.store.removal import AT_ONCE, FINALIZER, Dependent, Removal
from chalicelib.store.resources import Resources
from chalicelib.types import Key, Resource
from tests.support.clock import ManualClock
from tests.support.random import SeededRandom

CLUSTER = Key("cluster", "c-1")
TREE = {
    "cluster": [Dependent("project"), Dependent("token", "clusterId")],
    "project": [Dependent("binding")],
}


@pytest.fixture
def resources(tmp_path: Path) -> Iterator[Resources]:
    clock = ManualClock()
    store = SqliteStore(str(tmp_path / "lariat.db"), clock)
    yield Resources(store, clock, SeededRandom())
    store.close()


@pytest.fixture
def removal(resources: Resources) -> Removal:
    for cluster in ("c-1", "c-2"):
        resources.create(Resource(kind="cluster", id=cluster))
        resources.create(Resource(kind="project", id=f"{cluster}:p-1", parent=cluster))
        resources.create(Resource(kind="binding", id=f"{cluster}:b-1", parent=f"{cluster}:p-1"))
        resources.create(Resource(kind="token", id=f"t-{cluster}", parent="u-1", spec={"clusterId": cluster}))
    return Removal(resources, TREE)


def left(resources: Resources) -> list[str]:
    kinds = ("cluster", "project", "binding", "token")
    return [resource.id for kind in kinds for resource in resources.all(kind)]


def test_everything_inside_goes_and_nothing_else(resources: Resources, removal: Removal) -> None:
    assert removal.remove(CLUSTER).finalizers == ()
    assert left(resources) == ["c-2", "c-2:p-1", "c-2:b-1", "t-c-2"]


def test_what_has_nothing_inside_goes_at_once(resources: Resources, removal: Removal) -> None:
    removal.remove(Key("binding", "c-1:b-1"))
    assert "c-1:b-1" not in left(resources)


def test_what_is_too_much_for_one_pass_is_removing_until_the_last(resources: Resources, removal: Removal) -> None:
    for number in range(2 * AT_ONCE):
        resources.create(Resource(kind="binding", id=f"c-1:x-{number:03}", parent="c-1:p-1"))
    removed = removal.remove(CLUSTER)
    assert (bool(removed.removed), removed.finalizers) == (True, (FINALIZER,))
    passes = 1
    while removal.resume(resources.get(*CLUSTER)):
        passes += 1
        assert resources.get(*CLUSTER).removed
    assert 2 <= passes <= 4
    assert left(resources) == ["c-2", "c-2:p-1", "c-2:b-1", "t-c-2"]


def test_another_finalizer_is_waited_for(resources: Resources, removal: Removal) -> None:
    resources.create(Resource(kind="cluster", id="c-3", finalizers=("agent",)))
    assert removal.remove(Key("cluster", "c-3")).finalizers == ("agent",)
    assert not removal.resume(resources.get("cluster", "c-3"))
    resources.finalize(Key("cluster", "c-3"), "agent")
    assert resources.find("cluster", "c-3") is None


def test_removing_twice_goes_on(resources: Resources, removal: Removal) -> None:
    for number in range(AT_ONCE):
        resources.create(Resource(kind="binding", id=f"c-1:x-{number:03}", parent="c-1:p-1"))
    removal.remove(CLUSTER)
    removal.remove(CLUSTER)
    assert resources.find(*CLUSTER) is None


def test_there_is_nothing_to_resume(resources: Resources, removal: Removal) -> None:
    assert not removal.resume(resources.get(*CLUSTER))
    assert "c-1" in left(resources)


def test_one_that_somebody_else_has_finished_is_finished(resources: Resources, removal: Removal) -> None:
    for number in range(AT_ONCE):
        resources.create(Resource(kind="binding", id=f"c-1:x-{number:03}", parent="c-1:p-1"))
    begun = removal.remove(CLUSTER)
    assert FINALIZER in begun.finalizers
    assert not removal.resume(begun)
    assert resources.find(*CLUSTER) is None
    assert not removal.resume(begun)
