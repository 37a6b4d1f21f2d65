"""Routes: the way of a caller's frames to an agent, in the server's own hand; the counterpart of ``reply.py``.

Whoever streams over a WebSocket of his own (``callers.py``) gets one when a stream opens and shows it in each later frame.
It is bound to that connection and that stream, and ends soon: then the caller must prove its token again.
"""

from __future__ import annotations

from typing import NamedTuple

from chalicelib.gateway.dated import BadReply, Dated
from chalicelib.gateway.signing import Signer
from chalicelib.types import Clock

SECONDS = 300.0
"""How long a route lives, and so how long a stream may outlive the token that it was opened with."""

MARK = "to."
"""What a route begins with; no reply token does."""


class Route(NamedTuple):
    """``agent`` is a connection, ``token`` the id of the caller's token, which alone may renew the route."""

    agent: str
    cluster: str
    token: str


class Routes:
    def __init__(self, signer: Signer, clock: Clock) -> None:
        self._signer = signer
        self._tokens = Dated(signer, clock, "route")

    def name(self, caller: str, stream: str, token: str) -> str:
        """Return what a caller's stream is called at the agent: no stream of another connection or token can be."""
        return self._signer.sign("stream", caller, stream, token)

    def issue(self, route: Route, caller: str, stream: str) -> str:
        return MARK + self._tokens.issue("\n".join(route), SECONDS, caller, stream)

    def verify(self, token: str, caller: str, stream: str) -> Route:
        """Return the way of a frame that came from ``caller``. Raises ``BadReply``."""
        if not token.startswith(MARK):
            raise BadReply("no route")
        agent, cluster, holder = self._tokens.read(token.removeprefix(MARK), caller, stream).split("\n")
        return Route(agent, cluster, holder)
