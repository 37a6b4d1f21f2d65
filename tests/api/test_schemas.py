"""What clients read before they call: the schemas, the root, and the ways there."""

from __future__ import annotations

import pytest

from chalicelib.schema.kinds import KINDS, MANAGEMENT
from tests.support.server import BASE, Caller, Server

LISTABLE = [kind for kind in KINDS if "GET" in kind.collection_methods]


def test_the_list_holds_every_kind_in_the_order_of_ids(admin: Caller) -> None:
    document = admin.get("/v3/schemas").json
    assert document["resourceType"] == "schema"
    ids = [schema["id"] for schema in document["data"]]
    assert ids == sorted(kind.id for kind in MANAGEMENT.schemas)
    assert {kind.id for kind in KINDS} <= set(ids)
    assert document["pagination"]["total"] == len(ids)


def test_one_schema_is_the_same_as_in_the_list(admin: Caller) -> None:
    listed = {schema["id"]: schema for schema in admin.get("/v3/schemas").json["data"]}
    for id, schema in listed.items():
        assert admin.get(f"/v3/schemas/{id}").json == schema


@pytest.mark.parametrize("name", ["cluster", "Cluster", "CLUSTER", "clusters"])
def test_a_schema_is_found_in_any_case(admin: Caller, name: str) -> None:
    assert admin.get(f"/v3/schemas/{name}").json["id"] == "cluster"


def test_an_unknown_schema(admin: Caller) -> None:
    reply = admin.get("/v3/schemas/nosuch")
    assert reply.error == (404, "NotFound", "")
    assert reply.json["message"] == "failed to find schema nosuch"


def test_schemas_need_a_login(server: Server) -> None:
    assert server.nobody.get("/v3/schemas").status == 401


def test_a_collection_link_leads_to_the_collection(admin: Caller) -> None:
    for kind in LISTABLE:
        schema = admin.get(f"/v3/schemas/{kind.id}").json
        document = admin.get(schema["links"]["collection"]).json
        assert (document["type"], document["resourceType"]) == ("collection", kind.id)
        assert document["links"]["self"] == schema["links"]["collection"]


def test_an_input_has_no_collection(admin: Caller) -> None:
    schema = admin.get("/v3/schemas/setPasswordInput").json
    assert "collection" not in schema["links"]
    assert not schema.keys() & {"collectionMethods", "resourceMethods", "collectionFilters"}


def test_the_schema_of_clusters(admin: Caller) -> None:
    schema = admin.get("/v3/schemas/cluster").json
    assert schema["pluralName"] == "clusters"
    assert schema["version"] == {"group": "management.cattle.io", "path": "/v3", "version": "v3"}
    assert set(schema["collectionMethods"]) == {"GET", "POST"}
    assert set(schema["resourceMethods"]) == {"GET", "PUT", "DELETE"}
    assert schema["resourceActions"]["generateKubeconfig"] == {"output": "generateKubeConfigOutput"}
    assert schema["resourceFields"]["name"] == {
        "type": "dnsLabel",
        "create": True,
        "update": True,
        "nullable": True,
        "maxLength": 63,
    }


def test_filters_name_their_modifiers(admin: Caller) -> None:
    filters = admin.get("/v3/schemas/user").json["collectionFilters"]
    assert filters["username"] == {"modifiers": ["eq", "ne", "in", "notin"]}
    assert filters["enabled"] == {"modifiers": ["eq", "ne"]}
    assert "id" in filters
    assert "password" not in filters


def test_passwords_are_write_only(admin: Caller) -> None:
    assert admin.get("/v3/schemas/user").json["resourceFields"]["password"]["writeOnly"] is True


WAYS = [
    ("/v3", "/v3/schemas"),
    ("/v3/users", "/v3/schemas"),
    ("/v3/nosuch", "/v3/schemas"),
    ("/nothing", "/v3/schemas"),
    ("/v3-public", "/v3-public/schemas"),
    ("/v3/clusters", "/v3/cluster/schemas"),
    ("/v3/CLUSTERS/c-1", "/v3/cluster/c-1/schemas"),
    ("/v3/cluster/c-1/projects", "/v3/cluster/c-1/schemas"),
    ("/v3/projects/c-1:p-1/schemas", "/v3/project/c-1:p-1/schemas"),
    ("/v3/project/schemas", "/v3/project/schemas"),
]
"""Where a client finds the schemas of what is under a path."""


@pytest.mark.parametrize("path", ["/v3", "/v3/", "//v3"])
def test_the_root_links_to_every_collection(admin: Caller, path: str) -> None:
    reply = admin.get(path)
    assert reply.json["type"] == "apiRoot"
    assert {kind.plural for kind in LISTABLE} <= reply.json["links"].keys()
    for kind in LISTABLE:
        assert admin.get(reply.json["links"][kind.plural]).status == 200


def test_the_way_to_the_schemas_stands_in_every_answer(admin: Caller) -> None:
    for path, schemas in WAYS:
        assert ("x-api-schemas", f"{BASE}{schemas}") in admin.get(path).headers, path


def test_the_front_page_names_the_api(server: Server) -> None:
    document = server.nobody.get("/").json
    assert document["resourceType"] == "apiRoot"
    assert [root["links"]["self"] for root in document["data"]] == [f"{BASE}/v3", f"{BASE}/v3-public"]


@pytest.mark.parametrize(("path", "body"), [("/ping", b"pong"), ("/healthz", b"ok")])
def test_signs_of_life_need_no_login(server: Server, path: str, body: bytes) -> None:
    reply = server.nobody.get(path)
    assert (reply.status, reply.body) == (200, body)
