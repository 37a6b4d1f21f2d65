"""Terraform and the code agree: routes, handlers, the table, and what wakes a controller."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import app
from chalicelib.clusters.affected import WATCHED
from chalicelib.schema.kinds import STORED
from chalicelib.schema.subscription import ANNOUNCED
from chalicelib.store.notices import KIND as NOTICE
from tests.infra.stack import INFRA, ROOT, Stack

HANDLER = re.compile(r'handler\s*=\s*"app\.(\w+)"')


def text(name: str) -> str:
    return Path(INFRA, name).read_text()


def block(name: str, start: str) -> str:
    """Return the text between ``start`` and the next line that closes a brace at its depth."""
    found = re.search(rf"^( *){re.escape(start)}\n(.*?)^\1}}", text(name), re.DOTALL | re.MULTILINE)
    assert found, f"{name} has no {start}"
    return found[2]


def test_rest_routes() -> None:
    declared = set(re.findall(r'^\s*"(/\S*)"\s*=', block("rest.tf", "rest_routes = {"), re.MULTILINE))
    assert declared == set(app.app.routes)


def test_handlers_exist() -> None:
    handlers = HANDLER.findall(text("functions.tf"))
    assert len(handlers) == 8
    assert [name for name in handlers if not callable(getattr(app, name, None))] == []


def test_socket_routes_call_functions() -> None:
    routes = dict(re.findall(r'"(\$\w+)"\s*=\s*"(\w+)"', block("socket.tf", "socket_routes = {")))
    assert routes == {"$connect": "connect", "$disconnect": "disconnect", "$default": "message"}
    assert set(routes.values()) <= set(HANDLER.findall(text("functions.tf")))


def test_the_stream_wakes_for_the_kinds_that_are_worked_on_or_told() -> None:
    default = re.search(r"default\s*=\s*\[(.*?)\]", block("variables.tf", 'variable "watched_kinds" {'), re.DOTALL)
    assert default
    watched = set(re.findall(r'"(\w+)"', default[1]))
    # What is a sort of another kind is stored as that.
    told = {kind.base for kind in STORED if kind.id in ANNOUNCED}
    assert watched == told.union(WATCHED, [NOTICE])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_deployed_routes_lie_where_the_configuration_says(deployment: Stack) -> None:
    applied = deployment.applied
    (api,) = applied.of("aws_api_gateway_rest_api").values()
    resources = applied.of("aws_api_gateway_resource").values()
    paths = {resource["id"]: resource["path"] for resource in resources} | {api["root_resource_id"]: "/"}
    methods = applied.by_key("aws_api_gateway_method.any")
    assert {route: paths[method["resource_id"]] for route, method in methods.items()} == {
        route: route for route in methods
    }
    assert api["binary_media_types"] == ["*/*"]
    (socket,) = applied.of("aws_apigatewayv2_api").values()
    assert socket["route_selection_expression"] == "$request.body.action"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_table_has_the_shape_that_the_code_expects(deployment: Stack) -> None:
    (table,) = deployment.planned.of("aws_dynamodb_table").values()
    assert (table["hash_key"], table["range_key"]) == ("pk", "sk")
    assert table["stream_view_type"] == "OLD_IMAGE"
    assert table["ttl"][0]["attribute_name"] == "expires"
    assert not table.get("global_secondary_index")


def test_documents_use_outputs_and_functions_that_exist() -> None:
    documents = "".join(path.read_text() for path in (ROOT / "docs/operations").glob("*.md"))
    outputs = set(re.findall(r'^output "(\w+)"', text("outputs.tf"), re.MULTILINE))
    assert set(re.findall(r"terraform output -(?:raw|json) (\w+)", documents)) <= outputs
    named = set(re.findall(r"(?:function-name |`)lariat-([a-z]+)(?=[:` \n])", documents))
    assert {"app", "resync"} <= named <= set(HANDLER.findall(text("functions.tf")))
