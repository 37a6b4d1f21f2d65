"""Users who stream: ``lariat kubectl`` opens a WebSocket of its own for what a REST API can't carry.

Their requests are admitted as the proxy admits any other, and rebuilt. From then on frames pass between the two
connections, either way by a signed token and without a look at the database. ``sockets.py`` calls this.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from functools import partial

from chalicelib.errors import Forbidden, Gone, Invalid, LariatError, NotFound, TooLarge, Unauthorized, Unavailable
from chalicelib.gateway.dated import BadReply, TooOld
from chalicelib.gateway.directory import Directory
from chalicelib.gateway.journal import Entry, Journal
from chalicelib.gateway.posting import Patience
from chalicelib.gateway.reply import Replies
from chalicelib.gateway.routes import SECONDS, Route, Routes
from chalicelib.proxy import status
from chalicelib.proxy.buffered import HeadersTooLarge
from chalicelib.proxy.gatekeeper import Admitted, Gatekeeper
from chalicelib.proxy.namespaces import concerns
from chalicelib.tunnel.frames import DOCUMENT, Frame, FrameError, Kind, encode
from chalicelib.tunnel.heads import RequestHead, ResponseHead, dump_request, dump_response, load_request
from chalicelib.types import Post

log = logging.getLogger("lariat.callers")

PATIENCE = 5.0
"""Seconds in which a message that is throttled is tried again."""

HASTE = 2.0
"""The same for what only tells how things stand: the function has ten seconds for all that it does."""

EXPIRED = "the stream was not renewed in time"
LOST = "the cluster's agent was disconnected"
REFUSED = "the stream may not go on"


class Callers:
    """``gatekeeper`` and ``directory`` are called when they are needed: relaying needs no store."""

    def __init__(
        self,
        gatekeeper: Callable[[], Gatekeeper],
        directory: Callable[[], Directory],
        routes: Routes,
        replies: Replies,
        post: Post,
        patience: Patience,
        journal: Journal,
    ) -> None:
        self._gatekeeper = gatekeeper
        self._directory = directory
        self._routes = routes
        self._replies = replies
        self._post = post
        self._patience = patience
        self._journal = journal

    def welcome(self, authorization: Sequence[str]) -> None:
        """Let somebody connect, which gives no right but to be heard. Raises ``Unauthorized``."""
        self._gatekeeper().authenticate(authorization)

    def open(self, caller: str, frame: Frame, client: str = "") -> None:
        """Begin a stream: who calls is proven by the request itself, since nobody remembers who connected.

        ``client`` is the caller's address.
        """
        try:
            head = load_request(frame.document)
        except FrameError as error:
            _dropped(caller, str(error))
            return
        entry = self._journal.open(head, frame.data, client)
        try:
            self._open(caller, frame, head, entry)
        except LariatError as error:
            self.refuse(caller, frame.stream, error, entry)

    def relay(self, caller: str, frame: Frame) -> None:
        """Hand a frame of an open stream to the agent."""
        route = self._verified(caller, frame)
        if route is None:
            return
        if frame.kind is Kind.HEAD or (frame.kind is not Kind.RESET and frame.document):
            # The agent would take it for the request's head, which nobody has admitted.
            _dropped(caller, "a caller's frame may bring no head")
            return
        try:
            self._send(route.agent, frame._replace(reply=""), deflate=frame.kind is Kind.DATA)
        except Gone:
            self._end(caller, frame.stream, route, LOST)
        except (Unavailable, TooLarge) as error:
            # Without these bytes the stream would stand still for ever.
            self._reset(route.agent, frame.stream, "the caller's frame got lost")
            self._end(caller, frame.stream, route, error.message)
        else:
            if frame.kind is Kind.RESET:
                self._journal.ended(frame.stream, token=route.token)

    def renew(self, caller: str, frame: Frame) -> None:
        """Prove the caller's token again, give both ends fresh tokens, and ask the agent whether the stream goes on."""
        route = self._verified(caller, frame)
        if route is None:
            return
        try:
            identity = self._gatekeeper().allow([frame.document], route.cluster)
            if identity.token != route.token:
                raise Unauthorized("it was opened with another token")
            note = self._journal.note(identity.user, route.cluster)
            reply = self._reply(route, caller, frame.stream, note)
            self._send(route.agent, Frame(Kind.PING, frame.stream, reply=reply))
        except (Unauthorized, Forbidden, NotFound) as error:
            self._reset(route.agent, frame.stream, f"{REFUSED}: {error.message}")
            self._end(caller, frame.stream, route, f"{REFUSED}: {error.message}")
        except Gone:
            self._end(caller, frame.stream, route, LOST)
        except Unavailable as error:
            # The caller asks again before its route ends.
            _dropped(caller, error.message)
        else:
            self._grant(caller, frame.stream, frame.stream, route)

    def refuse(self, caller: str, stream: str, error: LariatError, entry: Entry | None = None) -> None:
        """Answer a request in the cluster's stead."""
        try:
            if entry is not None:
                entry.refused(status.from_error(error)[0])
        except LariatError as unrecorded:
            error = unrecorded
        code, body = status.from_error(error)
        head = dump_response(ResponseHead(code, (status.CONTENT_TYPE, *error.headers)))
        self._tell(caller, Frame(Kind.HEAD, stream, fin=True, document=head, data=body))

    def _open(self, caller: str, frame: Frame, head: RequestHead, entry: Entry) -> None:
        admitted = self._admit(head, frame.fin)
        document = dump_request(admitted.head)
        if len(document) > DOCUMENT:
            raise HeadersTooLarge("the request's headers are too large for the tunnel")
        cluster, token = admitted.target.cluster, admitted.identity.token
        name = self._routes.name(caller, frame.stream, token)
        note = entry.admitted(name, admitted)
        # Where the agent is; if it has moved, look it up again, once.
        for _ in range(2):
            agent = self._directory().find(cluster)
            if agent is None:
                break
            route = Route(agent, cluster, token)
            reply = self._reply(route, caller, name, note)
            opening = frame._replace(stream=name, offset=0, document=document, reply=reply)
            # The caller has its route before any answer can come.
            if not self._grant(caller, frame.stream, name, route):
                return
            try:
                self._send(agent, opening, deflate=True)
            except Gone:
                self._directory().gone(cluster, agent)
            else:
                return
        raise self._gatekeeper().unavailable(cluster)

    def _admit(self, head: RequestHead, whole: bool) -> Admitted:
        path, _, query = head.target.partition("?")
        admitted = self._gatekeeper().admit(head.method, path, query, head.headers, True)
        if concerns(admitted):
            raise Invalid("namespaces are changed by plain requests, not on a stream", code="BadRequest")
        switching = any(name == "upgrade" for name, _ in admitted.head.headers)
        if whole is switching:
            raise Invalid("a request must come whole, and one that switches protocols without a body")
        return admitted

    def _verified(self, caller: str, frame: Frame) -> Route | None:
        try:
            return self._routes.verify(frame.reply, caller, frame.stream)
        except TooOld:
            self._reset(caller, frame.stream, EXPIRED)
            self._journal.ended(frame.stream)
        except BadReply as error:
            _dropped(caller, error.message)
        return None

    def _reply(self, route: Route, caller: str, stream: str, note: str) -> str:
        return self._replies.issue(route.agent, caller, stream, SECONDS, note)

    def _grant(self, caller: str, asked: str, name: str, route: Route) -> bool:
        """Tell a caller what its stream is called and its route; return whether it is still there."""
        document = json.dumps({"stream": name, "seconds": SECONDS})
        return self._tell(
            caller, Frame(Kind.PONG, asked, document=document, reply=self._routes.issue(route, caller, name))
        )

    def _end(self, caller: str, stream: str, route: Route, reason: str) -> None:
        self._reset(caller, stream, reason)
        self._journal.ended(stream, token=route.token)

    def _reset(self, connection: str, stream: str, reason: str) -> None:
        self._tell(connection, Frame(Kind.RESET, stream, document=json.dumps({"reason": reason})))

    def _tell(self, connection: str, frame: Frame) -> bool:
        try:
            self._send(connection, frame, seconds=HASTE)
        except Unavailable as error:
            _dropped(connection, f"it can't be answered: {error.message}")
            return False
        return True

    def _send(self, connection: str, frame: Frame, *, deflate: bool = False, seconds: float = PATIENCE) -> None:
        for message in encode(frame, deflate=deflate):
            self._patience.insist_for(partial(self._post.send, connection, message), seconds)


def _dropped(connection: str, reason: str) -> None:
    log.warning("dropped a message: %s", reason, extra={"connection": connection, "reason": reason})
