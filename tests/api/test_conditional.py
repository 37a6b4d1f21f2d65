"""Two writers to one resource: who says what he has read overwrites nothing that he has not; who doesn't, merges."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.schema.kind import Kind
from tests.api.world import CREATABLE, World
from tests.support.server import Caller, Reply, Server

UPDATABLE = [kind for kind in CREATABLE if "PUT" in kind.resource_methods]
each = pytest.mark.parametrize("kind", UPDATABLE, ids=lambda kind: kind.id)
CONFLICT = (409, "Conflict", "")

GIVEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "/v3/settings/ui-pl": ({"value": "one"}, {"value": "two"}),
    "/v3/roletemplates/project-owner": ({"locked": True}, {"locked": False}),
    "/v3/settings/auth-token-max-ttl-minutes": ({"value": "1"}, {"value": "2"}),
    "/v3/globalroles/user": ({"newUserDefault": False}, {"newUserDefault": True}),
    "/v3/authconfigs/keycloak": ({"displayNameField": "one"}, {"displayNameField": "two"}),
    "/v3/authconfigs/github": ({"clientId": "1", "clientSecret": "s"}, {"clientId": "2", "clientSecret": "s"}),
}
"""What is there though nobody has stored it, and two changes of each."""


@pytest.fixture
def world(server: Server, admin: Caller) -> World:
    return World(server, admin)


def tag(reply: Reply) -> str:
    """Not empty."""
    return next(value for name, value in reply.headers if name == "etag")


def having(read: str) -> dict[str, Any]:
    return {"headers": [("if-match", read)]}


def change(kind: Kind, made: Any, writer: str) -> dict[str, Any]:
    needed = {"name": made["name"]} if kind.id == "cluster" else {}
    return {
        **needed,
        "labels": {"writer": writer},
        **({"value": writer} if kind.id in ("setting", "preference") else {}),
    }


def together(*calls: Callable[[], Reply]) -> list[Reply]:
    """Make calls at the same moment."""
    replies: list[Reply] = []
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Reply]) -> None:
        start.wait()
        replies.append(call())

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies


@each
def test_who_has_read_something_older_changes_nothing(world: World, kind: Kind) -> None:
    made = world.make(kind)
    url, caller = made["links"]["self"], world.caller
    read = tag(caller.get(url))
    first = caller.put(url, change(kind, made, "first"), **having(read))
    assert first.status == 200, first.body
    assert tag(first) == tag(caller.get(url)) != read
    assert caller.put(url, change(kind, made, "second"), **having(read)).error == CONFLICT
    assert caller.delete(url, **having(read)).error == CONFLICT
    assert caller.get(url).json == first.json
    assert caller.put(url, change(kind, made, "third"), **having(tag(first))).json["labels"]["writer"] == "third"


@each
def test_of_two_at_the_same_moment_one_is_refused(world: World, kind: Kind) -> None:
    made = world.make(kind)
    url, caller = made["links"]["self"], world.caller
    read = having(tag(caller.get(url)))
    replies = together(*[lambda n=n: caller.put(url, change(kind, made, n), **read) for n in ("one", "two")])
    kept, refused = sorted(replies, key=lambda reply: reply.status)
    assert (kept.status, refused.error) == (200, CONFLICT)
    assert caller.get(url).json == kept.json


@pytest.mark.parametrize("url", GIVEN)
def test_what_nobody_has_stored_yet(admin: Caller, url: str) -> None:
    one, two = GIVEN[url]
    read = tag(admin.get(url))
    first = admin.put(url, one, **having(read))
    assert first.status == 200, first.body
    assert admin.put(url, two, **having(read)).error == CONFLICT
    changed = next(iter(one))
    assert admin.get(url).json[changed] == one[changed]
    assert admin.put(url, two, **having(tag(first))).status == 200


@pytest.fixture
def catalog(admin: Caller) -> str:
    return str(admin.make("/v3/catalogs", {"name": "one", "url": "https://charts.test"})["links"]["self"])


@pytest.mark.parametrize(
    ("shape", "status"),
    [
        ("{}", 200),
        ('"other", {}', 200),
        ('"other",{} , "more"', 200),
        ("*", 200),
        ("W/{}", 409),
        ('"other"', 409),
        ("nonsense", 409),
        ("", 409),
    ],
)
def test_the_forms_of_if_match(admin: Caller, catalog: str, shape: str, status: int) -> None:
    read = shape.format(tag(admin.get(catalog)))
    assert admin.put(catalog, {"branch": "b"}, **having(read)).status == status
    assert admin.delete(catalog, **having(read)).status == (204 if shape == "*" else 409)


def test_a_resource_that_takes_anothers_place_is_another(admin: Caller, catalog: str) -> None:
    read = tag(admin.get(catalog))
    admin.delete(catalog)
    made = admin.post("/v3/catalogs", {"name": "one", "url": "https://charts.test"})
    assert tag(made) != read
    assert admin.put(catalog, {"branch": "b"}, **having(read)).error == CONFLICT
    assert admin.put(catalog, {"branch": "b"}, **having(tag(made))).status == 200


def test_who_says_nothing_of_what_he_read_merges(server: Server, admin: Caller, catalog: str) -> None:
    """As in Rancher: neither of two changes is lost, and of two values for one field the later stays."""
    for number in range(20):
        both = together(
            lambda n=number: admin.put(catalog, {"branch": f"b{n}"}),  # type: ignore[misc]
            lambda n=number: admin.put(catalog, {"description": f"d{n}"}),  # type: ignore[misc]
        )
        assert [reply.status for reply in both] == [200, 200]
        read = admin.get(catalog).json
        assert (read["branch"], read["description"]) == (f"b{number}", f"d{number}")
        same = together(*[lambda n=n: admin.put(catalog, {"branch": n}) for n in ("one", "two")])
        assert [reply.status for reply in same] == [200, 200]
        assert admin.get(catalog).json["branch"] in ("one", "two")


def test_what_may_not_be_changed_says_so_first(plain: Caller, catalog: str) -> None:
    """Whether it has changed is nobody's business who may not change it."""
    assert plain.put(catalog, {"branch": "b"}, **having('"other"')).status in (403, 404)


def test_an_action_too(admin: Caller) -> None:
    made = admin.make("/v3/kontainerdrivers", {"url": "https://drivers.test/one", "active": False})
    read = tag(admin.get(made["links"]["self"]))
    admin.put(made["links"]["self"], {"checksum": "a" * 64})
    assert admin.post(made["actions"]["activate"], **having(read)).error == CONFLICT
