"""The small rules that a kind's mapping is put together from; each maps some fields in both directions.

Two laws hold for every rule, so that a read, a change and a write never drop what the v3 shape doesn't know:

- a field that is absent from the values stays as it is, ``null`` clears it;
- a field whose value is what the object already shows is not written at all.

Lists are replaced, as the v3 API does, but an item of the same key keeps whatever the rules don't know of it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from chalicelib.errors import Invalid
from chalicelib.mapping.paths import Object, Path, Values, decoded, encoded, get, mapping, objects, put
from chalicelib.mapping.place import Place

PREFIX = "field.cattle.io/"
ANNOTATIONS = ("metadata", "annotations")


class Rule(Protocol):
    @property
    def fields(self) -> Mapping[str, str]:
        """The v3 fields that it writes, with their types as in a v3 schema."""

    def read(self, source: Object, values: Values, place: Place) -> None: ...

    def write(self, values: Values, target: Object, place: Place) -> None: ...


Rules: TypeAlias = tuple[Rule, ...]
Convert: TypeAlias = Callable[[Any, Place], Any]


def read(rules: Iterable[Rule], source: Object, place: Place) -> Values:
    values: Values = {}
    for rule in rules:
        rule.read(source, values, place)
    return values


def write(rules: Iterable[Rule], values: Values, target: Object, place: Place) -> None:
    for rule in rules:
        if _differs(rule, values, target, place):
            rule.write(values, target, place)


def _differs(rule: Rule, values: Values, target: Object, place: Place) -> bool:
    asked = [name for name in rule.fields if name in values]
    if not asked:
        return False
    shown = read((rule,), target, place)
    return any(values[name] != shown.get(name) for name in asked)


def whole(rules: Iterable[Rule], values: Values) -> Values:
    """Fill in ``null`` for the fields that are absent, so that writing replaces instead of merging."""
    full = dict(values)
    for rule in rules:
        for name in rule.fields:
            full.setdefault(name, None)
        if isinstance(rule, Nested | Inside) and isinstance(full[rule.name], dict):
            full[rule.name] = whole(rule.rules, full[rule.name])
    return full


def unchanged(value: Any, _place: Place) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Field:
    """One value: ``name`` in v3 stands at ``path`` in Kubernetes, and is converted on its way."""

    name: str
    path: Path
    type: str = "string"
    options: tuple[str, ...] = ()
    show: Convert = unchanged
    make: Convert = unchanged

    @property
    def fields(self) -> Mapping[str, str]:
        return {self.name: self.type}

    def read(self, source: Object, values: Values, place: Place) -> None:
        value = get(source, *self.path)
        value = None if value is None else self.show(value, place)
        if value is not None:
            values[self.name] = value

    def write(self, values: Values, target: Object, place: Place) -> None:
        value = values[self.name]
        if value is not None and self.options and value not in self.options:
            raise Invalid(
                f"{self.name} must be one of {', '.join(self.options)}", code="InvalidOption", field=self.name
            )
        put(target, self.path, None if value is None else self.make(value, place))


def same(*names: str, type: str = "string", under: Path = ()) -> Rules:
    """Fields that are called the same on both sides."""
    return tuple(Field(name, (*under, name), type) for name in names)


def move(name: str, *path: str, type: str = "string", options: tuple[str, ...] = ()) -> Field:
    """A field that stands elsewhere, or under another name."""
    return Field(name, path, type, options)


@dataclass(frozen=True, slots=True)
class Shown:
    """What others write: shown, never written."""

    rule: Rule

    @property
    def fields(self) -> Mapping[str, str]:
        return {}

    def read(self, source: Object, values: Values, place: Place) -> None:
        self.rule.read(source, values, place)

    def write(self, values: Values, target: Object, place: Place) -> None:
        return


@dataclass(frozen=True, slots=True)
class At:
    """Rules for a part of the object whose fields v3 shows flat."""

    path: Path
    rules: Rules

    @property
    def fields(self) -> Mapping[str, str]:
        return fields(self.rules)

    def read(self, source: Object, values: Values, place: Place) -> None:
        values |= read(self.rules, get(source, *self.path) or {}, place)

    def write(self, values: Values, target: Object, place: Place) -> None:
        part = copy.deepcopy(get(target, *self.path) or {})
        write(self.rules, values, part, place)
        put(target, self.path, part or None)


@dataclass(frozen=True, slots=True)
class Inside:
    """Rules for the same object whose fields v3 gathers in an object of their own."""

    name: str
    rules: Rules
    type: str = "json"

    @property
    def fields(self) -> Mapping[str, str]:
        return {self.name: self.type}

    def read(self, source: Object, values: Values, place: Place) -> None:
        inner = read(self.rules, source, place)
        if inner:
            values[self.name] = inner

    def write(self, values: Values, target: Object, place: Place) -> None:
        inner = mapping(values[self.name], self.name)
        write(self.rules, whole(self.rules, {}) if values[self.name] is None else inner, target, place)


@dataclass(frozen=True, slots=True)
class Nested:
    """An object on both sides, merged field by field."""

    name: str
    path: Path
    rules: Rules
    type: str = "json"

    @property
    def fields(self) -> Mapping[str, str]:
        return {self.name: self.type}

    def read(self, source: Object, values: Values, place: Place) -> None:
        inner = read(self.rules, get(source, *self.path) or {}, place)
        if inner:
            values[self.name] = inner

    def write(self, values: Values, target: Object, place: Place) -> None:
        if values[self.name] is None:
            put(target, self.path, None)
            return
        inner = copy.deepcopy(get(target, *self.path) or {})
        write(self.rules, mapping(values[self.name], self.name), inner, place)
        put(target, self.path, inner)


@dataclass(frozen=True, slots=True)
class Each:
    """A list of objects on both sides; ``key`` is the v3 field that tells which item is which."""

    name: str
    path: Path
    rules: Rules
    key: str = "name"
    type: str = "array[json]"

    @property
    def fields(self) -> Mapping[str, str]:
        return {self.name: self.type}

    def read(self, source: Object, values: Values, place: Place) -> None:
        items = get(source, *self.path)
        if items is not None:
            values[self.name] = [read(self.rules, item, place) for item in items]

    def write(self, values: Values, target: Object, place: Place) -> None:
        items = objects(values[self.name], self.name)
        made = each(self.rules, items, get(target, *self.path) or [], place, self.key)
        put(target, self.path, made or None)


def each(rules: Rules, items: list[Values], stored: list[Object], place: Place, key: str = "name") -> list[Object]:
    """Make a list anew, each item upon the stored one of the same key."""
    known: dict[str, Object] = {}
    for item in stored:
        known.setdefault(str(read(rules, item, place).get(key)), item)
    made = []
    for item in items:
        target = copy.deepcopy(known.pop(str(item.get(key)), {}))
        write(rules, whole(rules, item), target, place)
        made.append(target)
    return made


@dataclass(frozen=True, slots=True)
class Annotation:
    """A field kept in an annotation ``field.cattle.io/<name>``, as text or as JSON; not among ``annotations`` then."""

    name: str
    type: str = "string"
    path: Path = ANNOTATIONS

    @property
    def key(self) -> str:
        return PREFIX + self.name

    @property
    def fields(self) -> Mapping[str, str]:
        return {self.name: self.type}

    def read(self, source: Object, values: Values, place: Place) -> None:
        text = get(source, *self.path, self.key)
        value = text if self.type in TEXTS or self.type.startswith("reference[") else decoded(text)
        if value is not None:
            values[self.name] = value

    def write(self, values: Values, target: Object, place: Place) -> None:
        value = values[self.name]
        text = value if value is None or isinstance(value, str) else encoded(value)
        put(target, (*self.path, self.key), text)


class Hidden(Annotation):
    """An annotation that another rule reads and writes; not among ``annotations``."""

    __slots__ = ()

    @property
    def fields(self) -> Mapping[str, str]:
        return {}

    def read(self, source: Object, values: Values, place: Place) -> None:
        return

    def write(self, values: Values, target: Object, place: Place) -> None:
        return


TEXTS = ("string", "dnsLabel", "date")


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels or annotations: replaced as a whole, except what the caller can't see and other parts' ``cattle.io/`` keys."""

    name: str
    path: Path
    hidden: frozenset[str] = field(default_factory=frozenset)

    @property
    def fields(self) -> Mapping[str, str]:
        return {self.name: "map[string]"}

    def read(self, source: Object, values: Values, place: Place) -> None:
        stored = get(source, *self.path) or {}
        values[self.name] = {key: text for key, text in stored.items() if key not in self.hidden}

    def write(self, values: Values, target: Object, place: Place) -> None:
        given = {key: text for key, text in mapping(values[self.name], self.name).items() if key not in self.hidden}
        stored = get(target, *self.path) or {}
        kept = {key: text for key, text in stored.items() if key in self.hidden or _is_others(key)}
        put(target, self.path, {**kept, **given} or None)


def _is_others(key: str) -> bool:
    return "cattle.io/" in key and not key.startswith(PREFIX)


def with_annotations(name: str, *rules: Rule, path: Path = ANNOTATIONS) -> Rules:
    """The annotations, and rules for what is kept in some of them."""
    hidden = frozenset(
        rule.key for rule in (getattr(rule, "rule", rule) for rule in rules) if isinstance(rule, Annotation)
    )
    return (Labels(name, path, hidden), *rules)


def fields(rules: Iterable[Rule]) -> dict[str, str]:
    return {name: type for rule in rules for name, type in rule.fields.items()}
