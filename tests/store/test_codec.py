"""The stored form of a resource loses nothing and takes nothing else."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Invalid
from chalicelib.store.codec import decode, decode_all, encode, from_dict, to_dict
from chalicelib.types import Condition, Key, Resource

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
documents = st.dictionaries(texts, values, max_size=4)
maps = st.dictionaries(texts, texts, max_size=4)
resources = st.builds(
    Resource,
    kind=texts.filter(bool),
    id=texts.filter(bool),
    parent=texts,
    spec=documents,
    status=documents,
    sealed=maps,
    conditions=st.lists(st.builds(Condition, texts, texts, texts, texts, texts), max_size=3).map(tuple),
    labels=maps,
    annotations=maps,
    unique=st.lists(texts, max_size=3).map(tuple),
    owner=st.none() | st.builds(Key, texts, texts),
    finalizers=st.lists(texts, max_size=3).map(tuple),
    uid=texts,
    creator=texts,
    created=texts,
    removed=texts,
    expires=st.none() | st.integers(),
    version=st.integers(min_value=0),
)


@given(resources)
def test_round_trip(resource: Resource) -> None:
    text = encode(resource)
    assert decode(text) == resource
    assert encode(decode(text)) == text
    assert from_dict(to_dict(resource)) == resource


@given(st.lists(resources, max_size=4))
def test_many_at_once_are_as_each_alone(several: list[Resource]) -> None:
    assert decode_all([encode(resource) for resource in several]) == several


def test_many_at_once_are_each_checked() -> None:
    good = encode(Resource(kind="k", id="i"))
    for texts in ([good, "{}"], [good, "", good], [f"{good},{good}"], [good[:-1], good]):
        with pytest.raises(ValueError):  # noqa: PT011 - the parser's own errors are of this class too
            decode_all(texts)


def test_types_round_trip() -> None:
    resource = Resource(
        kind="k", id="i", spec={"a": 1, "b": 1.0, "c": True}, owner=Key("a", "b"), conditions=(Condition("A", "B"),)
    )
    again = decode(encode(resource))
    assert [type(value) for value in again.spec.values()] == [int, float, bool]
    assert isinstance(again.owner, Key)
    assert isinstance(again.conditions, tuple)


def test_every_field_is_known_to_the_codec() -> None:
    full: dict[str, Any] = {
        field.name: {"str": "x", "int": 1, "int | None": 0, "Key | None": Key("a", "b")}.get(str(field.type))
        or (("x",) if "tuple[str" in str(field.type) else {"a": "b"})
        for field in fields(Resource)
    }
    resource = Resource(**full | {"conditions": (Condition("A", "B"),), "expires": 0})
    assert set(to_dict(resource)) == {field.name for field in fields(Resource)}


def test_empty_fields_stay_out() -> None:
    assert json.loads(encode(Resource(kind="cluster", id="c-1"))) == {"kind": "cluster", "id": "c-1"}


def test_any_mapping_is_an_object() -> None:
    resource = Resource(kind="k", id="i", spec=MappingProxyType({"a": MappingProxyType({"b": [1]})}))
    assert decode(encode(resource)) == replace(resource, spec={"a": {"b": [1]}})


@pytest.mark.parametrize("value", [(1, 2), {1: "a"}, {None: 1}, {1, 2}, b"bytes", object(), [{"deep": (1,)}]])
def test_what_json_would_bend_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        encode(Resource(kind="k", id="i", spec={"value": value}))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"\udfff": 1}])
def test_what_a_caller_can_send_but_no_store_keeps(value: object) -> None:
    with pytest.raises(Invalid):
        encode(Resource(kind="k", id="i", spec={"value": value}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"kind": "k"}',
        '{"kind": "k", "id": 1}',
        '{"kind": "k", "id": "i", "version": true}',
        '{"kind": "k", "id": "i", "version": "1"}',
        '{"kind": "k", "id": "i", "spec": null}',
        '{"kind": "k", "id": "i", "unique": "name"}',
        '{"kind": "k", "id": "i", "unknown": ""}',
        '{"kind": "k", "id": "i", "owner": ["one"]}',
        '{"kind": "k", "id": "i", "conditions": [{"type": "Ready"}]}',
        '{"kind": "k", "id": "i", "conditions": ["Ready"]}',
        '{"kind": "k", "id": "i", "conditions": [{"type": "Ready", "status": "True", "more": ""}]}',
    ],
)
def test_what_encode_did_not_write_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's own errors are of this class too
        decode(text)
