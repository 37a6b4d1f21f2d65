"""Requests that Kubernetes answers for as long as somebody listens, told by their URL as the API server tells them.

The proxy on Lambda cuts or refuses them; the ``lariat`` command carries them over the WebSocket API instead.
"""

from __future__ import annotations

import re

_WATCHED_PATH = re.compile(r"/(api/[^/]+|apis/[^/]+/[^/]+)/watch(/.*)?")


def is_watch(method: str, path: str, query: str) -> bool:
    return method == "GET" and (_is_set(query, "watch") or _WATCHED_PATH.fullmatch(path) is not None)


def follows_log(path: str, query: str) -> bool:
    return path.endswith("/log") and _is_set(query, "follow")


def _is_set(query: str, wanted: str) -> bool:
    """Read a flag as the API server does: ``watch``, ``watch=1`` and ``watch=true`` set it."""
    pairs = [part.partition("=") for part in query.split("&")]
    return any(name == wanted and value.lower() not in ("0", "f", "false") for name, _, value in pairs)
