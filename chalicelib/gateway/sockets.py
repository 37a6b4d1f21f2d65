"""The WebSocket API's three routes: who may connect, and what becomes of each message.

A gateway runs one process a message, which remembers nothing, so each message is judged by what it carries. Three kinds of
peers connect: agents, with a registration token; our own processes that wait for agents' answers (``relay.py``), with a
ticket; and users with an API token, who stream (``callers.py``) or say in the query that they want to hear of changes
(``subscribers.py``). ``app.py`` calls this.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

from chalicelib.errors import Gone, TooLarge, Unauthorized, Unavailable
from chalicelib.gateway import routes, tickets
from chalicelib.gateway.agents import Agents
from chalicelib.gateway.callers import Callers
from chalicelib.gateway.connections import Connections
from chalicelib.gateway.dated import BadReply, TooOld
from chalicelib.gateway.journal import Journal
from chalicelib.gateway.origin import Headers, origin, refuse_foreign
from chalicelib.gateway.posting import Patience
from chalicelib.gateway.reply import Replies
from chalicelib.gateway.subscribers import PATH, Subscribers
from chalicelib.gateway.tickets import Tickets
from chalicelib.tunnel.frames import Frame, FrameError, Kind, decode, encode
from chalicelib.types import Key, Post, Queue

log = logging.getLogger("lariat.sockets")

TOKEN = "x-api-tunnel-token"  # noqa: S105
LOST = json.dumps({"reason": "the caller went away"})

SECONDS = 10.0
"""How long a message that is throttled is tried again; the caller waits for 29 seconds at most."""

_RELAYED = (Kind.HEAD, Kind.DATA, Kind.CREDIT, Kind.RESET)


class Sockets:
    """``agents``, ``connections`` and ``subscribers`` are called when needed: relaying, the most frequent, needs no store.

    ``site`` is the URL under which people have the console open.
    """

    def __init__(
        self,
        agents: Callable[[], Agents],
        connections: Callable[[], Connections],
        replies: Replies,
        tickets: Tickets,
        callers: Callers,
        post: Post,
        patience: Patience,
        queue: Queue,
        site: str,
        subscribers: Callable[[], Subscribers],
        journal: Journal,
    ) -> None:
        self._agents = agents
        self._connections = connections
        self._replies = replies
        self._tickets = tickets
        self._callers = callers
        self._post = post
        self._patience = patience
        self._queue = queue
        self._origin = origin(site)
        self._subscribers = subscribers
        self._journal = journal

    def connect(self, connection: str, headers: Headers, query: Headers = ()) -> None:
        """Let a peer in that shows one thing; header names are lower-case. Raises ``Unauthorized``, ``Forbidden``."""
        refuse_foreign(headers, self._origin)
        if _values(query, PATH):
            self._subscribers().welcome(connection, headers, query)
            return
        tokens, shown = _values(headers, TOKEN), _values(headers, tickets.HEADER)
        bearers = _values(headers, "authorization")
        if len(shown) == 1 and not tokens and not bearers:
            self._tickets.check(shown[0])
        elif bearers and not tokens and not shown:
            self._callers.welcome(bearers)
        elif len(tokens) == 1 and not shown and not bearers:
            cluster, token = self._agents().admit(tokens[0])
            alone = not self._connections().all(cluster)
            self._connections().add(cluster, connection, token)
            log.info("cluster %s: an agent is connected", cluster, extra={"cluster": cluster, "connection": connection})
            if alone:
                self._moved(cluster)
        else:
            raise Unauthorized("a registration token is missing")

    def disconnect(self, connection: str) -> None:
        cluster, last = self._connections().remove(connection)
        if cluster:
            log.info("cluster %s: an agent has left", cluster, extra={"cluster": cluster, "connection": connection})
        if last:
            self._moved(cluster)

    def message(self, connection: str, message: bytes, client: str = "") -> None:
        """Answer or relay a message; one that is garbage is dropped, since nobody could be told.

        ``client`` is the address of the connection's other end.
        """
        try:
            frame = decode(message)
        except FrameError as error:
            _dropped(connection, str(error))
            return
        if frame.kind is Kind.OPEN:
            self._callers.open(connection, frame, client)
        elif frame.reply.startswith(routes.MARK) and frame.kind is Kind.PING:
            self._callers.renew(connection, frame)
        elif frame.reply.startswith(routes.MARK) and frame.kind in _RELAYED:
            self._callers.relay(connection, frame)
        elif frame.kind is Kind.PING:
            if frame.document:
                self._send(connection, Frame(Kind.PONG, document=connection))
        elif frame.kind is Kind.GOAWAY:
            # The newer connection is written down already, and the newest counts.
            return
        elif frame.kind in _RELAYED:
            self._relay(connection, frame, message)
        else:
            _dropped(connection, f"nobody sends {frame.kind.name} here")

    def _moved(self, cluster: str) -> None:
        """Have the cluster's state looked at: no other connection bridges the change, as one does in a planned reconnect.

        When that fails, the next sweep notices.
        """
        try:
            self._queue.add([Key("cluster", cluster)])
        except Unavailable as error:
            log.warning("cluster %s: %s", cluster, error.message, extra={"cluster": cluster})

    def _relay(self, agent: str, frame: Frame, message: bytes) -> None:
        try:
            caller, note = self._replies.verify(frame.reply, agent, frame.stream)
        except TooOld as error:
            # The caller did not renew its stream, and without it a watch would go on for ever.
            _dropped(agent, error.message)
            self._stop(agent, frame)
            if note := self._replies.read(error.text).note:
                self._journal.ended(frame.stream, note)
            return
        except BadReply as error:
            _dropped(agent, error.message)
            return
        try:
            if note:
                self._journal.passing(frame, note)
        except Unavailable as error:
            self._callers.refuse(caller, frame.stream, error)
            self._stop(agent, frame)
            return
        try:
            self._post_patiently(caller, message)
        except Gone:
            self._stop(agent, frame)
            if note and not frame.last:
                self._journal.ended(frame.stream, note)
        except (Unavailable, TooLarge) as error:
            # The caller's own deadline, or its next renewal, tells it.
            _dropped(agent, f"it can't be relayed: {error.message}")

    def _stop(self, agent: str, frame: Frame) -> None:
        """Without a caller a watch would go on for ever."""
        if frame.kind is not Kind.RESET:
            self._send(agent, Frame(Kind.RESET, frame.stream, document=LOST, reply=frame.reply))

    def _send(self, connection: str, frame: Frame) -> None:
        try:
            for message in encode(frame):
                self._post_patiently(connection, message)
        except Unavailable as error:
            _dropped(connection, f"it can't be answered: {error.message}")

    def _post_patiently(self, connection: str, message: bytes) -> None:
        self._patience.insist_for(lambda: self._post.send(connection, message), SECONDS)


def _values(headers: Headers, wanted: str) -> list[str]:
    return [value for name, value in headers if name == wanted]


def _dropped(connection: str, reason: str) -> None:
    log.warning("dropped a message: %s", reason, extra={"connection": connection, "reason": reason})
