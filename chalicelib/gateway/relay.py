"""A cluster as seen from a process that can't be reached: requests go out by post, answers come to its mailbox.

The callers' end of the tunnel on AWS, where nothing lives longer than a request: the proxy and the reconciler call
``exchange`` and ``call``. A warm request asks no database; what can go wrong ends in one clear error, in time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from chalicelib.clusters.client import Answer
from chalicelib.errors import AnswerLost, ClusterUnavailable, Gone, TimedOut, TooLarge, Unavailable
from chalicelib.gateway.directory import Directory
from chalicelib.gateway.mailbox import Mailbox
from chalicelib.gateway.posting import Patience
from chalicelib.gateway.reply import Replies
from chalicelib.gateway.trip import Trip
from chalicelib.proxy.buffered import Collector
from chalicelib.tunnel.frames import DOCUMENT, Kind
from chalicelib.tunnel.heads import RequestHead, ResponseHead, dump_request
from chalicelib.tunnel.streams import Stream
from chalicelib.types import Clock, Post, Random

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing: such a request may be sent again when nobody knows whether it was carried out."""

MARGIN = 60.0
"""Seconds that a reply token outlives its request, for clocks that differ."""

LARGEST_ANSWER = 16 * 1024 * 1024

C = TypeVar("C", bound=Collector)


class Relay:
    """A ``Transport``, for one thread."""

    def __init__(
        self,
        mailbox: Mailbox,
        post: Post,
        directory: Directory,
        replies: Replies,
        patience: Patience,
        clock: Clock,
        random: Random,
    ) -> None:
        self._mailbox = mailbox
        self._post = post
        self._directory = directory
        self._replies = replies
        self._patience = patience
        self._clock = clock
        self._random = random

    def connected(self, cluster: str) -> bool:
        return self._directory.find(cluster) is not None

    def call(self, cluster: str, head: RequestHead, body: bytes, timeout: float) -> Answer:
        try:
            return self.exchange(cluster, head, body, timeout, _Whole).answer()
        except ClusterUnavailable:
            raise
        except (Unavailable, TooLarge) as error:
            raise ClusterUnavailable(error.message) from error

    def exchange(self, cluster: str, head: RequestHead, body: bytes, timeout: float, collector: Callable[[], C]) -> C:
        """Return a collector that has taken the answer; a second try begins with a new one.

        Raises ``ClusterUnavailable`` (with ``TimedOut``, ``BrokenOff``), ``Busy``, ``Unavailable`` or ``TooLarge``, all
        within ``timeout`` seconds.
        """
        document = dump_request(head._replace(deflate=True))
        if len(document) > DOCUMENT:
            raise TooLarge("the request's headers are too large for the tunnel")
        until = self._clock.now() + timeout

        def attempt() -> C:
            return self._attempt(cluster, document, body, until, timeout, collector())

        try:
            return attempt()
        except AnswerLost:
            if head.method not in SAFE:
                raise
        return attempt()

    def _attempt(self, cluster: str, document: str, body: bytes, until: float, timeout: float, collector: C) -> C:
        trip = self._depart(cluster, document, body, until, collector)
        try:
            trip.finish(until, timeout)
        except TimedOut:
            self._directory.forget(cluster)
            raise
        finally:
            trip.cancel("the caller has left")
        return collector

    def _depart(self, cluster: str, document: str, body: bytes, until: float, collector: Collector) -> Trip:
        """Send the request to where the agent is; if it has moved, look it up again, once."""
        for _ in range(2):
            agent = self._directory.find(cluster)
            if agent is None:
                break
            trip = self._trip(agent, until, collector)
            try:
                trip.start(document, body)
            except Gone:
                self._directory.gone(cluster, agent)
            except Unavailable:
                trip.cancel("the request could not be sent")
                raise
            else:
                return trip
        raise ClusterUnavailable("the cluster's agent is not connected")

    def _trip(self, agent: str, until: float, collector: Collector) -> Trip:
        caller = self._mailbox.address(until)
        name = self._random.bytes(16).hex()
        reply = self._replies.issue(agent, caller, name, until - self._clock.now() + MARGIN)

        def send(message: bytes) -> None:
            self._patience.insist(lambda: self._post.send(agent, message), until)

        return Trip(Stream(name, Kind.OPEN, reply), send, self._mailbox, collector, self._clock)


class _Whole:
    """An answer in memory."""

    def __init__(self) -> None:
        self._status = 0
        self._body = bytearray()

    def begin(self, head: ResponseHead) -> None:
        self._status = head.status

    def take(self, data: bytes) -> bool:
        self._body += data
        if len(self._body) > LARGEST_ANSWER:
            raise TooLarge("the cluster's answer is too large")
        return True

    def answer(self) -> Answer:
        return Answer(self._status, bytes(self._body))
