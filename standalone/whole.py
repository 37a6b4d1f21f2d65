"""Requests that are looked at whole before they go on, as writes to namespaces are; ``proxy.py`` reads them here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from chalicelib.errors import Invalid, TooLarge

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


async def read(receive: Receive, largest: int) -> bytes:
    """Raises ``TooLarge``, or ``Invalid`` if the caller leaves before the end."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Invalid("the request did not come whole", code="BadRequest")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > largest:
            raise TooLarge(f"the request is larger than the {largest // 1024} KB that this one may have")
    return bytes(body)


def again(body: bytes, receive: Receive) -> Receive:
    """Receive what was read, and then what comes."""
    waiting = [body]

    async def receiving() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return receiving
