"""``/v3/schemas``: the declarations, as clients read them to build their calls. The same for every caller."""

from __future__ import annotations

from typing import Any

from chalicelib.api.http import Request
from chalicelib.errors import NotFound
from chalicelib.schema.field import Field
from chalicelib.schema.kind import Action, Kind
from chalicelib.schema.kinds import MANAGEMENT
from chalicelib.schema.version import Version


def list_schemas(request: Request, version: Version = MANAGEMENT, context: str = "") -> dict[str, Any]:
    schemas = [schema(kind, request.base, version, context) for kind in version.schemas]
    return {
        "type": "collection",
        "resourceType": "schema",
        "links": {"self": f"{_root(request.base, version, context)}/schemas"},
        "actions": {},
        "pagination": {"limit": 1000, "total": len(schemas)},
        "data": schemas,
    }


def one_schema(request: Request, name: str, version: Version = MANAGEMENT, context: str = "") -> dict[str, Any]:
    kind = version.find(name)
    if kind is None:
        raise NotFound(f"failed to find schema {name}")
    return schema(kind, request.base, version, context)


def root(request: Request, version: Version = MANAGEMENT) -> dict[str, Any]:
    url = f"{request.base}{version.path}"
    listable = {kind.plural: f"{url}/{kind.plural.lower()}" for kind in version.kinds if kind.collection_methods}
    links = {**listable, "self": url, "root": request.base, "schemas": f"{url}/schemas"}
    return {"type": "apiRoot", "baseType": "apiRoot", "apiVersion": version.document, "links": links}


def schema(kind: Kind, base: str, version: Version = MANAGEMENT, context: str = "") -> dict[str, Any]:
    url = _root(base, version, context)
    links = {"self": f"{url}/schemas/{kind.id}"}
    if "GET" in kind.collection_methods:
        links["collection"] = f"{url}/{kind.plural.lower()}"
    document: dict[str, Any] = {
        "id": kind.id,
        "type": "schema",
        "baseType": "schema",
        "links": links,
        "version": version.document,
        "pluralName": kind.plural,
        "resourceFields": {name: _field(field) for name, field in kind.everything.items()},
    }
    if kind.collection_methods:
        document["collectionMethods"] = list(kind.collection_methods)
        document["collectionFilters"] = {name: {"modifiers": kind.modifiers(name)} for name in kind.filters}
    if kind.resource_methods:
        document["resourceMethods"] = list(kind.resource_methods)
    if kind.actions:
        document["resourceActions"] = {name: _action(action) for name, action in kind.actions.items()}
    if kind.collection_actions:
        document["collectionActions"] = {name: _action(action) for name, action in kind.collection_actions.items()}
    return document


def _root(base: str, version: Version, context: str) -> str:
    return f"{base}{version.path}" + (f"/{context}" if context else "")


def _field(field: Field) -> dict[str, Any]:
    document: dict[str, Any] = {"type": field.type, "create": field.create, "update": field.update}
    optional = {
        "nullable": field.nullable,
        "required": field.required,
        "writeOnly": field.secret,
        "minLength": field.shortest,
        "maxLength": field.longest,
        "validChars": field.valid,
        "invalidChars": field.invalid,
        "options": list(field.options),
    }
    limits = {"default": field.default, "min": field.least, "max": field.most}
    document |= {name: value for name, value in limits.items() if value is not None}
    return document | {name: value for name, value in optional.items() if value}


def _action(action: Action) -> dict[str, str]:
    return {name: _id(kind) for name, kind in (("input", action.input), ("output", action.output)) if kind}


def _id(kind: Kind | str) -> str:
    return kind if isinstance(kind, str) else kind.id
