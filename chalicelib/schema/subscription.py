"""What a subscriber hears of, and what is told: values, read from the path and the query of ``…/subscribe``.

``api/subscriptions.py`` decides with them, the edges carry them. A store can keep a subscription, for an edge whose
processes remember nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, NamedTuple

from chalicelib.errors import NotFound
from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds import CONTEXTS, MANAGEMENT, STORED
from chalicelib.schema.version import Version
from chalicelib.types import Key, Resource

CREATED = "resource.create"
CHANGED = "resource.change"
REMOVED = "resource.remove"

SILENT = ("clusterRegistrationToken", "principal", "serviceAccountToken", "token")
"""Kinds whose changes nobody is told: credentials are asked for, and of a principal nothing is stored."""

ANNOUNCED = frozenset(kind.id for kind in STORED if "GET" in kind.collection_methods and kind.id not in SILENT)
"""Kinds whose changes are told. What lives in a cluster is not in the change feed."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """``token`` is the id of the token that was shown, ``base`` the URL for links.

    ``context`` is ``cluster`` or ``project`` and ``id`` says which; both are empty for all there is. Whoever does not
    know ``creations`` hears of a new resource as of a changed one, which is how Rancher 2.1 tells it.
    """

    user: str
    token: str
    base: str
    kinds: frozenset[str] = field(default_factory=frozenset)
    context: str = ""
    id: str = ""
    creations: bool = True

    @property
    def document(self) -> dict[str, Any]:
        return {**asdict(self), "kinds": sorted(self.kinds)}


class News(NamedTuple):
    """A change as it was loaded once for all, or (``REMOVED``) how the resource was at last."""

    name: str
    resource: Resource


class Event(NamedTuple):
    """A message for one subscriber. Of two about one resource, that with the higher ``version`` is the newer."""

    key: Key
    version: int
    text: bytes
    removed: bool = False


class Place(NamedTuple):
    """A kind in a context: the version that it is shown in, and the field that names the context."""

    kind: Kind
    version: Version
    field: str = ""


def restored(document: Mapping[str, Any]) -> Subscription:
    """Return the subscription of a ``document``; what else stands there is left out."""
    known = {name: document[name] for name in Subscription.__dataclass_fields__}
    return Subscription(**{**known, "kinds": frozenset(known["kinds"])})


def wanted(segments: Sequence[str], query: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return what a path and a query ask for: all of a ``Subscription`` but who asks.

    Raises ``NotFound`` for another path, and if the changes of none of the types are told.
    """
    context, id = _context(tuple(segments))
    known = {name.lower(): kind for kind, place in places(context).items() for name in (kind, place.kind.plural)}
    types = [value.lower() for name, value in query if name == "resourceTypes"]
    kinds = frozenset(known[name] for name in types or known if name in known)
    if not kinds:
        raise NotFound("no resource types matched; what lives in a cluster is not told here")
    names = [value for name, value in query if name == "eventNames"]
    return {"kinds": kinds, "context": context, "id": id, "creations": not names or CREATED in names}


def _context(segments: tuple[str, ...]) -> tuple[str, str]:
    match segments:
        case ("v3", "subscribe"):
            return "", ""
        case ("v3", name, id, "subscribe") if name.lower().removesuffix("s") in CONTEXTS:
            return name.lower().removesuffix("s"), id
        case _:
            raise NotFound("there is nothing here")


@cache
def places(context: str) -> Mapping[str, Place]:
    """The kinds of a context whose changes are told: its own, and management kinds that point to it."""
    if not context:
        return {kind.id: Place(kind, MANAGEMENT) for kind in MANAGEMENT.kinds if kind.id in ANNOUNCED}
    version, parent = CONTEXTS[context], MANAGEMENT.find(context)
    pointing = MANAGEMENT.pointing(parent) if parent else ()
    found = {kind.id: Place(kind, MANAGEMENT, name) for kind, name in pointing}
    found |= {kind.id: Place(kind, version, _pointer(kind, context)) for kind in version.kinds if kind in STORED}
    return {id: place for id, place in found.items() if id in ANNOUNCED}


def _pointer(kind: Kind, context: str) -> str:
    return next((name for name, each in kind.fields.items() if each.reference == context), "")
