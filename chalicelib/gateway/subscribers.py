"""Subscribers on the WebSocket API: who is told of changes where no process remembers a connection.

A subscription is one resource, named by its connection. ``sockets.py`` admits it; a job of the queue tells it what there
is; the table's stream tells it what changes. It is never kept alive by us: what is found dead, or may hear no more, is
dropped, and the rest expires. ``main.py`` calls this.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

from chalicelib.errors import Busy, Gone, Invalid, LariatError, Unavailable
from chalicelib.gateway.connections import LIFETIME
from chalicelib.gateway.origin import Headers
from chalicelib.gateway.posting import Patience
from chalicelib.schema.subscription import ANNOUNCED, Event, News, Subscription, restored
from chalicelib.store import notices
from chalicelib.store.resources import Resources
from chalicelib.tunnel.frames import MESSAGE
from chalicelib.types import Change, Clock, Key, Post, Queue, Resource

log = logging.getLogger("lariat.subscribers")

Pairs = tuple[tuple[str, str], ...]

KIND = "subscription"

PATH = "path"
"""The parameter that says which path of the REST API to subscribe at; a WebSocket API has none of its own."""

MOST = 50
"""Subscriptions of one user; the oldest end for the newest."""

DELAY = 1.0
"""Seconds until a new connection can be posted to."""

ATTEMPTS = 3
SECONDS = 2.0
"""How long a message that is throttled is tried again."""

POSTERS = 16
_MARGIN = 600
_PARAMETERS = 200


class Listener(Protocol):
    def hear(self, news: News) -> Event | None: ...


class Subscriptions(Protocol):
    """``api/subscriptions.py``."""

    def ask(self, path: str, query: Pairs, headers: Pairs, base: str) -> Subscription: ...

    def existing(self, subscription: Subscription) -> Iterator[Sequence[Event]]: ...

    def load(self, changes: Iterable[Change]) -> Sequence[News]: ...

    def listener(self, subscription: Subscription) -> Listener: ...


class Subscribers:
    """``site`` is the REST API's URL, for links."""

    def __init__(
        self,
        subscriptions: Subscriptions,
        resources: Resources,
        post: Post,
        patience: Patience,
        queue: Queue,
        clock: Clock,
        site: str,
        posters: int = POSTERS,
    ) -> None:
        self._subscriptions = subscriptions
        self._resources = resources
        self._post = post
        self._patience = patience
        self._queue = queue
        self._clock = clock
        self._site = site
        self._posters = posters

    def welcome(self, connection: str, headers: Headers, query: Headers) -> None:
        """Admit a subscriber. Raises ``Unauthorized``, ``NotFound``, ``Invalid``."""
        paths = [value for name, value in query if name == PATH]
        if len(paths) != 1 or len(query) > _PARAMETERS:
            raise Invalid("one path is needed", code="InvalidFormat", field=PATH)
        asked = self._subscriptions.ask(paths[0], tuple(query), tuple(headers), self._site)
        now = self._clock.now()
        self._make_room(asked.user)
        self._resources.create(
            Resource(
                kind=KIND,
                id=connection,
                parent=asked.user,
                spec={**asked.document, "since": int(now * 1000)},
                expires=int(now) + LIFETIME + _MARGIN,
            )
        )
        self._queue.add([Key(KIND, connection)], DELAY)

    def begin(self, connection: str, attempt: int) -> None:
        """Tell a new subscriber what there is. Raises ``Unavailable``: then it is tried again from the start."""
        subscription = self._resources.find(KIND, connection)
        if subscription is None:
            return
        try:
            for events in self._subscriptions.existing(restored(subscription.spec)):
                self._send(connection, [event.text for event in events])
        except Gone:
            # Perhaps the connection is not open yet.
            if attempt < ATTEMPTS:
                self._queue.add([Key(KIND, connection)], DELAY, attempt + 1)
            else:
                self._drop(subscription)
        except Unavailable:
            raise
        except LariatError as error:
            self._end(subscription, error)

    def tell(self, changes: Sequence[Change]) -> None:
        """Tell everybody who may hear of them. Whoever can't be told is hung up on, and sees all on return.

        Where nobody subscribes it costs one read. Raises ``Unavailable``.
        """
        concerning = [change for change in changes if change.key.kind in ANNOUNCED]
        if not concerning and not any(change.key.kind == notices.KIND for change in changes):
            return
        subscriptions = list(self._resources.all(KIND))
        wanted = {kind for each in subscriptions for kind in each.spec["kinds"]}
        news = self._subscriptions.load([change for change in concerning if change.key.kind in wanted])
        judged = [(each, *self._judge(each, news)) for each in subscriptions]
        if any(messages or error for _, messages, error in judged):
            with ThreadPoolExecutor(self._posters) as posters:
                list(posters.map(lambda each: self._deliver(*each), judged))

    def _judge(self, subscription: Resource, news: Sequence[News]) -> tuple[list[bytes], LariatError | None]:
        try:
            listener = self._subscriptions.listener(restored(subscription.spec))
            return [event.text for each in news if (event := listener.hear(each)) is not None], None
        except LariatError as error:
            return [], error

    def _deliver(self, subscription: Resource, messages: Sequence[bytes], error: LariatError | None) -> None:
        try:
            if error is not None:
                raise error
            self._send(subscription.id, messages)
        except Gone:
            self._drop(subscription)
        except LariatError as error:
            self._end(subscription, error)

    def _send(self, connection: str, messages: Iterable[bytes]) -> None:
        for message in messages:
            fitting = _fitting(message)
            self._patience.insist_for(partial(self._post.send, connection, fitting), SECONDS)

    def _end(self, subscription: Resource, error: LariatError) -> None:
        log.info("a subscription ends: %s", error.message, extra={"connection": subscription.id})
        with contextlib.suppress(Unavailable):
            self._post.hang_up(subscription.id)
        self._drop(subscription)

    def _drop(self, subscription: Resource) -> None:
        with contextlib.suppress(Unavailable):
            self._resources.discard(subscription)

    def _make_room(self, user: str) -> None:
        held = sorted(self._resources.all(KIND, user), key=lambda each: int(each.spec["since"]))
        for oldest in held[: max(0, len(held) - MOST + 1)]:
            self._end(oldest, Busy("the user has subscribed elsewhere too often"))


def _fitting(message: bytes) -> bytes:
    """A resource that is too large for a message is named only: the subscriber can read it."""
    if len(message) <= MESSAGE:
        return message
    event = json.loads(message)
    data = {name: event["data"].get(name) for name in ("id", "type", "baseType")}
    data["links"] = {"self": event["data"].get("links", {}).get("self")}
    return json.dumps({**event, "data": data}, separators=(",", ":")).encode()
