"""What a declaration of a kind says. ``kinds/`` declares, ``validate.py`` and ``api/`` obey."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.schema import names
from chalicelib.schema.field import LABELS, Field, read_only

if TYPE_CHECKING:
    from chalicelib.types import Resource

Validator = Callable[[Mapping[str, Any]], None]
"""Looks at all values of a resource that is about to be stored, together. Raises ``Invalid``."""

Formatter = Callable[["Resource"], Mapping[str, Any]]
"""Fields that follow from a resource's others."""

EVERYWHERE: Mapping[str, Field] = {
    "labels": LABELS._replace(place="labels"),
    "annotations": LABELS._replace(place="annotations"),
    "created": read_only("date"),
    "removed": read_only("date"),
    "creatorId": read_only("reference[user]"),
    "uuid": read_only(),
}
"""Fields of every resource."""

STATE: Mapping[str, Field] = {
    "state": read_only(),
    "transitioning": read_only("enum", options=("yes", "no", "error")),
    "transitioningMessage": read_only(),
}
"""Fields of every resource that has a state; ``conditions`` come with them."""


class Action(NamedTuple):
    """An action on a resource or collection. ``output`` may name a kind that is being declared.

    ``when`` says for which resources it is there. ``reading`` ones need no right to change the resource. ``later`` says
    why nothing carries it out yet: it stands in the schema, and no resource offers it.
    """

    input: Kind | None = None
    output: Kind | str | None = None
    when: Callable[[Resource], bool] | None = None
    reading: bool = False
    later: str = ""

    def offered(self, resource: Resource) -> bool:
        return not self.later and (self.when is None or self.when(resource))


@dataclass(frozen=True, kw_only=True, eq=False)
class Kind:
    """``parent`` names the reference field that holds the parent, empty for a global kind.

    ``named`` kinds have a display name and always a generated id; the others take ``name`` as their object's name.
    ``stateful`` kinds show ``state``, ``transitioning`` and ``transitioningMessage``. ``unique`` are fields whose value
    no sibling may have. ``falls_with`` are other references whose end is this resource's end. ``links`` are those that
    the kind answers itself. ``later`` says what nobody acts on yet; it is shown as a condition. ``lacking`` says it of
    single resources. ``base`` is the kind that this one is a sort of.
    """

    id: str
    fields: Mapping[str, Field]
    plural: str = ""
    prefix: str = ""
    base: str = ""
    parent: str = ""
    named: bool = False
    stateful: bool = False
    collection_methods: tuple[str, ...] = ("GET", "POST")
    resource_methods: tuple[str, ...] = ("GET", "PUT", "DELETE")
    actions: Mapping[str, Action] = field(default_factory=dict)
    collection_actions: Mapping[str, Action] = field(default_factory=dict)
    links: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    falls_with: tuple[str, ...] = ()
    validators: tuple[Validator, ...] = ()
    formatters: tuple[Formatter, ...] = ()
    later: str = ""
    lacking: Callable[[Resource], str] = lambda _: ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "plural", self.plural or names.plural(self.id))
        object.__setattr__(self, "prefix", self.prefix or names.prefix(self.id))
        object.__setattr__(self, "base", self.base or self.id)

    @property
    def stored(self) -> bool:
        """Is it a resource, and not a part of one or an action's input?"""
        return bool(self.collection_methods or self.resource_methods)

    @property
    def scope(self) -> str:
        """``global``, or the kind of the parent: ``cluster``, ``project`` or ``user``."""
        return self.fields[self.parent].reference if self.parent else "global"

    @cached_property
    def everything(self) -> Mapping[str, Field]:
        """The declared fields and those that every resource has."""
        if not self.stored:
            return self.fields
        return {**self.fields, **EVERYWHERE, **(STATE if self.stateful else {})}

    @cached_property
    def filters(self) -> tuple[str, ...]:
        """The fields that a collection can be filtered and sorted by."""
        fields = [name for name, field in self.fields.items() if field.plain and not field.secret]
        extra = ("created", "creatorId", *(("state", "transitioning") if self.stateful else ()))
        return (*(("id",) if self.named else ()), *fields, *extra)

    def modifiers(self, name: str) -> list[str]:
        """How a filter may compare: ``name=…`` is ``eq``, ``name_ne=…`` is ``ne``, and so on."""
        field = self.everything.get(name)
        return ["eq", "ne"] if field is not None and field.type == "boolean" else ["eq", "ne", "in", "notin"]

    def parts(self) -> Iterator[Kind]:
        """The kinds that this one is made of: embedded objects, and the inputs and outputs of actions."""
        yield from [each.part for each in self.fields.values() if each.part is not None]
        for action in (*self.actions.values(), *self.collection_actions.values()):
            for schema in (action.input, action.output):
                if isinstance(schema, Kind):
                    yield schema


def part(id: str, **fields: Field) -> Kind:
    """Declare an embedded object, or an action's input or output."""
    return Kind(id=id, fields=fields, collection_methods=(), resource_methods=())
