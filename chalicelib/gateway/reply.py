"""Reply tokens: where an answer goes, in the server's own hand, so that relaying it needs no look at any database.

The caller puts one into every frame of a request, the agent echoes it in every frame of the answer, and whoever takes
the answer from the agent's connection verifies it and relays straight to the caller's. A token is good for one stream,
for the agent that it was sent to, and until its time is up.
"""

from __future__ import annotations

from typing import NamedTuple

from chalicelib.gateway.dated import Dated
from chalicelib.gateway.signing import Signer
from chalicelib.types import Clock

LONGEST_CONNECTION = 256
"""Characters of a connection's name; API Gateway's have 16."""


class Return(NamedTuple):
    """``caller`` is a connection, ``note`` what was noted of the stream, perhaps nothing."""

    caller: str
    note: str


class Replies:
    def __init__(self, signer: Signer, clock: Clock) -> None:
        self._tokens = Dated(signer, clock, "reply")

    def issue(self, agent: str, caller: str, stream: str, seconds: float, note: str = "") -> str:
        """Return the token for a stream between two connections, good for some seconds from now.

        ``note`` is for whoever verifies it. The agent can read it.
        """
        if not 0 < len(caller) <= LONGEST_CONNECTION or "\n" in caller:
            raise ValueError("that is not the name of a connection")
        return self._tokens.issue(f"{caller}\n{note}" if note else caller, seconds, agent, stream)

    def verify(self, token: str, agent: str, stream: str) -> Return:
        """Return where a frame goes that came from ``agent``. Raises ``BadReply``."""
        return self.read(self._tokens.read(token, agent, stream))

    @staticmethod
    def read(text: str) -> Return:
        """Understand what a token says, also one that is too old."""
        caller, _, note = text.partition("\n")
        return Return(caller, note)
