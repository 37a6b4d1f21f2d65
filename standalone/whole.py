"""Requests that are looked at whole before they go on: all that Chalice answers, and writes to namespaces.

``asgi.py`` and ``proxy.py`` read them here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from chalicelib.errors import Malformed, TooLarge

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


async def read(receive: Receive, largest: int, refusal: str) -> bytes:
    """Raises ``TooLarge`` with that refusal, or ``Malformed`` if the caller leaves before the end."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Malformed("Failed to parse body: it was cut short")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > largest:
            raise TooLarge(refusal)
    return bytes(body)


def again(body: bytes, receive: Receive) -> Receive:
    """Receive what was read, and then what comes."""
    waiting = [body]

    async def receiving() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return receiving
