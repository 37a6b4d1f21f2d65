"""Two reconcilers on one store: what each is told of is done, by one of them at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.clusters.affected import CONTENTS
from chalicelib.errors import Held
from chalicelib.reconcile import REPAIR_SECONDS
from chalicelib.store.leases import SECONDS, Leases
from chalicelib.tunnel.heads import RequestHead
from chalicelib.types import Key
from tests.support.server import serving
from tests.support.transport import MemoryCluster
from tests.test_reconcile import House, bound


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with serving(tmp_path) as server:
        yield House(server)


def test_a_change_in_the_middle_of_a_pass_is_not_lost(house: House) -> None:
    """The first has read what was, when the second is told of something new."""
    cluster = house.activate()
    key = Key(CONTENTS, house.id)
    other = house.server.parts.reconciler(house.transport, house.queued.extend)
    again: list[float | None] = []

    def meanwhile(head: RequestHead) -> None:
        cluster.before = lambda _: None
        house.server.user("second", administrator=True)
        asked = len(cluster.requests)
        again.append(other.reconcile(key))
        assert len(cluster.requests) == asked

    cluster.before = meanwhile
    assert house.reconciler.reconcile(key) == REPAIR_SECONDS
    assert again == [Held().retry_after]
    assert bound(cluster) == ["u-admin"]
    house.reconciler.reconcile(Key("globalRoleBinding", "grb-second"))
    assert other.reconcile(key) == REPAIR_SECONDS
    assert sorted(bound(cluster)) == ["u-admin", "u-second"]


@pytest.mark.parametrize("away", [True, False])
def test_what_a_dead_holder_leaves_holds_up_for_a_while(house: House, away: bool) -> None:
    """A cluster that is removed waits for whoever writes into it, unless nobody can."""
    cluster = house.activate()
    dead = hold(house)
    house.admin.delete(f"/v3/clusters/{house.id}")
    cluster.connected = not away
    assert house.reconciler.reconcile(Key("cluster", house.id)) == (None if away else 1)
    house.server.clock.advance(SECONDS)
    house.follow()
    assert house.admin.get(f"/v3/clusters/{house.id}").status == 404
    assert emptied(cluster) is not away
    del dead


def test_a_cluster_is_not_active_before_its_holder_is_done(house: House) -> None:
    house.connect()
    dead = hold(house)
    assert house.reconcile() == 1
    assert house.state == "pending"
    house.server.clock.advance(SECONDS)
    house.reconcile()
    assert house.state == "active"
    del dead


def hold(house: House) -> object:
    """Take a lease that nobody gives back."""
    dead = Leases(house.server.resources, house.server.clock).hold(house.id)
    dead.__enter__()
    return dead


def emptied(cluster: MemoryCluster) -> bool:
    return cluster.objects == {}
