"""The API as an OpenAPI 3 document, made of the same declarations; ``GET /v3-public/openapi`` serves it to everybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from chalicelib.schema.field import Field
from chalicelib.schema.kind import Action, Kind
from chalicelib.schema.kinds import CONTEXTS, MANAGEMENT, PUBLIC
from chalicelib.schema.version import Version

Document = dict[str, Any]

_SCALARS: Mapping[str, Document] = {
    "boolean": {"type": "boolean"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "json": {},
    "intOrString": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
    "date": {"type": "string", "description": "RFC 3339"},
    "password": {"type": "string", "format": "password"},
    "base64": {"type": "string", "format": "byte"},
}
_IF_MATCH: Document = {
    "name": "If-Match",
    "in": "header",
    "description": "the ETag of what was read; 409 if that has changed since",
    "schema": {"type": "string"},
}
_LISTED = (("limit", "integer"), ("marker", "string"), ("sort", "string"), ("order", "string"))


def openapi(base: str) -> Document:
    """Describe everything under ``base``."""
    return {**_whole(), "servers": [{"url": base}]}


@cache
def _whole() -> Document:
    versions = (MANAGEMENT, *CONTEXTS.values(), PUBLIC)
    kinds = {kind.id: kind for version in versions for kind in version.schemas}
    schemas = {name: document for kind in kinds.values() for name, document in _schemas(kind)}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Lariat", "version": "v3", "description": "The v3 API. /v3/schemas says the same."},
        "security": [{"bearer": []}, {"basic": []}],
        "paths": {path: item for version in versions for path, item in _paths(version)},
        "components": {
            "schemas": {**schemas, "error": _ERROR},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }


_ERROR: Document = {
    "type": "object",
    "required": ["type", "status", "message"],
    "properties": {
        "type": {"type": "string", "enum": ["error"]},
        "status": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
        "code": {"type": "string"},
        "fieldName": {"type": "string"},
        "message": {"type": "string"},
    },
}


def _paths(version: Version) -> Iterator[tuple[str, Document]]:
    inside = f"{version.path}/{{{version.context}}}" if version.context else version.path
    context = [_parameter(version.context)] if version.context else []
    for kind in version.kinds:
        url = f"{inside}/{kind.plural}"
        if kind.collection_methods:
            yield url, {"parameters": context, **_collection(kind)}
        if kind.resource_methods:
            yield f"{url}/{{id}}", {"parameters": [*context, _parameter("id")], **_resource(kind)}


def _collection(kind: Kind) -> Document:
    operations: Document = {}
    if "GET" in kind.collection_methods:
        fields = [(name, "string") for name in kind.filters if name not in dict(_LISTED)]
        query = [_query(name, type) for name, type in (*_LISTED, *fields)]
        page = {"type": "object", "properties": {"data": {"type": "array", "items": _ref(kind.id)}}}
        operations["get"] = _operation(f"list {kind.plural}", parameters=query, answers={"200": page})
    bodies = [f"{kind.id}.create"] if "POST" in kind.collection_methods else []
    if bodies or kind.collection_actions:
        operations["post"] = _post(f"create {kind.id}", bodies, kind.collection_actions, {"201": _ref(kind.id)})
    return operations


def _resource(kind: Kind) -> Document:
    operations: Document = {}
    if "GET" in kind.resource_methods:
        operations["get"] = _operation(f"read {kind.id}", answers={"200": _ref(kind.id)})
    if "PUT" in kind.resource_methods:
        body = _ref(f"{kind.id}.update")
        operations["put"] = _operation(
            f"update {kind.id}", parameters=[_IF_MATCH], body=body, answers={"200": _ref(kind.id)}
        )
    if "DELETE" in kind.resource_methods:
        answers = {"200": _ref(kind.id), "204": None}
        operations["delete"] = _operation(f"remove {kind.id}", parameters=[_IF_MATCH], answers=answers)
    if kind.actions:
        operations["post"] = _post(f"act on {kind.id}", [], kind.actions, {})
    return operations


def _post(summary: str, bodies: list[str], actions: Mapping[str, Action], answers: Document) -> Document:
    """Creating and acting share a path; the query tells them apart."""
    inputs = [action.input.id for action in actions.values() if action.input is not None]
    schemas = [_ref(name) for name in dict.fromkeys([*bodies, *inputs])]
    query = [_query("action", "string", list(actions), required=not bodies)] if actions else []
    body = {"anyOf": schemas} if len(schemas) > 1 else next(iter(schemas), {"type": "object"})
    return _operation(summary, parameters=query, body=body, answers={**answers, **({"200": {}} if actions else {})})


def _operation(
    summary: str, *, parameters: list[Document] | None = None, body: Document | None = None, answers: Document
) -> Document:
    operation: Document = {"summary": summary, "responses": {code: _answer(each) for code, each in answers.items()}}
    operation["responses"]["default"] = _answer(_ref("error"))
    if parameters:
        operation["parameters"] = parameters
    if body is not None:
        operation["requestBody"] = {"content": {"application/json": {"schema": body}}}
    return operation


def _answer(schema: Document | None) -> Document:
    if schema is None:
        return {"description": "done, with nothing to show"}
    return {"description": "see the schema", "content": {"application/json": {"schema": schema}}}


def _schemas(kind: Kind) -> Iterator[tuple[str, Document]]:
    """A kind as it is shown, and as it is sent to create or update one."""
    if not kind.stored:
        yield kind.id, _object(kind.fields)
        return
    shown = {name: field for name, field in kind.everything.items() if not field.secret}
    yield kind.id, {"type": "object", "properties": {name: _schema(field) for name, field in shown.items()}}
    if "POST" in kind.collection_methods:
        yield f"{kind.id}.create", _object({name: field for name, field in kind.everything.items() if field.create})
    if "PUT" in kind.resource_methods:
        fields = {name: field for name, field in kind.everything.items() if field.update}
        yield f"{kind.id}.update", _partial(fields)


def _object(fields: Mapping[str, Field]) -> Document:
    required = [name for name, field in fields.items() if field.required]
    return {**_partial(fields), **({"required": required} if required else {})}


def _partial(fields: Mapping[str, Field]) -> Document:
    return {"type": "object", "properties": {name: _schema(field) for name, field in fields.items()}}


def _schema(field: Field) -> Document:
    if field.element is not None:
        inner = _schema(field.element)
        if field.type.startswith("array["):
            return {"type": "array", "items": inner}
        return {"type": "object", "additionalProperties": inner}
    if field.part is not None:
        return _ref(field.part.id)
    limits = {
        "enum": list(field.options) or None,
        "maxLength": field.longest or None,
        "minLength": field.shortest or None,
        "minimum": field.least,
        "maximum": field.most,
        "default": field.default,
        "nullable": field.nullable or None,
        "writeOnly": field.secret or None,
        "description": f"id of a {field.reference}" if field.reference else None,
    }
    return {**_SCALARS.get(field.type, {"type": "string"}), **{k: v for k, v in limits.items() if v is not None}}


def _ref(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


def _parameter(name: str) -> Document:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _query(name: str, type: str, options: list[str] | None = None, *, required: bool = False) -> Document:
    schema: Document = {"type": type, **({"enum": options} if options else {})}
    return {"name": name, "in": "query", "required": required, "schema": schema}
