"""What a pass loads of a cluster, while others write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.adapters.keyfile import KeyFile
from chalicelib.adapters.sqlite import SqliteStore
from chalicelib.clusters import desired
from chalicelib.store.resources import Resources
from chalicelib.types import Page, Resource
from tests.support.billed import BilledStore
from tests.support.clock import ManualClock
from tests.support.random import SeededRandom

CLUSTER = Resource(kind="cluster", id="c-1")
OLD, NEW = "c-1:p-old", "c-1:p-new"


class Hasty(BilledStore):
    """A store in which a project comes into being, with a namespace, as soon as somebody has listed the projects."""

    others: Resources

    def list(self, kind: str, parent: str | None = None, *, after: str = "", limit: int = 1000) -> Page:
        page = super().list(kind, parent, after=after, limit=limit)
        if kind == "project":
            self.others.create(Resource(kind="project", id=NEW, parent=CLUSTER.id))
            desired.place(self.others, CLUSTER.id, "uid-new", NEW, "")
        return page


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(str(tmp_path / "lariat.db"), ManualClock())
    yield store
    store.close()


def test_a_project_that_comes_meanwhile_is_not_taken_for_one_that_is_gone(store: SqliteStore, tmp_path: Path) -> None:
    """Namespaces in a project that the record names and that is not there are deleted."""
    hasty = Hasty(store)
    hasty.others = Resources(store, ManualClock(), SeededRandom(1))
    hasty.others.create(Resource(kind="project", id=OLD, parent=CLUSTER.id))
    desired.place(hasty.others, CLUSTER.id, "uid-old", OLD, "")
    seal = KeyFile(tmp_path / "seal.key", fresh=True)
    loaded = desired.load(Resources(hasty, ManualClock(), SeededRandom(2)), seal, CLUSTER)
    assert set(loaded.record.values()) <= {project.id for project in loaded.projects}
    assert loaded.record == {"uid-old": OLD}
