"""Who is an administrator of every cluster, as bindings come and go while somebody looks at them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.auth.rights import library
from chalicelib.auth.roles.bindings import Subject
from chalicelib.clusters.administrators import Administrators
from chalicelib.store.resources import Resources
from chalicelib.types import Resource
from tests.support.clock import ManualClock
from tests.support.overtaken import Overtaken
from tests.support.random import SeededRandom

BINDING = Resource(kind="globalRoleBinding", id="grb-1", parent="u-1", spec={"userId": "u-1", "globalRoleId": "admin"})
ANNA = [Subject("User", "u-1")]


class House:
    """``slow`` looks at bindings in one process, ``quick`` in another."""

    def __init__(self, folder: Path) -> None:
        sqlite = SqliteStore(str(folder / "administrators.db"), ManualClock())
        self.close = sqlite.close
        self.store = Overtaken(sqlite, BINDING.kind)
        self.resources = Resources(sqlite, ManualClock(), SeededRandom())
        self.slow = Administrators(Resources(self.store, ManualClock(), SeededRandom()))
        self.quick = Administrators(self.resources)
        self.library = library(self.resources)

    @property
    def known(self) -> list[Subject]:
        return [binding.subject for binding in self.quick.bindings(self.library)]

    def end(self) -> None:
        """The binding goes, and whoever hears of it first looks."""
        self.resources.remove(BINDING.key)
        self.quick.renew(BINDING.id, self.library)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def test_they_come_and_go(house: House) -> None:
    house.resources.create(BINDING)
    assert house.slow.renew(BINDING.id, house.library)
    assert not house.slow.renew(BINDING.id, house.library)
    assert house.known == ANNA
    house.end()
    assert house.known == []


@pytest.mark.parametrize("all", [False, True], ids=["one", "all"])
def test_a_binding_that_goes_while_it_is_looked_at(house: House, all: bool) -> None:
    """CVE-2023-32199: else its user would stay an administrator of every cluster until all is looked at again."""
    house.resources.create(BINDING)
    house.store.meanwhile = house.end
    assert house.slow.rebuild(house.library) if all else house.slow.renew(BINDING.id, house.library)
    assert house.known == []
