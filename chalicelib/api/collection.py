"""Lists: filters, sorting and pages over what the caller may see; ``api/resources.py`` calls it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from chalicelib.api.http import Request
from chalicelib.schema.kind import Kind

DEFAULT_LIMIT = 1000
LARGEST_LIMIT = 10_000

Item = dict[str, Any]


def collection(kind: Kind, items: Sequence[Item], request: Request, *, creatable: bool = True) -> Item:
    """Return the collection document of the matching items, as far as they fit on the page that is asked for."""
    url = f"{request.base}/v3/{kind.plural.lower()}"
    filters = _filters(kind, request)
    matching = [item for item in items if _matches(item, filters)]
    _sort(kind, matching, request)
    page, pagination = _page(matching, request, url)
    document: Item = {"type": "collection", "resourceType": kind.id, "links": {"self": url}}
    if creatable and "POST" in kind.collection_methods:
        document["createTypes"] = {kind.id: url}
    document["actions"] = {name: f"{url}?action={name}" for name in kind.collection_actions}
    document["pagination"] = pagination
    document["sort"] = _sorting(kind, request, url)
    document["filters"] = {name: filters.get(name) for name in kind.filters}
    document["data"] = page
    return document


def _filters(kind: Kind, request: Request) -> dict[str, list[Item]]:
    """Read the filters that the kind knows; others are ignored, as clients expect."""
    filters: dict[str, list[Item]] = {}
    for name in kind.filters:
        for modifier in kind.modifiers(name):
            parameter = name if modifier == "eq" else f"{name}_{modifier}"
            values = [value for key, value in request.query if key == parameter]
            if not values:
                continue
            value = values if modifier in ("in", "notin") else values[0]
            filters.setdefault(name, []).append({"modifier": modifier, "value": value})
    return filters


def _matches(item: Item, filters: dict[str, list[Item]]) -> bool:
    return all(_holds(_plain(item.get(name)), rule) for name, rules in filters.items() for rule in rules)


def _holds(value: str, rule: Item) -> bool:
    match rule["modifier"]:
        case "eq":
            return bool(value == rule["value"])
        case "ne":
            return bool(value != rule["value"])
        case "in":
            return value in rule["value"]
        case _:
            return value not in rule["value"]


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _sort(kind: Kind, items: list[Item], request: Request) -> None:
    name = request.option("sort")
    field = name if name in kind.filters else "id"
    items.sort(key=lambda item: (_plain(item.get(field)), item["id"]), reverse=request.option("order") == "desc")


def _sorting(kind: Kind, request: Request, url: str) -> Item:
    order = "desc" if request.option("order") == "desc" else "asc"
    other = [(key, value) for key, value in request.query if key != "order"]
    reverse = urlencode([*other, ("order", "asc" if order == "desc" else "desc")])
    sorting: Item = {"order": order, "reverse": f"{url}?{reverse}"}
    if request.option("sort") in kind.filters:
        sorting["name"] = request.option("sort")
    unsorted = [(key, value) for key, value in other if key != "sort"]
    sorting["links"] = {name: f"{url}?{urlencode([*unsorted, ('sort', name)])}" for name in kind.filters}
    return sorting


def _page(items: list[Item], request: Request, url: str) -> tuple[list[Item], Item]:
    limit = _limit(request.option("limit"))
    start = _start(items, request.option("marker"))
    page = items[start : start + limit]
    pagination: Item = {"limit": limit, "total": len(items)}
    if len(page) == len(items):
        return page, pagination
    others = [(key, value) for key, value in request.query if key not in ("limit", "marker")]

    def link(index: int) -> str:
        return f"{url}?{urlencode([*others, ('limit', limit), ('marker', items[index]['id'])])}"

    pagination["partial"] = True
    if items and limit:
        pagination |= {"first": f"{url}?{urlencode([*others, ('limit', limit)])}"}
        pagination |= {"last": link((len(items) - 1) // limit * limit)}
        if start:
            pagination |= {"marker": items[start]["id"], "previous": link(max(0, start - limit))}
        if start + limit < len(items):
            pagination |= {"next": link(start + limit)}
    return page, pagination


def _limit(text: str) -> int:
    try:
        limit = int(text)
    except ValueError:
        return DEFAULT_LIMIT
    return limit if 0 <= limit <= LARGEST_LIMIT else LARGEST_LIMIT


def _start(items: list[Item], marker: str) -> int:
    return next((index for index, item in enumerate(items) if item["id"] == marker), 0) if marker else 0
