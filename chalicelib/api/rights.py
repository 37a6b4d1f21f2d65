"""``<object>/rights``: all that the caller may do with one object and with what is inside of it, in one answer.

``/v3/rights`` is the same for what is global, and for what is the caller's own.
It follows from what was proven of the caller, so that it reads nothing but the object. For what lives in a cluster, its own
API server answers: a ``SelfSubjectAccessReview`` below ``/k8s/clusters/<id>``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chalicelib.api.behaviour import Behaviour, Call
from chalicelib.auth.access import DELETE, READ, UPDATE, rights
from chalicelib.auth.roles import kinds
from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds import MANAGEMENT
from chalicelib.types import Resource

OF_AN_OBJECT = frozenset({READ, UPDATE, DELETE})
"""What can be done with one. Creating and listing are told of what it is inside of."""


def of_object(behaviour: Behaviour, call: Call, resource: Resource) -> dict[str, Any]:
    verbs = behaviour.rights(call, resource) & OF_AN_OBJECT
    seen = behaviour.seen(resource).id
    inside = _inside(call, MANAGEMENT.children(behaviour.kind), resource.id)
    return _document(behaviour.place(call).of(seen), seen, verbs, inside)


def of_everything(call: Call) -> dict[str, Any]:
    own = kinds.OWN, kinds.GLOBAL
    outermost = [kind for kind in MANAGEMENT.kinds if kinds.level(kinds.target(kind.id)) in own]
    return _document(call.root, "", (), _inside(call, outermost, ""))


def _inside(call: Call, found: Iterable[Kind], parent: str) -> dict[str, list[str]]:
    return {kind.plural: sorted(rights(call.identity, kind.id, parent=parent)) for kind in found}


def _document(url: str, id: str, verbs: Iterable[str], inside: dict[str, list[str]]) -> dict[str, Any]:
    links = {"self": f"{url}/rights", "resource": url}
    return {"type": "rights", "baseType": "rights", "id": id, "links": links, "verbs": sorted(verbs), "inside": inside}
