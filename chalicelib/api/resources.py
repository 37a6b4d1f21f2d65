"""The generic part of ``/v3/<type>[/<id>]``: rights, validation and status codes, the same for every kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chalicelib.api import conditional, rights
from chalicelib.api.behaviour import RIGHTS, Behaviour, Call, available
from chalicelib.api.collection import Entries, collection
from chalicelib.api.http import Response, answer
from chalicelib.api.present import Read
from chalicelib.api.registry import Registry
from chalicelib.api.sight import candidates, wanted
from chalicelib.auth.access import CREATE, DELETE, READ, UPDATE, sees_all
from chalicelib.errors import Forbidden, Malformed, MethodNotAllowed
from chalicelib.schema import validate
from chalicelib.store.resources import missing
from chalicelib.types import Page, Resource

_VERBS = {"GET": READ, "PUT": UPDATE, "DELETE": DELETE}


def handle_collection(
    registry: Registry, behaviour: Behaviour, call: Call, within: tuple[str, str] = ("", "")
) -> Response:
    """``GET`` lists, ``POST`` creates or acts. ``within`` is the field and id of the parent in whose path this is."""
    kind, request = behaviour.kind, call.request
    if request.method == "POST" and (action := request.option("action")):
        available(action, kind.collection_actions)
        return behaviour.act_on_collection(action, call)
    if request.method not in kind.collection_methods:
        raise MethodNotAllowed(f"Method {request.method} not supported")
    if request.method == "POST":
        return _create(registry, behaviour, call, within)
    return answer(collection(kind, _Entries(behaviour, call, within), request, _collection_url(behaviour, call)))


def handle_resource(
    registry: Registry, behaviour: Behaviour, call: Call, id: str, within: tuple[str, str] = ("", "")
) -> Response:
    """``GET`` shows, ``PUT`` merges, ``DELETE`` removes, ``POST`` acts. ``within`` is as for a collection."""
    kind, request = behaviour.kind, call.request
    action = request.option("action") if request.method == "POST" else ""
    if not action and request.method not in kind.resource_methods:
        raise MethodNotAllowed(f"Method {request.method} not supported")
    resource = find(behaviour, call, id, within)
    behaviour = behaviour.of(resource)
    if action:
        return _act(behaviour, call, resource, action)
    if request.method not in behaviour.kind.resource_methods:
        raise MethodNotAllowed(f"Method {request.method} not supported")
    _demand(behaviour, call, _VERBS[request.method], resource)
    if request.method == "PUT":
        return _update(registry, behaviour, call, resource)
    if request.method == "DELETE":
        conditional.demand(request, behaviour.tag(resource))
        removed = behaviour.remove(call, resource)
        return answer(present(behaviour, call, removed)) if removed.finalizers else Response(204)
    return shown(behaviour, call, resource)


def handle_link(behaviour: Behaviour, call: Call, id: str, link: str, within: tuple[str, str] = ("", "")) -> Response:
    """``GET`` of a link that the kind answers itself, or of the caller's rights; ``PUT`` where it takes what it gave."""
    resource = find(behaviour, call, id, within)
    if link not in (*behaviour.kind.links, RIGHTS):
        raise missing(behaviour.kind.id, f"{id}/{link}")
    match call.request.method:
        case "GET" if link == RIGHTS:
            return answer(rights.of_object(behaviour.of(resource), call, resource))
        case "GET":
            return behaviour.of(resource).follow(link, call, resource)
        case "PUT" if link != RIGHTS:
            conditional.demand(call.request, behaviour.of(resource).tag(resource))
            return behaviour.of(resource).rewrite(link, call, resource)
        case other:
            raise MethodNotAllowed(f"Method {other} not supported")


def find(behaviour: Behaviour, call: Call, id: str, within: tuple[str, str] = ("", "")) -> Resource:
    """Return a resource that the caller may see; one that he may not see, or not by this path, is not there for him."""
    resource = behaviour.named(call, id)
    field, parent = within
    elsewhere = field and parent != (resource.parent if field == behaviour.kind.parent else resource.spec.get(field))
    if elsewhere or not behaviour.may(call, READ, resource):
        raise missing(behaviour.kind.id, id)
    return resource


def present(behaviour: Behaviour, call: Call, resource: Resource) -> dict[str, Any]:
    return behaviour.of(resource).show(call, resource)


def shown(behaviour: Behaviour, call: Call, resource: Resource, status: int = 200) -> Response:
    """Answer with one resource, and the name of its state."""
    own = behaviour.of(resource)
    return answer(own.show(call, resource), status, conditional.named(own.tag(resource)))


def _act(behaviour: Behaviour, call: Call, resource: Resource, action: str) -> Response:
    available(action, behaviour.kind.actions, resource)
    if not behaviour.kind.actions[action].reading:
        _demand(behaviour, call, UPDATE, resource)
    conditional.demand(call.request, behaviour.tag(resource))
    return behaviour.act(action, call, resource)


def _demand(behaviour: Behaviour, call: Call, verb: str, resource: Resource) -> None:
    if not behaviour.may(call, verb, resource):
        raise Forbidden(f"you may not {verb} this {behaviour.kind.id}")


def _update(registry: Registry, behaviour: Behaviour, call: Call, resource: Resource) -> Response:
    body = call.request.document()
    values = validate.update(behaviour.kind, body)
    registry.check(call, behaviour.kind, values)
    conditional.demand(call.request, behaviour.tag(resource))
    return shown(behaviour, call, behaviour.update(_described(call, body), resource, values))


def _create(registry: Registry, behaviour: Behaviour, call: Call, within: tuple[str, str]) -> Response:
    kind = behaviour.kind
    if not behaviour.may(call, CREATE, parent=_inside(behaviour, call, within)):
        raise Forbidden(f"you may not create a {kind.id}")
    if not call.request.body.strip():
        raise Malformed("Failed to parse body: EOF")
    body = call.request.document()
    if within[0]:
        body[within[0]] = within[1]
    values = validate.creation(kind, body)
    registry.check(call, kind, values)
    for validator in kind.validators:
        validator(values)
    return shown(behaviour, call, behaviour.create(_described(call, body), values), 201)


def _inside(behaviour: Behaviour, call: Call, within: tuple[str, str]) -> str:
    """What a new resource would be inside of, as far as the request says: rights are asked for before it is read whole."""
    field = behaviour.kind.parent
    if within[0] and within[0] == field:
        return within[1]
    parent = call.request.document().get(field) if field and behaviour.kind.fields[field].create else None
    return parent if isinstance(parent, str) else behaviour.parent_of(call, {})


def _described(call: Call, body: Mapping[str, Any]) -> Call:
    labels, annotations = validate.metadata(body, "labels"), validate.metadata(body, "annotations")
    return replace(call, labels=labels, annotations=annotations)


def _collection_url(behaviour: Behaviour, call: Call) -> str:
    return f"{call.root}/{behaviour.kind.plural.lower()}"


class _Entries(Entries):
    """A collection's resources, as the collection asks for them."""

    def __init__(self, behaviour: Behaviour, call: Call, within: tuple[str, str]) -> None:
        self._behaviour = behaviour.ready()
        self._call = call
        self._field, self._parent_id = within
        self._whole = not self._field or self._field == behaviour.kind.parent

    @property
    def pageable(self) -> bool:
        if not (self._whole and self._behaviour.plain_list):
            return False
        return sees_all(self._call.identity, self._behaviour.kind.id, self._parent or "")

    def ids(self) -> Sequence[str]:
        return self._behaviour.resources.ids(self._behaviour.kind.id, self._parent)

    def page(self, after: str, limit: int) -> Page:
        return self._behaviour.resources.list(self._behaviour.kind.id, self._parent, after=after, limit=limit)

    def all(self) -> list[Resource]:
        found = self._found()
        if not self._whole:
            found = (resource for resource in found if resource.spec.get(self._field) == self._parent_id)
        return self._behaviour.readable(self._call, found)

    def id(self, resource: Resource) -> str:
        return self._behaviour.of(resource).seen(resource).id

    def reads(self, name: str) -> Read:
        return self.id if name == "id" else self._behaviour.reads(self._call, name)

    def show(self, resource: Resource) -> dict[str, Any]:
        return present(self._behaviour, self._call, resource)

    def _found(self) -> Iterable[Resource]:
        parent = self._parent or wanted(self._behaviour.kind, self._call)
        return self._behaviour.list(self._call, parent) if parent else candidates(self._behaviour, self._call)

    @property
    def _parent(self) -> str | None:
        return self._parent_id if self._field and self._whole else None
