"""The generic part of ``/v3/<type>[/<id>]``: rights, validation and status codes, the same for every kind."""

from __future__ import annotations

from chalicelib.api.behaviour import Behaviour, Call
from chalicelib.api.collection import collection
from chalicelib.api.http import Response, answer
from chalicelib.api.present import show
from chalicelib.auth.access import CREATE, DELETE, READ, UPDATE, allowed
from chalicelib.errors import Forbidden, Invalid, Malformed, MethodNotAllowed
from chalicelib.schema import validate
from chalicelib.store.resources import missing
from chalicelib.types import Resource

_VERBS = {"GET": READ, "PUT": UPDATE, "DELETE": DELETE, "POST": UPDATE}


def handle_collection(behaviour: Behaviour, call: Call) -> Response:
    """``GET`` lists, ``POST`` creates or acts."""
    kind, request = behaviour.kind, call.request
    if request.method == "POST" and request.option("action"):
        return _act_on_collection(behaviour, call)
    if request.method not in kind.collection_methods:
        raise MethodNotAllowed(f"Method {request.method} not supported")
    if request.method == "POST":
        return _create(behaviour, call)
    visible = [resource for resource in behaviour.list(call) if allowed(call.identity, READ, kind.id, resource)]
    return answer(collection(kind, [present(behaviour, call, resource) for resource in visible], request))


def handle_resource(behaviour: Behaviour, call: Call, id: str) -> Response:
    """``GET`` shows, ``PUT`` merges, ``DELETE`` removes, ``POST`` acts."""
    kind, request = behaviour.kind, call.request
    action = request.option("action") if request.method == "POST" else ""
    if not action and request.method not in kind.resource_methods:
        raise MethodNotAllowed(f"Method {request.method} not supported")
    resource = find(behaviour, call, id)
    if action:
        if action not in kind.actions:
            raise Invalid(f"Invalid action: {action}", code="InvalidAction")
        return behaviour.act(action, call, resource)
    if not allowed(call.identity, _VERBS[request.method], kind.id, resource):
        raise Forbidden(f"you may not {_VERBS[request.method]} this {kind.id}")
    if request.method == "PUT":
        values = validate.update(kind, request.document())
        return answer(present(behaviour, call, behaviour.update(call, resource, values)))
    if request.method == "DELETE":
        removed = behaviour.remove(call, resource)
        return answer(present(behaviour, call, removed)) if removed.finalizers else Response(204)
    return answer(present(behaviour, call, resource))


def find(behaviour: Behaviour, call: Call, id: str) -> Resource:
    """Return a resource that the caller may see; one that he may not see does not exist for him."""
    resource = behaviour.find(id)
    if not allowed(call.identity, READ, behaviour.kind.id, resource):
        raise missing(behaviour.kind.id, id)
    return resource


def present(behaviour: Behaviour, call: Call, resource: Resource) -> dict[str, object]:
    return show(behaviour.kind, resource, call.base, behaviour.computed(call, resource), behaviour.links(resource))


def _create(behaviour: Behaviour, call: Call) -> Response:
    kind = behaviour.kind
    if not allowed(call.identity, CREATE, kind.id):
        raise Forbidden(f"you may not create a {kind.id}")
    if not call.request.body.strip():
        raise Malformed("Failed to parse body: EOF")
    values = validate.creation(kind, call.request.document())
    return answer(present(behaviour, call, behaviour.create(call, values)), 201)


def _act_on_collection(behaviour: Behaviour, call: Call) -> Response:
    action = call.request.option("action")
    if action not in behaviour.kind.collection_actions:
        raise Invalid(f"Invalid action: {action}", code="InvalidAction")
    return behaviour.act_on_collection(action, call)
