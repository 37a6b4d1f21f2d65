"""A list shows the resources of its page alone, however many there are and however they are filtered and sorted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.api.collection import collection
from chalicelib.api.http import Request
from chalicelib.api.present import Read, reader, values
from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds import STORED
from chalicelib.types import Page, Resource
from tests.api.world import CREATABLE, World
from tests.support.server import BASE, Caller, Server

NOTIFIER = next(kind for kind in STORED if kind.id == "notifier")
COUNT = 500


class Counted:
    """Entries that count what is shown of them."""

    pageable = False

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.read = 0

    def all(self) -> list[Resource]:
        names = [f"name {number * 7919 % COUNT:04}" for number in range(COUNT)]
        return [Resource(kind="notifier", id=f"c-1:{n:04}", spec={"name": name}) for n, name in enumerate(names)]

    def id(self, resource: Resource) -> str:
        return resource.id

    def reads(self, name: str) -> Read:
        self.read += 1
        return reader(NOTIFIER, name)

    def show(self, resource: Resource) -> dict[str, Any]:
        self.shown.append(resource.id)
        return {"id": resource.id, "name": resource.spec["name"]}

    def ids(self) -> Sequence[str]:
        raise AssertionError("nothing is read by ids here")

    def page(self, after: str, limit: int) -> Page:
        raise AssertionError("nothing is read by pages here")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ((("limit", "10"),), 10),
        ((("limit", "10"), ("order", "desc")), 10),
        ((("limit", "10"), ("sort", "name")), 10),
        ((("limit", "10"), ("sort", "name"), ("order", "desc"), ("marker", "c-1:0007")), 10),
        ((("limit", "10"), ("name_ne", "name 0000")), 10),
        ((("name", "name 0007"),), 1),
        ((("limit", "0"),), 0),
        ((), COUNT),
    ],
)
def test_only_the_page_is_shown(query: tuple[tuple[str, str], ...], count: int) -> None:
    entries = Counted()
    document = collection(NOTIFIER, entries, Request("GET", "/v3/notifiers", query, (), b"", BASE), "/v3/notifiers")
    assert entries.shown == [item["id"] for item in document["data"]]
    assert len(entries.shown) == count
    assert entries.read <= 1
    if ("sort", "name") in query:
        names = [item["name"] for item in document["data"]]
        assert names == sorted(names, reverse=("order", "desc") in query)


@pytest.fixture
def world(server: Server, admin: Caller) -> World:
    return World(server, admin)


@pytest.mark.parametrize("kind", CREATABLE, ids=lambda kind: kind.id)
def test_a_field_that_is_read_alone_is_as_it_is_shown(world: World, kind: Kind) -> None:
    """Filters and order must not see anything else than the caller does."""
    made = world.caller.make(world.url(kind), world.whole(kind))
    for name in kind.filters:
        text = {True: "true", False: "false", None: ""}.get(made.get(name), made.get(name, ""))
        alike = world.caller.get(f"{world.url(kind)}?{urlencode({name: text})}&limit=1000").json["data"]
        assert kind.id == "token" or made["id"] in [each["id"] for each in alike], name
        assert {each.get(name) for each in alike if text} <= {made.get(name)}, name


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: kind.id)
def test_readers_agree_with_values(kind: Kind) -> None:
    bare = Resource(kind=kind.id, id="p-1:one", parent="c-1:p-1", creator="u-1", created="2026-11-24T08:00:00Z")
    for resource in (bare, Resource(kind=kind.id, id="one")):
        shown = {"id": resource.id, **values(kind, resource)}
        for name in kind.filters:
            assert reader(kind, name)(resource) == shown.get(name), name
