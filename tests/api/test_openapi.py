"""The OpenAPI document fits the declarations, and nothing that it allows, or forbids, makes the server fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from chalicelib.api.openapi import openapi
from chalicelib.schema.kinds import STORED
from tests.support.server import BASE, Caller, Server, serving

DOCUMENT = openapi(BASE)
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("openapi")) as server:
        server.user("admin", administrator=True)
        yield server


def test_everybody_may_read_it(server: Server) -> None:
    assert server.nobody.get("/v3-public/openapi").json == DOCUMENT
    assert server.nobody.post("/v3-public/openapi", {}).status == 405


def test_every_kind_has_its_paths() -> None:
    paths = {path.rpartition("/")[2] for path in DOCUMENT["paths"]}
    assert {kind.plural for kind in STORED if kind.collection_methods} <= paths


def references(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        if "$ref" in document:
            yield document["$ref"]
        for value in document.values():
            yield from references(value)
    if isinstance(document, list):
        for value in document:
            yield from references(value)


def test_every_reference_leads_somewhere() -> None:
    known = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert set(references(DOCUMENT)) <= known


def test_no_answer_has_a_secret_field() -> None:
    for kind in STORED:
        shown = DOCUMENT["components"]["schemas"][kind.id]["properties"]
        assert not [name for name, field in kind.fields.items() if field.secret and name in shown]


@pytest.mark.slow
@SCHEMA.parametrize()
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_makes_the_server_fail(busy: Server, case: Any) -> None:
    """By an administrator, whose requests get furthest."""
    caller: Caller = busy.token("u-admin")
    query = urlencode({name: str(value) for name, value in (case.query or {}).items()})
    body = case.body if isinstance(case.body, (dict, list, str, int, float, bool)) or case.body is None else {}
    reply = caller.call(case.method.upper(), f"{case.formatted_path}?{query}", body)
    unreachable = reply.status == 503 and reply.json["code"] == "ClusterUnavailable"
    assert reply.status < 500 or unreachable, (case.method, case.formatted_path, query, body, reply.body)
