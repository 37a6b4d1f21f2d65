"""From the raw path of a proxied request to a cluster and the path inside it.

The path is not repaired but taken apart and put together again from parts that passed: what one hop reads as one
cluster and the next as another must not exist.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from chalicelib.errors import Invalid, NotFound

PREFIX = ("k8s", "clusters")
LONGEST = 8 * 1024

_ORDINARY = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9\-._~!$&'()*+,=:@]+)*/?")
"""Paths without escapes, that is nearly all: each part is good, so they need not be looked at one by one."""

_CLUSTER = re.compile(r"local|c-[a-z0-9]{5,20}")
_PART = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,=:@%]+")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Target(NamedTuple):
    """``path`` starts with ``/``; ``query`` is as the caller sent it, without its ``?``."""

    cluster: str
    path: str
    query: str

    @property
    def url(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


def parse(path: str, query: str) -> Target:
    """Split ``/k8s/clusters/<id>/<path>``. Raises ``Invalid`` (422, shown as 400) or ``NotFound``."""
    if len(path) + len(query) > LONGEST:
        raise Invalid("the URL is too long", code="BadRequest")
    if not query.isascii() or not query.isprintable() or " " in query or "#" in query:
        raise Invalid("the query has characters that must be escaped", code="BadRequest")
    first, *parts = path.split("/")
    if first or tuple(parts[:2]) != PREFIX or len(parts) < 3:
        raise NotFound("there is nothing here")
    cluster, rest = parts[2], parts[3:]
    if not _CLUSTER.fullmatch(cluster):
        raise NotFound("there is no such cluster")
    inside = "/" + "/".join(rest)
    if not _ORDINARY.fullmatch(inside):
        # A trailing slash is a path of its own to Kubernetes' proxies, so it is kept; any other empty part is refused.
        for part in rest[:-1] if rest[-1] == "" else rest:
            _check(part)
    return Target(cluster, inside, query)


def _check(part: str) -> None:
    if not _PART.fullmatch(part) or _BAD_ESCAPE.search(part):
        raise Invalid("the path has an empty part, or characters that must be escaped", code="BadRequest")
    plain = unquote_to_bytes(part)
    if plain in (b".", b"..") or any(byte in b"/\\%" or byte < 0x20 or byte == 0x7F for byte in plain):
        raise Invalid("the path has parts that point elsewhere", code="BadRequest")
