"""The declarations fit together."""

from __future__ import annotations

import re

import pytest

from chalicelib.schema.kind import Kind, read_only
from chalicelib.schema.kinds import CLUSTER, KINDS, LOGIN, TOKEN, USER, find

ALL = (*KINDS, LOGIN)
TYPES = {"string", "boolean", "int", "dnsLabel", "password", "json", "array[string]", "map[string]"}
each = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.id)


def prefix(id: str) -> str:
    """The first letter and the capitals, as the v3 API forms it."""
    return (id[0] + "".join(letter for letter in id[1:] if letter.isupper())).lower()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_a_kind_is_found_by_id_and_plural_in_any_case(kind: Kind) -> None:
    for name in (kind.id, kind.plural):
        assert find(name) is find(name.upper()) is find(name.lower()) is kind


@pytest.mark.parametrize("name", ["", "nosuch", "clusterss", " cluster", "basicLogin"])
def test_what_is_no_kind_is_not_found(name: str) -> None:
    assert find(name) is None


def test_names_are_unique() -> None:
    names = [name.lower() for kind in ALL for name in {kind.id, kind.plural}]
    assert len(names) == len(set(names))


@each
def test_types_are_known(kind: Kind) -> None:
    known = {other.id for other in KINDS}
    for name, field in kind.fields.items():
        assert field.type in TYPES or field.reference in known, name


@each
def test_defaults_and_options_fit(kind: Kind) -> None:
    for name, field in kind.fields.items():
        assert not field.options or field.default in (None, *field.options), name
        assert not field.required or (field.create and field.default is None), name


@each
def test_passwords_are_secret(kind: Kind) -> None:
    for name, field in kind.fields.items():
        assert field.secret is (field.type == "password"), name


@each
def test_a_scope_is_a_reference(kind: Kind) -> None:
    assert not kind.scope or kind.fields[kind.scope].reference


@each
def test_actions_name_schemas(kind: Kind) -> None:
    for action in (*kind.actions.values(), *kind.collection_actions.values()):
        for schema in (action.input, action.output):
            assert schema == "" or find(schema) is not None


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.prefix and kind is not TOKEN], ids=lambda kind: kind.id
)
def test_prefixes_follow_from_ids(kind: Kind) -> None:
    assert kind.prefix == prefix(kind.id)


def test_filters_are_plain_fields_and_the_id_of_named_kinds() -> None:
    assert CLUSTER.filters == ("id", "name", "description", "driver", "internal", "apiEndpoint", "caCert")
    assert "password" not in USER.filters
    assert "principalIds" not in USER.filters
    assert "id" not in TOKEN.filters
    assert "clusterId" in TOKEN.filters


def test_read_only_is_neither_created_nor_updated() -> None:
    field = read_only("boolean", place="spec")
    assert (field.create, field.update, field.type, field.place) == (False, False, "boolean", "spec")


def test_a_reference_names_its_kind() -> None:
    assert TOKEN.fields["clusterId"].reference == "cluster"
    assert TOKEN.fields["ttl"].reference == ""
    assert all(re.fullmatch(r"[a-zA-Z]*", field.reference) for kind in ALL for field in kind.fields.values())
