"""A real WebSocket client that hears of changes."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from websockets.sync.client import ClientConnection, connect

from tests.support.lariat import PATIENCE, Client, Server

Event = Mapping[str, Any]


class Subscriber:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.events: list[Event] = []

    def until(self, wanted: Callable[[Event], bool], seconds: float = PATIENCE) -> Event:
        """Wait for an event; what came before it is in ``events``."""
        deadline = time.monotonic() + seconds
        while True:
            event = json.loads(self.connection.recv(timeout=max(0.0, deadline - time.monotonic())))
            self.events.append(event)
            if wanted(event):
                return dict(event)

    def end(self) -> None:
        """Hear whatever still comes. Raises ``ConnectionClosed``."""
        while True:
            self.events.append(json.loads(self.connection.recv(timeout=PATIENCE)))

    def of(self, name: str, id: str) -> Event:
        return self.until(lambda event: event["name"] == name and event["data"].get("id") == id)


@contextmanager
def subscribing(
    server: Server,
    url: str = "",
    headers: Mapping[str, str] | None = None,
    client: Client | None = None,
    **query: str | list[str],
) -> Iterator[Subscriber]:
    """Subscribe as a ``client``, or by ``headers``. Raises ``InvalidStatus``."""
    shown = dict(headers or {})
    if client is not None:
        shown["Authorization"] = str(client.headers["Authorization"])
    trust = ssl.create_default_context(cafile=str(server.authority))
    address = url or f"{server.url.replace('https', 'wss', 1)}/v3/subscribe"
    if query:
        address += f"?{urlencode(query, doseq=True)}"
    with connect(address, ssl=trust, additional_headers=shown, proxy=None, max_size=None, compression=None) as opened:
        yield Subscriber(opened)
