"""One field of a kind, in the terms of the v3 schema, and short ways to write the usual ones.

``kinds/`` declares with these; ``validate.py``, ``api/`` and the generated documents obey.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.schema.kind import Kind

PLAIN = frozenset(
    {
        *("string", "boolean", "int", "float", "date", "enum", "hostname", "intOrString"),
        *("dnsLabel", "dnsLabelRestricted"),
    }
)
"""Types whose values can be compared as text, so that a collection can be filtered and sorted by them."""


class Field(NamedTuple):
    """``type`` is one of ``PLAIN``, ``password``, ``base64``, ``json``, ``reference[<kind>]``, ``array[…]``, ``map[…]``
    or the id of ``part``, an embedded object's kind.

    ``create`` and ``update`` say when a caller may set it; neither means that the server does. ``secret`` values are
    sealed before they are stored and never leave. ``place`` is where the value lives in the resource. ``valid`` and
    ``invalid`` are character classes such as ``a-z0-9``.
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
    valid: str = ""
    invalid: str = ""
    secret: bool = False
    place: str = "spec"
    part: Kind | None = None

    @property
    def reference(self) -> str:
        """The kind that a reference points to, else empty."""
        return self.type[len("reference[") : -1] if self.type.startswith("reference[") else ""

    @property
    def element(self) -> Field | None:
        """What an array or a map holds, as a field; ``None`` for anything else."""
        if not self.type.startswith(("array[", "map[")):
            return None
        inner = self.type.partition("[")[2][:-1]
        return self._replace(type=inner, default=None, required=False, nullable=False)

    @property
    def whole(self) -> bool:
        """Does it hold other values? Then an empty text stands for nothing."""
        return self.part is not None or self.type.startswith(("array[", "map["))

    @property
    def plain(self) -> bool:
        return self.type in PLAIN or self.type.startswith("reference[")


def read_only(type: str = "string", place: str = "status", **rest: Any) -> Field:
    return Field(type, create=False, update=False, place=place, **rest)


def text(longest: int = 1024, **rest: Any) -> Field:
    return Field("string", longest=longest, **rest)


def secret(longest: int = 4096, **rest: Any) -> Field:
    return Field("password", longest=longest, secret=True, **rest)


def enum(*options: str, **rest: Any) -> Field:
    return Field("enum", options=options, **rest)


def ref(kind: str, **rest: Any) -> Field:
    return Field(f"reference[{kind}]", longest=512, **rest)


def flag(default: bool | None = None, **rest: Any) -> Field:
    return Field("boolean", default=default, **rest)


def number(default: int | None = None, least: int | None = None, most: int | None = None, **rest: Any) -> Field:
    return Field("int", default=default, least=least, most=most, **rest)


def nested(kind: Kind, **rest: Any) -> Field:
    """An embedded object."""
    return Field(kind.id, part=kind, **rest)


def listed(element: Field | Kind | str = "string", **rest: Any) -> Field:
    return _holding("array", element, rest)


def mapped(element: Field | Kind | str = "string", **rest: Any) -> Field:
    return _holding("map", element, rest)


def _holding(container: str, element: Field | Kind | str, rest: dict[str, Any]) -> Field:
    if isinstance(element, str):
        element = Field(element, longest=0 if element in ("json", "base64") else 4096)
    elif not isinstance(element, Field):
        element = nested(element)
    return element._replace(**{"type": f"{container}[{element.type}]", **rest})


label: Callable[..., Field] = partial(Field, "dnsLabel", longest=63)
hostname: Callable[..., Field] = partial(Field, "hostname", longest=253)
date: Callable[..., Field] = partial(Field, "date", longest=64)
json: Callable[..., Field] = partial(Field, "json")

NAME = text(253)
DESCRIPTION = text(4096)
LABELS = mapped(longest=4096)
IN_CLUSTER: Mapping[str, Field] = {"clusterId": ref("cluster", update=False, required=True)}
IN_PROJECT: Mapping[str, Field] = {"projectId": ref("project", update=False, required=True)}
