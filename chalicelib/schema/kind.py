"""What a declaration of a kind says. ``kinds.py`` declares, ``validate.py`` and ``api/`` obey."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field, in the terms of the v3 schema (``GET /v3/schemas``).

    ``type`` is ``string``, ``boolean``, ``int``, ``dnsLabel``, ``password``, ``reference[<kind>]``, ``map[string]``,
    ``array[string]`` or ``json``. ``create`` and ``update`` say when a caller may set it; neither means that the server
    does. ``secret`` values never leave. ``place`` is where the value lives in the resource.
    """

    type: str = "string"
    create: bool = True
    update: bool = True
    required: bool = False
    nullable: bool = True
    default: Any = None
    options: tuple[str, ...] = ()
    shortest: int = 0
    longest: int = 0
    least: int | None = None
    most: int | None = None
    secret: bool = False
    place: str = "spec"

    @property
    def reference(self) -> str:
        """The kind that a reference points to, else empty."""
        return self.type[len("reference[") : -1] if self.type.startswith("reference[") else ""


def read_only(type: str = "string", place: str = "status") -> Field:
    return Field(type=type, create=False, update=False, place=place)


@dataclass(frozen=True, slots=True)
class Action:
    """An action on a resource or collection; ``input`` and ``output`` name schemas, empty for none."""

    input: str = ""
    output: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """``scope`` names the reference field that holds the parent, empty for a global kind.

    ``named`` kinds have a display name and always a generated id; the others take ``name`` as their object's name.
    ``stateful`` kinds show ``state``, ``transitioning`` and ``transitioningMessage``.
    """

    id: str
    plural: str
    fields: Mapping[str, Field]
    prefix: str = ""
    scope: str = ""
    named: bool = False
    stateful: bool = False
    collection_methods: tuple[str, ...] = ("GET", "POST")
    resource_methods: tuple[str, ...] = ("GET", "PUT", "DELETE")
    actions: Mapping[str, Action] = field(default_factory=dict)
    collection_actions: Mapping[str, Action] = field(default_factory=dict)

    @property
    def filters(self) -> tuple[str, ...]:
        """The fields that a collection can be filtered and sorted by."""
        plain = ("string", "boolean", "int", "dnsLabel", "enum")
        fields = [name for name, field in self.fields.items() if field.type in plain or field.reference]
        return ("id", *fields) if self.named else tuple(fields)

    def modifiers(self, name: str) -> list[str]:
        """How a filter may compare: ``name=…`` is ``eq``, ``name_ne=…`` is ``ne``, and so on."""
        field = self.fields.get(name)
        return ["eq", "ne"] if field is not None and field.type == "boolean" else ["eq", "ne", "in", "notin"]
