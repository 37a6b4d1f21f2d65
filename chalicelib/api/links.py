"""Links from a resource to the collections that belong to it; clients follow them as ``cluster.projects()``."""

from __future__ import annotations

from functools import cache
from urllib.parse import quote

from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds import CONTEXTS, MANAGEMENT


def related(kind: Kind, id: str, base: str, url: str) -> dict[str, str]:
    """``url`` is the resource's own."""
    quoted = quote(id, safe=":")
    links = {name: pattern.format(base=base, id=quoted) for name, pattern in _patterns(kind)}
    links |= {name: f"{url}/{name}" for name in kind.links}
    return links


@cache
def _patterns(kind: Kind) -> tuple[tuple[str, str], ...]:
    context = CONTEXTS.get(kind.id)
    patterns = {}
    for other, field in MANAGEMENT.pointing(kind):
        if other.plural in patterns:
            continue
        by_path = context is not None and other.parent == field
        filtered = f"{{base}}/v3/{other.plural.lower()}?{field}={{id}}"
        patterns[other.plural] = f"{{base}}/v3/{kind.plural}/{{id}}/{other.plural.lower()}" if by_path else filtered
    if context is not None:
        for other in context.kinds:
            if "GET" in other.collection_methods:
                patterns[other.plural] = f"{{base}}/v3/{kind.plural}/{{id}}/{other.plural.lower()}"
        patterns["schemas"] = f"{{base}}/v3/{kind.plural}/{{id}}/schemas"
    return tuple(patterns.items())
