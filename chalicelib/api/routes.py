"""Where a path of ``/v3`` leads once the caller is known: schemas, collections, resources, their links and contexts.

``/v3/clusters/<id>/<type>`` and ``/v3/projects/<id>/<type>`` are what lives inside of one: kinds of that context, or
management kinds that point to it. Singular, plural and any case mean the same.
"""

from __future__ import annotations

from dataclasses import replace

from chalicelib.api import rights
from chalicelib.api.behaviour import RIGHTS, Call
from chalicelib.api.http import Response, answer
from chalicelib.api.registry import Registry
from chalicelib.api.resources import handle_collection, handle_link, handle_resource
from chalicelib.api.schemas import list_schemas, one_schema, root
from chalicelib.errors import MethodNotAllowed, NotFound, Refused
from chalicelib.schema.kinds import CONTEXTS, MANAGEMENT
from chalicelib.schema.version import Version

SUBSCRIBE = "subscribe is a WebSocket; on AWS it is asked for at the address of the WebSocket API, by ?path="


class Routes:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def answer(self, call: Call, rest: list[str]) -> Response:
        context = _context(rest[0]) if rest else None
        match rest:
            case [] | ["rights"]:
                read = _read_only(call)
                return answer(rights.of_everything(read) if rest else root(read.request))
            case ["subscribe"] | [_, _, "subscribe"] if len(rest) == 1 or context is not None:
                raise Refused(SUBSCRIBE)
            case ["schemas", *name]:
                return _schemas(call, MANAGEMENT, "", name)
            case [_, "schemas", *name] if context is not None:
                return _schemas(call, context, "", name)
            case [_, id, "schemas", *name] if context is not None:
                return _schemas(call, context, id, name)
            case [_, id, name, *tail] if context is not None:
                return self._inside(call, context, id, name, tail)
            case [name]:
                return handle_collection(self._registry, self._registry.of(MANAGEMENT.find(name), name), call)
            case [name, id]:
                return handle_resource(self._registry, self._registry.of(MANAGEMENT.find(name), name), call, id)
            case [name, id, link]:
                return handle_link(self._registry.of(MANAGEMENT.find(name), name), call, id, link)
            case _:
                raise NotFound("there is nothing here")

    def _inside(self, call: Call, context: Version, id: str, name: str, tail: list[str]) -> Response:
        """What lives inside of a cluster or a project."""
        kind = context.find(name)
        if kind is not None and kind.stored:
            behaviour = self._registry.of(kind, name)
            call = replace(call, version=context, context=id)
            field = next((field for field, each in kind.fields.items() if each.reference == context.context), "")
        else:
            parent = MANAGEMENT.find(context.context)
            fields = {other.id: field for other, field in MANAGEMENT.pointing(parent)} if parent else {}
            kind = MANAGEMENT.find(name)
            if kind is None or kind.id not in fields:
                return self._link(call, context, id, name, tail)
            behaviour, field = self._registry.of(kind, name), fields[kind.id]
        match tail:
            case []:
                return handle_collection(self._registry, behaviour, call, (field, id))
            case [inner]:
                return handle_resource(self._registry, behaviour, call, inner, (field, id))
            case [inner, link]:
                return handle_link(behaviour, call, inner, link, (field, id))
            case _:
                raise NotFound("there is nothing here")

    def _link(self, call: Call, context: Version, id: str, name: str, tail: list[str]) -> Response:
        behaviour = self._registry.of(MANAGEMENT.find(context.context), context.context)
        if tail or name not in (*behaviour.kind.links, RIGHTS):
            raise NotFound(f"failed to find schema {name}")
        return handle_link(behaviour, call, id, name)


def _context(name: str) -> Version | None:
    return CONTEXTS.get(name.lower().removesuffix("s"))


def _schemas(call: Call, version: Version, context: str, name: list[str]) -> Response:
    request = _read_only(call).request
    match name:
        case []:
            return answer(list_schemas(request, version, context))
        case [one]:
            return answer(one_schema(request, one, version, context))
        case _:
            raise NotFound("there is nothing here")


def _read_only(call: Call) -> Call:
    if call.request.method != "GET":
        raise MethodNotAllowed(f"Method {call.request.method} not supported")
    return call
