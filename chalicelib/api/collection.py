"""Lists: filters, sorting and pages over what the caller may see; ``api/resources.py`` calls it.

A list that is neither filtered nor sorted is read page by page from the store, by ids: what others write meanwhile is
neither missed nor doubled, and a marker whose resource has gone continues behind it. For any other, all resources are
read; but only those of the page are shown, which costs the most by far.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

from chalicelib.api.http import Request
from chalicelib.api.present import Read
from chalicelib.schema.kind import Kind
from chalicelib.types import Page, Resource

DEFAULT_LIMIT = 1000
LARGEST_LIMIT = 10_000

Item = dict[str, Any]


class Entries(Protocol):
    """What can be listed."""

    @property
    def pageable(self) -> bool:
        """Can a page be read without looking at all?"""

    def ids(self) -> Sequence[str]: ...

    def page(self, after: str, limit: int) -> Page: ...

    def all(self) -> list[Resource]: ...

    def id(self, resource: Resource) -> str:
        """The id that clients know."""

    def reads(self, name: str) -> Read:
        """How one field is read as it is shown."""

    def show(self, resource: Resource) -> Item: ...


class _Cut(NamedTuple):
    """A page, where it starts in the whole, and the id that the next one begins with, if there is one."""

    items: list[Item]
    ids: Sequence[str]
    start: int
    limit: int
    following: str


def collection(kind: Kind, entries: Entries, request: Request, url: str, *, creatable: bool = True) -> Item:
    """Return the collection document of the matching items, as far as they fit on the page that is asked for."""
    filters = _filters(kind, request)
    descending = request.option("order") == "desc"
    ascending = not descending and _sort_field(kind, request) == "id"
    if entries.pageable and not filters and ascending:
        cut = _read(entries, request)
    else:
        cut = _cut(entries, _selected(kind, entries, filters, request), request, ascending=ascending)
    document: Item = {"type": "collection", "resourceType": kind.id, "links": {"self": url}}
    if creatable and "POST" in kind.collection_methods:
        document["createTypes"] = {kind.id: url}
    offered = [name for name, action in kind.collection_actions.items() if not action.later]
    document["actions"] = {name: f"{url}?action={name}" for name in offered}
    document["pagination"] = _pagination(cut, request, url)
    document["sort"] = _sorting(kind, request, url)
    document["filters"] = {name: filters.get(name) for name in kind.filters}
    document["data"] = cut.items
    return document


def _read(entries: Entries, request: Request) -> _Cut:
    """Read one page alone; one resource more tells how the next begins, whatever was written since the ids were read."""
    limit = _limit(request.option("limit"))
    if limit and not request.option("marker") and not request.option("after"):
        found = entries.page("", limit + 1).items
        # Where everything fits, what lies around the page needs no look.
        ids = entries.ids() if len(found) > limit else [resource.id for resource in found]
        return _page(entries, found, ids, 0, limit)
    ids = entries.ids()
    start = _start(ids, request, ascending=True)
    if not limit:
        return _Cut([], ids, start, limit, next(iter(ids), ""))
    before = request.option("after") or (ids[start - 1] if start else "")
    return _page(entries, entries.page(before, limit + 1).items, ids, start, limit)


def _page(entries: Entries, found: Sequence[Resource], ids: Sequence[str], start: int, limit: int) -> _Cut:
    following = found[limit].id if len(found) > limit else ""
    return _Cut([entries.show(resource) for resource in found[:limit]], ids, start, limit, following)


def _start(ids: Sequence[str], request: Request, *, ascending: bool) -> int:
    """Find the page's first index. The resource that began or ended a page may have gone meanwhile."""
    after, marker = request.option("after"), request.option("marker")
    if ascending and after:
        return bisect_right(ids, after)
    if after in ids:
        return ids.index(after) + 1
    if marker in ids:
        return ids.index(marker)
    found = bisect_left(ids, marker) if ascending and marker else 0
    return found if found < len(ids) else 0


def _selected(
    kind: Kind, entries: Entries, filters: dict[str, list[Item]], request: Request
) -> list[tuple[str, Resource]]:
    """What matches, in order, with the ids that clients know."""
    rules = [(entries.reads(name), given) for name, given in filters.items()]
    matching = entries.all()
    if rules:
        matching = [resource for resource in matching if _matches(resource, rules)]
    rows = [(entries.id(resource), resource) for resource in matching]
    descending = request.option("order") == "desc"
    rows.sort(key=itemgetter(0), reverse=descending)
    field = _sort_field(kind, request)
    if field != "id":
        read = entries.reads(field)
        rows.sort(key=lambda row: _plain(read(row[1])), reverse=descending)
    return rows


def _cut(entries: Entries, rows: list[tuple[str, Resource]], request: Request, *, ascending: bool) -> _Cut:
    limit = _limit(request.option("limit"))
    ids = [id for id, _ in rows]
    start = _start(ids, request, ascending=ascending)
    following = ids[start + limit] if start + limit < len(ids) else ""
    items = [entries.show(resource) for _, resource in rows[start : start + limit]]
    return _Cut(items, ids, start, limit, following)


def _filters(kind: Kind, request: Request) -> dict[str, list[Item]]:
    """Read the filters that the kind knows; others are ignored, as clients expect."""
    filters: dict[str, list[Item]] = {}
    if not request.query:
        return filters
    for name in kind.filters:
        for modifier in kind.modifiers(name):
            parameter = name if modifier == "eq" else f"{name}_{modifier}"
            values = [value for key, value in request.query if key == parameter]
            if not values:
                continue
            value = values if modifier in ("in", "notin") else values[0]
            filters.setdefault(name, []).append({"modifier": modifier, "value": value})
    return filters


def _matches(resource: Resource, filters: Sequence[tuple[Read, Sequence[Item]]]) -> bool:
    for read, rules in filters:
        value = _plain(read(resource))
        if not all(_holds(value, rule) for rule in rules):
            return False
    return True


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
    if type(value) is str:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _sort_field(kind: Kind, request: Request) -> str:
    name = request.option("sort")
    return name if name in kind.filters else "id"


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


def _pagination(cut: _Cut, request: Request, url: str) -> Item:
    ids, start, limit = cut.ids, cut.start, cut.limit
    pagination: Item = {"limit": limit, "total": len(ids)}
    if not start and not cut.following:
        return pagination
    others = [(key, value) for key, value in request.query if key not in ("limit", "marker", "after")]

    def link(marker: str, after: str = "") -> str:
        place = [("marker", marker)] if marker else []
        place += [("after", after)] if after else []
        return f"{url}?{urlencode([*others, ('limit', limit), *place])}"

    pagination["partial"] = True
    if not limit:
        return pagination
    pagination |= {"first": link(""), "last": link(ids[(len(ids) - 1) // limit * limit] if ids else "")}
    if start:
        first = cut.items[0]["id"] if cut.items else ""
        pagination |= {"marker": first, "previous": link(ids[max(0, start - limit)])}
    if cut.following:
        pagination["next"] = link(cut.following, cut.items[-1]["id"])
    return pagination


def _limit(text: str) -> int:
    try:
        limit = int(text)
    except ValueError:
        return DEFAULT_LIMIT
    return limit if 0 <= limit <= LARGEST_LIMIT else LARGEST_LIMIT
