"""Lists: filters, order and pages, as clients ask for them."""

from __future__ import annotations

import pytest

from chalicelib.types import Resource
from tests.support.server import BASE, Caller, Server

NAMES = ["delta", "alpha", "echo", "charlie", "bravo"]


@pytest.fixture
def five(server: Server) -> None:
    """Five clusters, c-1 to c-5, whose names are in another order than their ids."""
    for number, name in enumerate(NAMES, 1):
        spec = {"name": name, "description": "odd" if number % 2 else "even"}
        server.resources.create(Resource(kind="cluster", id=f"c-{number}", spec=spec))


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("name=alpha", "2"),
        ("name=ALPHA", ""),
        ("name=alpha&name=delta", "2"),
        ("name_ne=alpha", "1345"),
        ("name_in=alpha&name_in=delta", "12"),
        ("name_in=alpha", "2"),
        ("name_notin=alpha&name_notin=delta", "345"),
        ("description=odd&name_ne=delta", "35"),
        ("id=c-4", "4"),
        ("id_in=c-4&id_in=c-9", "4"),
        ("internal_ne=true", "12345"),
        ("driver=", "12345"),
        ("driver_ne=", ""),
        ("name=", ""),
    ],
)
def test_filters(admin: Caller, five: None, query: str, ids: str) -> None:
    assert admin.get(f"/v3/clusters?{query}").ids == [f"c-{id}" for id in ids]


@pytest.mark.parametrize(
    "query",
    ["nosuch=x", "Name=alpha", "name_like=a", "removed_null=1", "include=nodes", "uuid=x", "state=active", "version=1"],
)
def test_unknown_filters_are_ignored(admin: Caller, five: None, query: str) -> None:
    assert len(admin.get(f"/v3/clusters?{query}").ids) == 5


def test_id_is_no_filter_where_there_is_no_display_name(server: Server, admin: Caller) -> None:
    assert len(admin.get("/v3/globalrolebindings?id=nosuch").ids) == 1


@pytest.mark.parametrize(("query", "names"), [("enabled=true", ["u-admin"]), ("enabled_ne=true", ["u-off"])])
def test_booleans_compare_as_text(server: Server, admin: Caller, query: str, names: list[str]) -> None:
    off = server.user("off")
    admin.put(f"/v3/users/{off.user}", {"enabled": False})
    assert admin.get(f"/v3/users?{query}").ids == names


def test_a_missing_value_compares_as_the_default(server: Server, admin: Caller) -> None:
    assert admin.get("/v3/users?mustChangePassword=false").ids == ["u-admin"]


def test_the_answer_says_how_it_was_filtered(admin: Caller, five: None) -> None:
    filters = admin.get("/v3/clusters?name_ne=alpha&id_in=c-1&id_in=c-2").json["filters"]
    assert filters["name"] == [{"modifier": "ne", "value": "alpha"}]
    assert filters["id"] == [{"modifier": "in", "value": ["c-1", "c-2"]}]
    assert filters["description"] is None


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", "12345"),
        ("order=desc", "54321"),
        ("sort=name", "25413"),
        ("sort=name&order=desc", "31452"),
        ("sort=description", "24135"),
        ("sort=nosuch", "12345"),
        ("order=sideways", "12345"),
    ],
)
def test_order(admin: Caller, five: None, query: str, ids: str) -> None:
    assert admin.get(f"/v3/clusters?{query}").ids == [f"c-{id}" for id in ids]


def test_links_reverse_the_order(admin: Caller, five: None) -> None:
    first = admin.get("/v3/clusters?sort=name&description=odd")
    assert first.json["sort"]["name"] == "name"
    assert first.json["sort"]["order"] == "asc"
    second = admin.get(first.json["sort"]["reverse"])
    assert second.ids == first.ids[::-1]
    assert second.json["sort"]["order"] == "desc"
    assert admin.get(second.json["sort"]["reverse"]).ids == first.ids


def test_links_sort_by_a_field_and_keep_the_filter(admin: Caller, five: None) -> None:
    sort = admin.get("/v3/clusters?description=odd").json["sort"]
    assert "name" not in sort
    assert admin.get(sort["links"]["name"]).ids == ["c-5", "c-1", "c-3"]


def pages(admin: Caller, url: str, towards: str = "next") -> list[list[str]]:
    """Follow the links of one direction to the end."""
    found = []
    while True:
        reply = admin.get(url)
        found.append(reply.ids)
        pagination = reply.json["pagination"]
        if towards not in pagination:
            return found
        assert pagination["partial"] is True
        url = pagination[towards]


@pytest.mark.parametrize(
    ("query", "sizes"),
    [("limit=1", [1] * 5), ("limit=2", [2, 2, 1]), ("limit=4", [4, 1]), ("limit=5", [5]), ("limit=6", [5])],
)
def test_pages_hold_everything_once(admin: Caller, five: None, query: str, sizes: list[int]) -> None:
    found = pages(admin, f"/v3/clusters?{query}")
    assert [len(page) for page in found] == sizes
    assert [id for page in found for id in page] == [f"c-{number}" for number in range(1, 6)]


def test_pages_keep_filter_and_order(admin: Caller, five: None) -> None:
    found = pages(admin, "/v3/clusters?limit=2&sort=name&order=desc&name_ne=bravo")
    assert found == [["c-3", "c-1"], ["c-4", "c-2"]]


def test_pages_lead_back(admin: Caller, five: None) -> None:
    last = admin.get("/v3/clusters?limit=2").json["pagination"]["last"]
    assert pages(admin, last, "previous") == [["c-5"], ["c-3", "c-4"], ["c-1", "c-2"]]


def test_the_first_page_has_nothing_before_it(admin: Caller, five: None) -> None:
    pagination = admin.get("/v3/clusters?limit=2").json["pagination"]
    assert pagination.keys() == {"limit", "total", "partial", "first", "next", "last"}
    assert pagination["first"] == f"{BASE}/v3/clusters?limit=2"


def test_the_last_page_has_nothing_after_it(admin: Caller, five: None) -> None:
    pagination = admin.get("/v3/clusters?limit=2&marker=c-5").json["pagination"]
    assert pagination.keys() == {"limit", "total", "partial", "first", "marker", "previous", "last"}


def test_what_fits_has_no_pages(admin: Caller, five: None) -> None:
    assert admin.get("/v3/clusters").json["pagination"] == {"limit": 1000, "total": 5}


@pytest.mark.parametrize(
    ("limit", "effective"),
    [
        ("10000", 10_000),
        ("10001", 10_000),
        ("-1", 10_000),
        ("-99", 10_000),
        ("many", 1000),
        ("", 1000),
        ("1.5", 1000),
    ],
)
def test_the_limit_has_limits(admin: Caller, five: None, limit: str, effective: int) -> None:
    reply = admin.get(f"/v3/clusters?limit={limit}")
    assert reply.json["pagination"] == {"limit": effective, "total": 5}


def test_a_limit_of_nothing_shows_nothing(admin: Caller, five: None) -> None:
    reply = admin.get("/v3/clusters?limit=0")
    assert reply.ids == []
    assert reply.json["pagination"] == {"limit": 0, "total": 5, "partial": True}


def test_an_unknown_marker_starts_at_the_first(admin: Caller, five: None) -> None:
    assert admin.get("/v3/clusters?limit=2&marker=c-9").ids == ["c-1", "c-2"]


def test_an_empty_list_is_a_list(admin: Caller) -> None:
    document = admin.get("/v3/clusters").json
    assert document["data"] == []
    assert document["pagination"]["total"] == 0


def test_creation_is_offered_where_it_is_possible(admin: Caller) -> None:
    assert admin.get("/v3/clusters").json["createTypes"] == {"cluster": f"{BASE}/v3/clusters"}
    assert "createTypes" not in admin.get("/v3/authconfigs").json


def test_collection_actions_are_offered(admin: Caller) -> None:
    names = ("changepassword", "refreshauthprovideraccess")
    assert admin.get("/v3/users").json["actions"] == {name: f"{BASE}/v3/users?action={name}" for name in names}
    assert admin.get("/v3/clusters").json["actions"] == {}


def test_a_list_longer_than_a_page_of_the_store(server: Server, admin: Caller) -> None:
    for start in range(0, 1020, 20):
        first, *others = [Resource(kind="cluster", id=f"c-{number:05}") for number in range(start, start + 20)]
        server.resources.create(first, *others)
    assert admin.get("/v3/clusters?limit=1").json["pagination"]["total"] == 1020
