"""ministack as ASGI, for two cores: hypercorn runs this file (``tests/support/ministack.py``).

``kubectl`` asks for some forty documents at once when it meets a cluster. AWS has a function for each; ministack would start
forty processes, and each request would be too late. Here they wait for their turn in front of the REST APIs. What functions
themselves ask for never waits, or nobody would ever be done.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ministack.app import app as ministack

TURNS = asyncio.Semaphore(4)


async def app(scope: Any, receive: Any, send: Any) -> None:
    path = str(scope.get("path", ""))
    if scope["type"] == "http" and path.startswith("/_aws/execute-api/") and "/@connections/" not in path:
        async with TURNS:
            await ministack(scope, receive, send)
    else:
        await ministack(scope, receive, send)
