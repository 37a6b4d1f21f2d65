"""Requests that Kubernetes answers for as long as somebody listens, told by their URL as the API server tells them.

The proxy on Lambda cuts or refuses them; the ``lariat`` command carries them over the WebSocket API instead.
"""

from __future__ import annotations

from chalicelib.tunnel.attributes import is_set, parse


def is_watch(method: str, path: str, query: str) -> bool:
    return parse(method, path, query).verb == "watch"


def follows_log(path: str, query: str) -> bool:
    return path.endswith("/log") and is_set(query, "follow")
