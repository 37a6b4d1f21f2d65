"""Every field of every kind, tried with what fits and what does not, as the declarations themselves say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from chalicelib.errors import Invalid
from chalicelib.schema.field import Field, nested
from chalicelib.schema.kind import Kind, part
from chalicelib.schema.validate import creation, metadata, update
from tests.schema.values import ALL, fits, whole

LABEL = 63


class Case(NamedTuple):
    kind: Kind
    name: str
    value: Any
    code: str = ""


def wrong(field: Field) -> Iterator[tuple[Any, str]]:
    """Values that the field does not take, each with the code that says why."""
    if field.element:
        yield from [("x", "InvalidFormat"), ([None] if field.type.startswith("array") else {"a": None}, "NotNullable")]
        return
    if field.part is not None:
        yield from [("x", "InvalidFormat"), ([], "InvalidFormat"), (7, "InvalidFormat")]
        return
    if field.type in ("string", "password", "dnsLabel", "hostname", "enum", "date") or field.reference:
        yield from [([], "InvalidFormat"), ({}, "InvalidFormat"), (["x"], "InvalidFormat")]
    if field.type == "int":
        numbers: list[Any] = ["x", "", "1.5", [], {}, 2**60, float("inf"), float("nan")]
        yield from [(value, "InvalidFormat") for value in numbers]
    if field.type == "dnsLabel":
        yield from [(value, "InvalidFormat") for value in ("A", "a_b", "-a", "a-", "a.b", "a b", "é", "x" * 64, "a\n-")]
    if field.longest and field.type not in ("dnsLabel", "hostname"):
        yield "x" * (field.longest + 1), "InvalidOption" if field.options else "MaxLengthExceeded"
    if field.options:
        others: list[Any] = ["nosuch", field.options[0].swapcase(), 7]
        yield from [(value, "InvalidOption") for value in others]
    if field.least is not None:
        yield field.least - 1, "MinLimitExceeded"
    if field.most is not None:
        yield field.most + 1, "MaxLimitExceeded"


WRONG = [
    Case(kind, name, value, code) for kind in ALL for name, field in kind.fields.items() for value, code in wrong(field)
]
FIELDS = [Case(kind, name, fits(field)) for kind in ALL for name, field in kind.fields.items()]


def label(case: Case) -> str:
    return f"{case.kind.id}.{case.name}-{str(case.value)[:12]}"


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.id)
def test_what_fits_is_taken_as_it_is(kind: Kind) -> None:
    assert creation(kind, whole(kind)) == whole(kind)


@pytest.mark.parametrize("case", [case for case in WRONG if case.kind.fields[case.name].create], ids=label)
def test_a_creation_with_a_wrong_value_is_refused(case: Case) -> None:
    with pytest.raises(Invalid) as caught:
        creation(case.kind, whole(case.kind, **{case.name: case.value}))
    assert (caught.value.code, caught.value.field, caught.value.status) == (case.code, case.name, 422)


@pytest.mark.parametrize("case", [case for case in WRONG if case.kind.fields[case.name].update], ids=label)
def test_an_update_with_a_wrong_value_is_refused(case: Case) -> None:
    with pytest.raises(Invalid) as caught:
        update(case.kind, {case.name: case.value})
    assert (caught.value.code, caught.value.field) == (case.code, case.name)


@pytest.mark.parametrize("case", [case for case in FIELDS if case.kind.fields[case.name].required], ids=label)
@pytest.mark.parametrize("value", [None, "", "absent"])
def test_a_creation_without_a_required_value_is_refused(case: Case, value: str | None) -> None:
    body = whole(case.kind, **{case.name: value})
    if value == "absent":
        del body[case.name]
    with pytest.raises(Invalid) as caught:
        creation(case.kind, body)
    assert (caught.value.code, caught.value.field) == ("MissingRequired", case.name)


@pytest.mark.parametrize("case", [case for case in FIELDS if not case.kind.fields[case.name].create], ids=label)
@pytest.mark.parametrize("value", ["x", 7, {"deep": []}, None])
def test_a_creation_ignores_what_it_may_not_set(case: Case, value: Any) -> None:
    assert creation(case.kind, whole(case.kind, **{case.name: value})) == whole(case.kind)


@pytest.mark.parametrize("case", [case for case in FIELDS if not case.kind.fields[case.name].update], ids=label)
@pytest.mark.parametrize("value", ["x", 7, {"deep": []}, None])
def test_an_update_ignores_what_it_may_not_set(case: Case, value: Any) -> None:
    assert update(case.kind, {case.name: value}) == {}


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.id)
@pytest.mark.parametrize("name", ["nosuch", "NAME", "id", "links", "actions", "state", "created", "sealed", ""])
def test_unknown_fields_are_ignored(kind: Kind, name: str) -> None:
    name = f"{name}-unknown" if name in kind.fields else name
    assert creation(kind, {**whole(kind), name: {"x": 1}}) == whole(kind)
    assert update(kind, {name: {"x": 1}}) == {}


@pytest.mark.parametrize("case", [case for case in FIELDS if case.kind.fields[case.name].update], ids=label)
def test_an_update_sets_what_was_sent_alone(case: Case) -> None:
    assert update(case.kind, {case.name: case.value}) == {case.name: case.value}


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.id)
def test_a_creation_fills_in_defaults(kind: Kind) -> None:
    least = {name: fits(field) for name, field in kind.fields.items() if field.create and field.required}
    defaults = {
        name: field.default for name, field in kind.fields.items() if field.create and field.default is not None
    }
    assert creation(kind, least) == defaults | least


@pytest.mark.parametrize("case", [case for case in FIELDS if case.kind.fields[case.name].update], ids=label)
def test_an_update_to_null_falls_back_to_the_default(case: Case) -> None:
    field = case.kind.fields[case.name]
    if field.nullable or field.default is not None:
        assert update(case.kind, {case.name: None}) == {case.name: field.default}
        return
    with pytest.raises(Invalid) as caught:
        update(case.kind, {case.name: None})
    assert (caught.value.code, caught.value.field) == ("NotNullable", case.name)


def kind(**fields: Field) -> Kind:
    return Kind(id="test", plural="tests", fields=fields)


@pytest.mark.parametrize(
    ("type", "value", "stored"),
    [
        ("string", " text \n", "text"),
        ("string", 7, "7"),
        ("string", 1.5, "1.5"),
        ("string", True, "true"),
        ("string", False, "false"),
        ("password", " secret ", " secret "),
        ("reference[cluster]", " c-1 ", "c-1"),
        ("dnsLabel", " label ", "label"),
        ("dnsLabel", "x" * LABEL, "x" * LABEL),
        ("boolean", True, True),
        ("boolean", "TRUE", True),
        ("boolean", "t", True),
        ("boolean", "Yes", True),
        ("boolean", "y", True),
        ("boolean", "on", False),
        ("boolean", "", False),
        ("boolean", 1, False),
        ("boolean", [], False),
        ("int", "42", 42),
        ("int", -3, -3),
        ("int", 2.0, 2),
        ("array[string]", ["a", 1, True], ["a", "1", "true"]),
        ("array[string]", [], []),
        ("map[string]", {"a": 1}, {"a": "1"}),
        ("float", "1.5", 1.5),
        ("float", 2, 2.0),
        ("intOrString", "80", 80),
        ("intOrString", "http", "http"),
        ("hostname", "a.example", "a.example"),
        ("date", "2026-11-24T08:00:00Z", "2026-11-24T08:00:00Z"),
        ("dnsLabelRestricted", "web-1", "web-1"),
        ("array[array[int]]", [["1"], []], [[1], []]),
        ("map[int]", {"a": "1"}, {"a": 1}),
        ("json", {"any": [None, {"thing": 1}]}, {"any": [None, {"thing": 1}]}),
    ],
)
def test_values_are_brought_into_their_type(type: str, value: Any, stored: Any) -> None:
    assert creation(kind(field=Field(type=type)), {"field": value}) == {"field": stored}
    assert update(kind(field=Field(type=type)), {"field": value}) == {"field": stored}


@pytest.mark.parametrize("value", [[], "text", 7, {"a": []}])
def test_a_map_is_a_map_of_texts(value: Any) -> None:
    with pytest.raises(Invalid, match="field must be"):
        update(kind(field=Field(type="map[string]")), {"field": value})


def test_a_required_list_has_an_element() -> None:
    with pytest.raises(Invalid) as caught:
        creation(kind(field=Field(type="array[string]", required=True)), {"field": []})
    assert caught.value.code == "MissingRequired"


@pytest.mark.parametrize("value", [None, ""])
def test_what_is_not_nullable_keeps_a_value(value: str | None) -> None:
    with pytest.raises(Invalid) as caught:
        update(kind(field=Field(nullable=False)), {"field": value})
    assert (caught.value.code, caught.value.field) == ("NotNullable", "field")


def test_what_is_not_nullable_falls_back_to_its_default() -> None:
    assert update(kind(field=Field(nullable=False, default="x")), {"field": None}) == {"field": "x"}


@pytest.mark.parametrize(("value", "ok"), [("", True), ("ab", False), ("abc", True), ("abcd", True), ("abcde", False)])
def test_lengths(value: str, ok: bool) -> None:
    measured = kind(field=Field(shortest=3, longest=4))
    if ok:
        assert update(measured, {"field": value}) == {"field": value}
    else:
        with pytest.raises(Invalid, match=r"^field has at "):
            update(measured, {"field": value})


LEAF = part("leaf", name=Field(required=True, longest=4), size=Field("int", default=3))
TREE = kind(leaf=nested(LEAF), leaves=Field("array[leaf]", part=LEAF), by=Field("map[leaf]", part=LEAF))


def test_an_object_is_created_whole() -> None:
    assert creation(TREE, {"leaf": {"name": "a", "more": 1}}) == {"leaf": {"name": "a", "size": 3}}


def test_an_object_is_updated_in_part() -> None:
    assert update(TREE, {"leaf": {"size": "4"}}) == {"leaf": {"size": 4}}


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"leaf": {}}, "MissingRequired", "leaf.name"),
        ({"leaf": {"name": "abcde"}}, "MaxLengthExceeded", "leaf.name"),
        ({"leaves": [{"name": "a"}, {}]}, "MissingRequired", "leaves.name"),
        ({"leaves": ["a"]}, "InvalidFormat", "leaves"),
        ({"leaves": {}}, "InvalidFormat", "leaves"),
        ({"by": {"x": {"size": 1}}}, "MissingRequired", "by.name"),
        ({"by": []}, "InvalidFormat", "by"),
        ({"leaf": {"name": ["a"]}}, "InvalidFormat", "leaf.name"),
    ],
)
def test_what_is_inside_is_checked(body: Any, code: str, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        creation(TREE, body)
    assert (caught.value.code, caught.value.field) == (code, field)


CHARACTERS = [("a-f", "", True), ("a-c", "", False), ("", "x-z", True), ("", "d", False)]


@pytest.mark.parametrize(("valid", "invalid", "ok"), CHARACTERS)
def test_characters(valid: str, invalid: str, ok: bool) -> None:
    measured = kind(field=Field(valid=valid, invalid=invalid))
    if ok:
        assert update(measured, {"field": "abcdef"}) == {"field": "abcdef"}
    else:
        with pytest.raises(Invalid) as caught:
            update(measured, {"field": "abcdef"})
        assert caught.value.code == "InvalidCharacters"


def test_labels_are_a_map_of_texts() -> None:
    assert metadata({"labels": {"a": 1}}, "labels") == {"a": "1"}
    assert metadata({"labels": None}, "labels") is metadata({}, "labels") is None
    with pytest.raises(Invalid) as caught:
        metadata({"labels": ["a"]}, "labels")
    assert caught.value.field == "labels"
