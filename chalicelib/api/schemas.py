"""``/v3/schemas``: the declarations, as clients read them to build their calls. The same for every caller."""

from __future__ import annotations

from typing import Any

from chalicelib.api.http import Request
from chalicelib.errors import NotFound
from chalicelib.schema.kind import Action, Field, Kind
from chalicelib.schema.kinds import KINDS, find

VERSION = {"group": "management.cattle.io", "path": "/v3", "version": "v3"}


def list_schemas(request: Request) -> dict[str, Any]:
    schemas = [schema(kind, request.base) for kind in sorted(KINDS, key=lambda kind: kind.id)]
    return {
        "type": "collection",
        "resourceType": "schema",
        "links": {"self": f"{request.base}/v3/schemas"},
        "actions": {},
        "pagination": {"limit": 1000, "total": len(schemas)},
        "data": schemas,
    }


def one_schema(request: Request, name: str) -> dict[str, Any]:
    kind = find(name)
    if kind is None:
        raise NotFound(f"failed to find schema {name}")
    return schema(kind, request.base)


def root(request: Request) -> dict[str, Any]:
    """``GET /v3``: where the collections are."""
    listable = {kind.plural: f"{request.base}/v3/{kind.plural.lower()}" for kind in KINDS if kind.collection_methods}
    links = {**listable, "self": f"{request.base}/v3", "root": request.base, "schemas": f"{request.base}/v3/schemas"}
    return {"type": "apiRoot", "baseType": "apiRoot", "apiVersion": VERSION, "links": links}


def schema(kind: Kind, base: str) -> dict[str, Any]:
    links = {"self": f"{base}/v3/schemas/{kind.id}"}
    if "GET" in kind.collection_methods:
        links["collection"] = f"{base}/v3/{kind.plural.lower()}"
    document: dict[str, Any] = {
        "id": kind.id,
        "type": "schema",
        "baseType": "schema",
        "links": links,
        "version": VERSION,
        "pluralName": kind.plural,
        "resourceFields": {name: _field(field) for name, field in kind.fields.items()},
    }
    if kind.collection_methods:
        document["collectionMethods"] = list(kind.collection_methods)
        document["collectionFilters"] = {name: {"modifiers": kind.modifiers(name)} for name in kind.filters}
    if kind.resource_methods:
        document["resourceMethods"] = list(kind.resource_methods)
    if kind.actions:
        document["resourceActions"] = _actions(kind.actions)
    if kind.collection_actions:
        document["collectionActions"] = _actions(kind.collection_actions)
    return document


def _field(field: Field) -> dict[str, Any]:
    document: dict[str, Any] = {"type": field.type, "create": field.create, "update": field.update}
    optional = {
        "nullable": field.nullable,
        "required": field.required,
        "writeOnly": field.secret,
        "minLength": field.shortest,
        "maxLength": field.longest,
        "max": field.most,
        "options": list(field.options),
    }
    if field.default is not None:
        document["default"] = field.default
    if field.least is not None:
        document["min"] = field.least
    return document | {name: value for name, value in optional.items() if value}


def _actions(actions: Any) -> dict[str, dict[str, str]]:
    def parts(action: Action) -> dict[str, str]:
        named = {"input": action.input, "output": action.output}
        return {name: value for name, value in named.items() if value}

    return {name: parts(action) for name, action in actions.items()}
