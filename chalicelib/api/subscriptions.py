"""What subscribers are told: each change is loaded once, and shown to those who may see it at that moment.

The edges hold the connections and call this: ``standalone/subscribers.py`` and, on AWS, ``gateway/subscribers.py``.
Nothing here remembers a subscriber.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from chalicelib.api import csrf
from chalicelib.api.behaviour import Behaviour, Call
from chalicelib.api.http import Pairs, Request
from chalicelib.api.registry import Registry
from chalicelib.api.resources import find
from chalicelib.auth.access import READ
from chalicelib.auth.authenticate import Authenticator
from chalicelib.errors import NotFound, Unauthorized
from chalicelib.schema.kinds import MANAGEMENT, STORED
from chalicelib.schema.subscription import (
    ANNOUNCED,
    CHANGED,
    CREATED,
    REMOVED,
    Event,
    News,
    Place,
    Subscription,
    places,
    wanted,
)
from chalicelib.types import Change, Resource

LONGEST_PATH = 900
"""Letters of a path: no key of a store is longer."""

CHUNK = 64 * 1024
"""Bytes of what there is that are told at once."""


class Subscriptions:
    def __init__(self, authenticator: Authenticator, registry: Registry) -> None:
        self._authenticator = authenticator
        self._registry = registry
        self._announced = {kind.id: registry.of(kind, kind.id) for kind in STORED if kind.id in ANNOUNCED}

    def ask(self, path: str, query: Pairs, headers: Pairs, base: str) -> Subscription:
        """Admit who asks. Raises ``Unauthorized``, and ``NotFound`` for what is not there, or not for the caller."""
        if len(path) > LONGEST_PATH:
            raise NotFound("there is nothing here")
        request = Request("GET", path, query, headers, b"", base)
        identity = self._authenticator.authenticate(csrf.credentials(request))
        asked = Subscription(identity.user, identity.token, base, **wanted(request.segments, query))
        if identity.cluster and (asked.context, asked.id) != ("cluster", identity.cluster):
            raise Unauthorized("clusterID does not match")
        if asked.context:
            behaviour = self._registry.of(MANAGEMENT.find(asked.context), asked.context)
            find(behaviour, Call(request, identity), asked.id)
        return asked

    def load(self, changes: Iterable[Change]) -> list[News]:
        """Look up what became of resources. What is gone without a trace is left out."""
        return [news for change in changes if (news := self._load(change)) is not None]

    def listener(self, subscription: Subscription) -> Listener:
        """Return who judges by the rights that the subscriber has now. Raises ``Unauthorized``, ``Unavailable``."""
        identity = self._authenticator.again(subscription.token)
        request = Request("GET", "", (), (), b"", subscription.base)
        return Listener(subscription, Call(request, identity), self._announced)

    def existing(self, subscription: Subscription) -> Iterator[list[Event]]:
        """Tell what there is, in pieces that fit into memory. Raises ``Unauthorized``, ``Unavailable``."""
        for kind in sorted(subscription.kinds):
            listener = self.listener(subscription)
            events: list[Event] = []
            size = 0
            for resource in listener.all(kind):
                event = listener.hear(News(CHANGED, resource))
                if event is None:
                    continue
                events.append(event)
                size += len(event.text)
                if size >= CHUNK:
                    yield events
                    events, size, listener = [], 0, self.listener(subscription)
            if events:
                yield events

    def _load(self, change: Change) -> News | None:
        behaviour = self._announced.get(change.key.kind)
        if behaviour is None:
            return None
        try:
            return News(CREATED if change.new else CHANGED, behaviour.find(change.key.id))
        except NotFound:
            return News(REMOVED, change.last) if change.last is not None else None


class Listener:
    """One subscriber, with the rights of one moment."""

    def __init__(self, subscription: Subscription, call: Call, behaviours: Mapping[str, Behaviour]) -> None:
        self._subscription = subscription
        self._call = call
        self._behaviours = behaviours
        self._places = {id: place for id, place in places(subscription.context).items() if id in subscription.kinds}

    def hear(self, news: News) -> Event | None:
        """Return the message, or nothing if it is none of the subscriber's business."""
        resource = news.resource
        place = self._place(resource)
        if place is None or not self._is_inside(place, resource):
            return None
        behaviour, call = self._behaviours[resource.kind], self._within(place)
        if not behaviour.may(call, READ, resource):
            return None
        name = CHANGED if news.name == CREATED and not self._subscription.creations else news.name
        document = {"name": name, "data": behaviour.of(resource).tell(call, resource)}
        text = json.dumps(document, separators=(",", ":")).encode()
        return Event(resource.key, resource.version, text, news.name == REMOVED)

    def all(self, kind: str) -> Iterable[Resource]:
        """Everything of a kind that may be of interest, but for sorts of it that are told as kinds of their own."""
        place = self._places[kind]
        parent = self._subscription.id if place.field and place.field == place.kind.parent else None
        found = self._behaviours[kind].list(self._within(place), parent)
        return (resource for resource in found if self._place(resource) is place)

    def _place(self, resource: Resource) -> Place | None:
        """Where the resource is told, if it is: as the sort that it is, or as the kind that it is stored as."""
        sort = self._behaviours[resource.kind].of(resource).kind.id
        return self._places.get(sort) or self._places.get(resource.kind)

    def _is_inside(self, place: Place, resource: Resource) -> bool:
        if not place.field:
            return True
        held = resource.parent if place.field == place.kind.parent else resource.spec.get(place.field)
        return bool(held == self._subscription.id)

    def _within(self, place: Place) -> Call:
        if place.version is MANAGEMENT:
            return self._call
        return replace(self._call, version=place.version, context=self._subscription.id)
