"""What to write into a cluster so that it holds what it should: the comparison that every such controller ends with.

``clusters/apply.py`` executes the plan. The objects of a controller carry ``OWNER`` with its name as a label: by it they
are listed, and whatever carries it and is not wanted goes. What does not carry it is somebody else's and stays.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from chalicelib.controllers.quantity import amounts

OWNER = "lariat.io/owner"
CREATOR = "cattle.io/creator"
"""Rancher's label for whatever it made; its clients know the value ``norman``."""

Document: TypeAlias = Mapping[str, Any]

_QUANTITIES = ("ResourceQuota", "LimitRange")
_FIXED = ("roleRef", "type")
"""What Kubernetes lets nobody change: the object has to be made anew."""


class Ref(NamedTuple):
    """What names an object in its cluster; ``namespace`` is empty where there is none."""

    api: str
    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Delete:
    """``uid`` makes sure that it is that very object, not its namesake."""

    ref: Ref
    uid: str


@dataclass(frozen=True, slots=True)
class Patch:
    """A merge patch for an object that is not ours but has to say something of ours."""

    ref: Ref
    body: Document


@dataclass(frozen=True, slots=True)
class Plan:
    """In the order to do it in: rights go before others come, and a namespace is marked before anybody may use it.

    ``refused`` says why something wanted can't be.
    """

    delete: tuple[Delete, ...] = ()
    patch: tuple[Patch, ...] = ()
    create: tuple[Document, ...] = ()
    update: tuple[Document, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.delete or self.create or self.update or self.patch)


def ref(document: Document) -> Ref:
    metadata = document["metadata"]
    return Ref(document["apiVersion"], document["kind"], metadata.get("namespace", ""), metadata["name"])


def metadata(
    owner: str,
    name: str,
    namespace: str = "",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The metadata of an object of ours."""
    made: dict[str, Any] = {"name": name, "labels": {OWNER: owner, CREATOR: "norman", **(labels or {})}}
    if namespace:
        made["namespace"] = namespace
    if annotations:
        made["annotations"] = dict(annotations)
    return made


def compare(owner: str, wanted: Iterable[Document], observed: Iterable[Document]) -> Plan:
    """Plan the way from what is there to what is wanted.

    ``observed`` has at least every object that carries the owner's label; others in it are left alone, and one that has
    the name of a wanted object is a reason to refuse.
    """
    there = {ref(document): document for document in observed}
    ours = {name: document for name, document in there.items() if is_ours(owner, document)}
    desired = {ref(document): document for document in wanted}
    refused = [name for name in desired if name in there and name not in ours]
    kept = [name for name in desired if name in ours and not _is_fixed(desired[name], ours[name])]
    surplus = [name for name in ours if name not in kept]
    return Plan(
        delete=tuple(Delete(name, _uid(ours[name])) for name in sorted(surplus)),
        create=tuple(document for name, document in desired.items() if name not in kept and name not in refused),
        update=tuple(_update(desired[name], ours[name]) for name in kept if not same(desired[name], ours[name])),
        refused=tuple(f"{name.kind} {_path(name)} is there already and not Lariat's" for name in sorted(refused)),
    )


def is_ours(owner: str, document: Document) -> bool:
    labels: Mapping[str, str] = document["metadata"].get("labels") or {}
    return labels.get(OWNER) == owner


def same(wanted: Document, observed: Document) -> bool:
    """Does an object say what it should? What others added to its metadata does not matter."""
    for part in ("labels", "annotations"):
        there = observed["metadata"].get(part) or {}
        if not (wanted["metadata"].get(part) or {}).items() <= there.items():
            return False
    return bool(_payload(wanted) == _payload(observed))


def short(*parts: str) -> str:
    """A short name for what the parts say together: the same ever after, and nobody else's."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return base64.b32encode(digest[:10]).decode().lower()


def merged(plans: Sequence[Plan]) -> Plan:
    """One pass for all plans of a cluster."""
    return Plan(
        delete=tuple(item for plan in plans for item in plan.delete),
        create=tuple(item for plan in plans for item in plan.create),
        update=tuple(item for plan in plans for item in plan.update),
        patch=tuple(item for plan in plans for item in plan.patch),
        refused=tuple(item for plan in plans for item in plan.refused),
    )


def _payload(document: Document) -> Any:
    payload = {key: value for key, value in document.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    return _bare(amounts(payload) if document["kind"] in _QUANTITIES else payload)


def _bare(value: Any) -> Any:
    """Leave out what is empty: Kubernetes writes it in several ways, or not at all."""
    if isinstance(value, Mapping):
        items = {key: _bare(inner) for key, inner in value.items()}
        return {key: inner for key, inner in items.items() if inner not in (None, [], {}, "")}
    if isinstance(value, list | tuple):
        return [_bare(inner) for inner in value]
    return value


def _is_fixed(wanted: Document, observed: Document) -> bool:
    return any(wanted.get(field) != observed.get(field) for field in _FIXED)


def _update(wanted: Document, observed: Document) -> Document:
    """Only what was looked at is replaced: a change in between makes it a conflict."""
    version = {"resourceVersion": observed["metadata"].get("resourceVersion", "")}
    return {**wanted, "metadata": {**wanted["metadata"], **version}}


def _uid(document: Document) -> str:
    return str(document["metadata"].get("uid", ""))


def _path(name: Ref) -> str:
    return f"{name.namespace}/{name.name}" if name.namespace else name.name
