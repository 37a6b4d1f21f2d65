"""What a request asks of Kubernetes, read from its path as the API server reads it; pure.

``lasting.py`` tells by it what goes on for ever, and the audit log (``proxy/audited.py``) who did what.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote, unquote_plus

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}
_OF_NAMESPACES = ("status", "finalize")


class Attributes(NamedTuple):
    """``resource`` is empty for a path that is none, such as ``/version``; ``verb`` is then the method in lower case."""

    verb: str
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def object(self) -> dict[str, str]:
        """What it is about; nothing that is empty."""
        return {name: value for name, value in self._asdict().items() if value and name != "verb"}


def parse(method: str, path: str, query: str) -> Attributes:
    parts = [unquote(part) for part in path.strip("/").split("/")]
    match parts:
        case ["api", version, _, *_]:
            group, rest = "", parts[2:]
        case ["apis", group, version, _, *_]:
            rest = parts[3:]
        case _:
            return Attributes(method.lower())
    verb = _VERBS.get(method, "")
    if rest[0] in ("watch", "proxy") and len(rest) > 1:
        verb, rest = rest[0], rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        rest = rest[2:] if len(rest) > 2 and rest[2] not in _OF_NAMESPACES else rest
    resource, name, subresource, *_ = (*rest, "", "")
    return Attributes(verb or _verb(method, query, name), group, version, namespace, resource, name, subresource)


def is_set(query: str, wanted: str) -> bool:
    """Read a flag as the API server does: its first value counts, and anything but ``0`` and ``false`` sets it."""
    # A semicolon separates for API servers that were built with Go before 1.17.
    for part in re.split("[&;]", query):
        name, _, value = part.partition("=")
        if unquote_plus(name) == wanted:
            return unquote_plus(value).lower() not in ("0", "false")
    return False


def _verb(method: str, query: str, name: str) -> str:
    if method == "DELETE":
        return "delete" if name else "deletecollection"
    if method not in ("GET", "HEAD"):
        return method.lower()
    if name:
        return "get"
    return "watch" if is_set(query, "watch") else "list"
