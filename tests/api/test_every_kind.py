"""Every kind's whole life, and every refusal, as its declaration says."""

from __future__ import annotations

import re
from typing import Any

import pytest

from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds import STORED
from tests.api.world import CREATABLE, PERSONAL, World
from tests.schema.values import fits
from tests.support.server import Caller, Server


def kinds(*methods: str) -> Any:
    chosen = [kind for kind in CREATABLE if set(methods) <= set(kind.resource_methods)]
    return pytest.mark.parametrize("kind", chosen, ids=lambda kind: kind.id)


each = kinds()


@pytest.fixture
def world(server: Server, admin: Caller) -> World:
    return World(server, admin)


@each
def test_it_is_created_with_the_least(world: World, kind: Kind) -> None:
    body = world.body(kind)
    made = world.caller.make(world.url(kind), body)
    assert (made["type"], made["baseType"]) == (kind.id, kind.base)
    assert re.fullmatch(r"[0-9a-f-]{36}", made["uuid"])
    assert made["created"].endswith("Z")
    assert made["labels"]["cattle.io/creator"] == "norman"
    for name, field in kind.fields.items():
        assert (name in made) is (not field.secret), name
    assert world.caller.get(made["links"]["self"]).json.keys() == made.keys()


@each
def test_its_id_says_where_it_belongs(world: World, kind: Kind) -> None:
    made = world.make(kind)
    parent, colon, name = made["id"].rpartition(":")
    assert bool(colon) is (kind.scope in ("cluster", "project"))
    assert not parent or made[kind.parent].endswith(parent)
    assert re.fullmatch(rf"{kind.prefix}-[a-z0-9]{{5}}|one-\d+", name)


@each
def test_a_kind_without_a_controller_says_so(world: World, kind: Kind) -> None:
    made = world.make(kind)
    unmet = [condition for condition in made.get("conditions", []) if condition["type"] == "Implemented"]
    assert [(condition["status"], condition["message"]) for condition in unmet] == (
        [("False", kind.later)] if kind.later else []
    )


@each
def test_it_is_listed_and_filtered(world: World, kind: Kind) -> None:
    first, second = world.make(kind), world.make(kind)
    url = world.url(kind)
    assert {first["id"], second["id"]} <= set(world.caller.get(url).ids)
    if kind.id in PERSONAL and kind.id == "token":
        return
    field = "id" if kind.named else "name"
    assert world.caller.get(f"{url}?{field}={first[field]}").ids == [first["id"]]
    assert first["id"] not in world.caller.get(f"{url}?{field}_ne={first[field]}").ids
    assert world.caller.get(f"{url}?{field}_in={first[field]}&{field}_in=x").ids == [first["id"]]


@each
def test_what_is_inside_of_a_parent_is_listed_there(world: World, kind: Kind) -> None:
    made = world.make(kind)
    if kind.scope not in ("cluster", "project"):
        return
    parent = made[kind.parent]
    assert made["id"] in world.caller.get(f"/v3/{kind.scope}s/{parent}/{kind.plural}").ids
    assert world.caller.get(f"/v3/{kind.scope}/nosuch/{kind.plural.upper()}").ids == []


@kinds("PUT")
def test_it_is_updated(world: World, kind: Kind) -> None:
    made = world.make(kind)
    needed = {"name": made["name"]} if kind.id == "cluster" else {}
    for name, field in kind.fields.items():
        if field.update and field.plain and not field.reference and name not in ("name", "enabled"):
            value = world.another(name, field)
            changed = world.caller.put(made["links"]["update"], {**needed, name: value})
            assert (changed.status, changed.json.get(name)) == (200, value), name
            assert world.caller.get(made["links"]["self"]).json[name] == value


@kinds("PUT")
def test_what_is_read_can_be_sent_back(world: World, kind: Kind) -> None:
    made = world.make(kind)
    before = len(world.server.changes)
    assert world.caller.put(made["links"]["update"], made).json == made
    assert len(world.server.changes) == before


@kinds("PUT")
def test_read_only_fields_stay(world: World, kind: Kind) -> None:
    made = world.make(kind)
    fixed = {name: fits(field) for name, field in kind.fields.items() if not field.update and not field.secret}
    fixed |= {"id": "x", "type": "x", "uuid": "x", "created": "x", "creatorId": "x", "state": "x", "links": {}}
    needed = {"name": made["name"]} if kind.id == "cluster" else {}
    assert world.caller.put(made["links"]["self"], {**fixed, **needed}).json == made


@kinds("PUT")
def test_labels_are_set_and_the_servers_own_are_kept(world: World, kind: Kind) -> None:
    made = world.make(kind, labels={"team": "a", "authz.management.cattle.io/x": "forged"})
    assert made["labels"] == {"cattle.io/creator": "norman", "team": "a"} | made["labels"]
    assert "authz.management.cattle.io/x" not in made["labels"]
    needed = {"name": made["name"]} if kind.id == "cluster" else {}
    changed = world.caller.put(
        made["links"]["self"], {**needed, "value": "v", "labels": {"team": "b"}, "annotations": {"a": "1"}}
    )
    assert changed.json["labels"] == made["labels"] | {"team": "b"}
    assert {name: value for name, value in changed.json["annotations"].items() if "/" not in name} == {"a": "1"}


@kinds("DELETE")
def test_it_is_removed(world: World, kind: Kind) -> None:
    made = world.make(kind)
    assert world.caller.delete(made["links"]["remove"]).status == 204
    assert world.caller.get(made["links"]["self"]).error == (404, "NotFound", "")
    assert world.caller.delete(made["links"]["self"]).status == 404


@each
def test_a_missing_field_is_named(world: World, kind: Kind) -> None:
    for name in [name for name, field in kind.fields.items() if field.create and field.required]:
        if world.by_path(kind, name):
            continue
        body = world.body(kind)
        del body[name]
        assert world.caller.post(world.url(kind), body).error == (422, "MissingRequired", name)


@each
def test_a_wrong_type_is_named(world: World, kind: Kind) -> None:
    for name, field in kind.fields.items():
        if field.create and field.type not in ("boolean", "json") and not world.by_path(kind, name):
            wrong = "x" if field.whole else ["x"]
            reply = world.caller.post(world.url(kind), world.body(kind) | {name: wrong})
            assert reply.error == (422, "InvalidFormat", name)


@each
def test_a_text_that_is_too_long_is_named(world: World, kind: Kind) -> None:
    for name, field in kind.fields.items():
        if field.create and field.longest and field.type in ("string", "password", "date"):
            reply = world.caller.post(world.url(kind), world.body(kind) | {name: "x" * (field.longest + 1)})
            assert reply.error == (422, "MaxLengthExceeded", name)


@each
def test_a_reference_to_nothing_is_refused(world: World, kind: Kind) -> None:
    stored = {other.id for other in STORED} - {"principal"}
    for name, field in kind.fields.items():
        if field.create and field.reference in stored and not world.by_path(kind, name):
            reply = world.caller.post(world.url(kind), world.body(kind) | {name: "nosuch"})
            refusal = (404, "NotFound", "") if name == kind.parent else (422, "InvalidReference", name)
            assert reply.error == refusal, name


@each
def test_a_chosen_name_is_taken_once(world: World, kind: Kind) -> None:
    if "name" not in kind.fields or not kind.fields["name"].create:
        return
    body = world.body(kind)
    assert world.caller.post(world.url(kind), body).status == 201
    reply = world.caller.post(world.url(kind), body)
    if kind.id in ("cluster", "user"):
        field = {"cluster": "Cluster name", "user": "username"}[kind.id]
        assert reply.error == (422, "NotUnique", field)
    elif kind.named:
        assert reply.status == 201
    else:
        assert reply.error == (409, "AlreadyExists", "")


@each
def test_only_an_administrator_creates_and_others_see_nothing(world: World, plain: Caller, kind: Kind) -> None:
    if kind.id in PERSONAL:
        return
    made = world.make(kind)
    assert plain.post(world.url(kind), world.body(kind)).error == (403, "PermissionDenied", "")
    seen = plain.get(world.url(kind)).ids
    assert made["id"] not in seen or kind.id == "setting"
    if kind.id != "setting":
        assert plain.get(made["links"]["self"]).status == 404


@kinds("PUT")
def test_of_two_writers_none_is_lost(world: World, kind: Kind) -> None:
    """Both send what they change alone; the second write does not undo the first."""
    made = world.make(kind)
    needed = {"name": made["name"]} if kind.id == "cluster" else {}
    world.caller.put(made["links"]["self"], {**needed, "value": "v", "labels": {"a": "1"}})
    changed = world.caller.put(made["links"]["self"], {**needed, "value": "w", "annotations": {"b": "2"}})
    assert changed.json["labels"]["a"] == "1"
