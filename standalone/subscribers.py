"""The WebSockets at ``…/subscribe``: browsers and scripts that hear of changes as they happen.

``server.py`` hands every change to the ``Hub``, whose thread has it loaded once and judged for each subscriber;
``protocol.py`` hands the connections over. A subscriber that doesn't read is cut off, and sees all when it returns.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from websockets.frames import CloseCode
from websockets.http11 import Request

from chalicelib.api.http import base_url
from chalicelib.api.subscriptions import Subscriptions
from chalicelib.errors import Busy, Invalid, LariatError, TooManyRequests, Unavailable
from chalicelib.gateway.origin import origin, refuse_foreign
from chalicelib.schema.subscription import ANNOUNCED, Event, News, Subscription
from chalicelib.types import Change, Key
from standalone.websocket import WebSocket

log = logging.getLogger("lariat.subscribers")

T = TypeVar("T")

PATH = re.compile(rb"/v3(/(cluster|project)s?/[^/?]{1,512})?/subscribe", re.IGNORECASE)
PING = b'{"name":"ping","data":{}}'

SECONDS = 5.0
"""Between two pings. Every subscriber's token is proven again as often."""

LARGEST = 4096
"""Bytes of a message; nothing that a subscriber says is listened to."""

MOST = 1000
"""Subscribers in all: each may hold as many bytes as ``BACKLOG``."""

MOST_OF_ONE = 50
"""Subscribers of one user."""

BACKLOG = 1024 * 1024
"""Bytes that may wait for a subscriber to read."""

PATIENCE = 30.0
"""Seconds for which a subscriber may leave everything unread."""

MOST_NEWS = 10_000
"""Resources whose changes may wait to be told."""


NOBODY = Subscription("", "", "")


class Hub:
    """Tells all subscribers of this process, from a thread of its own."""

    def __init__(self, subscriptions: Subscriptions, loop: asyncio.AbstractEventLoop, workers: Executor) -> None:
        self.subscriptions = subscriptions
        self._loop = loop
        self._workers = workers
        self._changed = threading.Condition()
        self._news: dict[Key, Change] = {}
        self._sockets: set[SubscriberSocket] = set()
        self._overrun = False
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="subscribers", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def heard(self, change: Change) -> None:
        """Something was written, by any thread. What changes twice before it is told is told once."""
        with self._changed:
            if not self._sockets or change.key.kind not in ANNOUNCED:
                return
            before = self._news.pop(change.key, None)
            new = change.new or (before is not None and before.new and change.last is None)
            self._news[change.key] = change._replace(new=new)
            if len(self._news) > MOST_NEWS:
                self._news.clear()
                self._overrun = True
            self._changed.notify()

    async def admit(self, request: Request) -> Subscription:
        """Raises ``LariatError``."""
        headers = tuple((name.lower(), value) for name, value in request.headers.raw_items())
        base = base_url(headers)
        refuse_foreign(headers, origin(base))
        parts = urlsplit(request.path)
        try:
            query = tuple(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=200))
        except ValueError:
            raise Invalid("the query has too many parameters", code="InvalidFormat") from None
        asked = await self.run(lambda: self.subscriptions.ask(parts.path, query, headers, base))
        self._make_sure_there_is_room(asked.user)
        return asked

    async def run(self, call: Callable[[], T]) -> T:
        """Run what may wait for the database."""
        return await self._loop.run_in_executor(self._workers, call)

    def add(self, socket: SubscriberSocket) -> None:
        with self._changed:
            self._sockets.add(socket)

    def remove(self, socket: SubscriberSocket) -> None:
        with self._changed:
            self._sockets.discard(socket)

    def _make_sure_there_is_room(self, user: str) -> None:
        with self._changed:
            held = Counter(socket.subscription.user for socket in self._sockets)
        if held[user] >= MOST_OF_ONE:
            raise TooManyRequests("you have subscribed too often at the same time")
        if held.total() >= MOST:
            raise Busy("there are too many subscribers")

    def _run(self) -> None:
        due = time.monotonic() + SECONDS
        while not self._stopped:
            changes, sockets, overrun = self._take(due)
            ping = time.monotonic() >= due
            if ping:
                due = time.monotonic() + SECONDS
            try:
                self._tell(changes, sockets, overrun, ping)
            except Exception:
                log.exception("changes can't be told")
                self._end(sockets, CloseCode.TRY_AGAIN_LATER, "changes can't be told")

    def _take(self, due: float) -> tuple[list[Change], list[SubscriberSocket], bool]:
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopped or self._news or self._overrun, max(0.0, due - time.monotonic())
            )
            taken, overrun = list(self._news.values()), self._overrun
            self._news, self._overrun = {}, False
            return taken, list(self._sockets), overrun

    def _tell(self, changes: list[Change], sockets: list[SubscriberSocket], overrun: bool, ping: bool) -> None:
        if overrun:
            self._end(sockets, CloseCode.TRY_AGAIN_LATER, "too much has changed at once")
            return
        wanted = frozenset[str]().union(*(socket.subscription.kinds for socket in sockets))
        news = self.subscriptions.load([change for change in changes if change.key.kind in wanted])
        for socket in sockets:
            try:
                events = self._judged(socket, news)
            except LariatError as error:
                self._end([socket], _code(error), error.message)
                continue
            if events or ping:
                self._call(socket.tell, events, ping)

    def _judged(self, socket: SubscriberSocket, news: Sequence[News]) -> list[Event]:
        listener = self.subscriptions.listener(socket.subscription)
        return [event for each in news if (event := listener.hear(each)) is not None]

    def _end(self, sockets: Sequence[SubscriberSocket], code: CloseCode, reason: str) -> None:
        for socket in sockets:
            self._call(socket.close, code, reason[:100])

    def _call(self, call: Callable[..., None], *arguments: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)


class SubscriberSocket(WebSocket):
    """One subscriber's connection: first all that there is, and from the beginning all that changes."""

    def __init__(self, hub: Hub, connections: set[Any], keep: Callable[[asyncio.Task[None]], None]) -> None:
        super().__init__(LARGEST, connections, keep)
        self._hub = hub
        self.subscription = NOBODY
        self._newest: dict[Key, float] | None = {}
        """What was told of changes before all that there is was told; the latter may be older."""
        self._full_since: float | None = None

    async def admit(self, request: Request) -> None:
        self.subscription = await self._hub.admit(request)

    def opened(self) -> None:
        self._hub.add(self)
        self._keep(self._loop.create_task(self._replay()))

    def closed(self) -> None:
        self._hub.remove(self)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._full_since = self._loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._full_since = None

    def tell(self, events: Sequence[Event], ping: bool) -> None:
        """Send what changed."""
        for event in events:
            if self._newest is not None:
                self._newest[event.key] = float("inf") if event.removed else event.version
            self.send(event.text)
        if ping:
            self.send(PING)
        self._cut_if_deaf()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # Whoever asks for answers must read them.
        self._cut_if_deaf()

    async def _replay(self) -> None:
        pieces = self._hub.subscriptions.existing(self.subscription)
        try:
            while (
                events := await self._hub.run(lambda: next(pieces, None))
            ) is not None and not self._transport.is_closing():
                self._send_older(events)
                await self.drain()
        except LariatError as error:
            self.close(_code(error), error.message[:100])
        except Exception:
            log.exception("what there is can't be told")
            self.close(CloseCode.TRY_AGAIN_LATER)
        self._newest = None

    def _send_older(self, events: Sequence[Event]) -> None:
        newest = self._newest or {}
        for event in events:
            if newest.get(event.key, -1) < event.version:
                self.send(event.text)

    def _cut_if_deaf(self) -> None:
        since = self._full_since
        late = since is not None and self._loop.time() - since > PATIENCE
        if late or self._transport.get_write_buffer_size() > BACKLOG:
            self._transport.abort()


def _code(error: LariatError) -> CloseCode:
    return CloseCode.TRY_AGAIN_LATER if isinstance(error, Unavailable) else CloseCode.POLICY_VIOLATION
