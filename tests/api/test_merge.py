"""How an update meets what is stored."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.api.merge import completed, merged, owned, replaced
from chalicelib.errors import Invalid
from chalicelib.schema.field import listed, mapped, nested, number, text
from chalicelib.schema.kind import Kind, part

LEAF = part("leaf", name=text(required=True), size=number(3))
TREE = Kind(
    id="tree",
    fields={
        "title": text(default="x"),
        "leaf": nested(LEAF),
        "leaves": listed(LEAF),
        "marks": mapped(),
        "id": text(update=False),
    },
)
STORED = {"title": "a", "leaf": {"name": "l", "size": 4}, "leaves": [{"name": "l"}], "marks": {"a": "1"}, "id": "i"}


@pytest.mark.parametrize(
    ("sent", "changed"),
    [
        ({}, {}),
        ({"title": "b"}, {"title": "b"}),
        ({"leaf": {"size": 5}}, {"leaf": {"name": "l", "size": 5}}),
        ({"leaf": None}, {"leaf": None}),
        ({"leaves": []}, {"leaves": []}),
        ({"marks": {"b": "2"}}, {"marks": {"b": "2"}}),
    ],
)
def test_what_was_not_sent_stays(sent: Any, changed: Any) -> None:
    assert merged(TREE, STORED, sent) == STORED | changed


def test_nothing_stays_nothing() -> None:
    assert merged(TREE, {}, {"leaf": None, "title": None}) == {}


def test_an_object_that_was_not_there_is_created() -> None:
    assert completed(TREE, {}, {"leaf": {"name": "n"}}) == {"leaf": {"name": "n", "size": 3}}
    assert completed(TREE, STORED, {"leaf": {"size": 1}}) == {"leaf": {"size": 1}}
    with pytest.raises(Invalid) as caught:
        completed(TREE, {}, {"leaf": {"size": 1}})
    assert (caught.value.code, caught.value.field) == ("MissingRequired", "leaf.name")


def test_replacing_forgets_what_may_be_updated() -> None:
    assert replaced(TREE, STORED, {"title": "b"}) == {"title": "b", "leaf": None, "leaves": None, "marks": None}


OURS = {"cattle.io/creator": "norman", "authz.management.cattle.io/x": "1"}


@pytest.mark.parametrize(
    ("sent", "stored", "result"),
    [
        (None, {"a": "1"} | OURS, {"a": "1"} | OURS),
        ({}, {"a": "1"} | OURS, OURS),
        ({"b": "2"}, {"a": "1"} | OURS, {"b": "2"} | OURS),
        ({"cattle.io/creator": "me", "authz.management.cattle.io/y": "1"}, OURS, OURS),
        ({"field.cattle.io/x": "1"}, {}, {"field.cattle.io/x": "1"}),
    ],
)
def test_labels_that_are_the_servers_are_neither_set_nor_lost(sent: Any, stored: Any, result: Any) -> None:
    assert owned(sent, stored) == result


def test_replacing_through_the_api(admin: Any) -> None:
    role = admin.make("/v3/roleTemplates", {"name": "r", "description": "d", "hidden": True})
    url = role["links"]["self"]
    assert admin.put(url, {"name": "s"}).json["description"] == "d"
    replaced = admin.put(f"{url}?_replace=true", {"name": "t"}).json
    assert (replaced["name"], replaced["description"], replaced["hidden"]) == ("t", None, False)
