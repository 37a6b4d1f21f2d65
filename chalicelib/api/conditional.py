"""``ETag`` and ``If-Match`` (RFC 9110): a writer says which state he has read, and is told if it is no longer that one.

``resources.py`` asks when a call arrives, the behaviours again at the moment when they write. Rancher has no such thing: it
merges a write into what is there, as we do for whoever sends no ``If-Match``. What has changed is 409 here and not 412, as
in Kubernetes, whose conflicts clients of this API know: they read again and try again.
"""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.api.http import Pairs, Request
from chalicelib.errors import Stale

ANY = "*"


def tag(*parts: str | int) -> str:
    """The name of a state."""
    return f'"{"-".join(map(str, parts))}"'


def demand(request: Request, current: str) -> None:
    """Raises ``Stale`` if the caller wants to change another state than the current one."""
    wanted = [*_wanted(request)]
    if wanted and ANY not in wanted and current not in wanted:
        raise Stale("it has changed since it was read: read it again, then say what is to change")


def named(current: str) -> Pairs:
    return (("etag", current),)


def _wanted(request: Request) -> Iterator[str]:
    """Our tags hold no comma. A weak one matches nothing, so that who got it from a cache overwrites nothing."""
    for value in request.values("if-match"):
        yield from [each.strip() for each in value.split(",")]
