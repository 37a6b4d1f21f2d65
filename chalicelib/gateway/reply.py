"""Reply tokens: where an answer goes, in the server's own hand, so that relaying it needs no look at any database.

The caller puts one into every frame of a request, the agent echoes it in every frame of the answer, and whoever takes
the answer from the agent's connection verifies it and relays straight to the caller's. A token is good for one stream,
for the agent that it was sent to, and until its time is up.
"""

from __future__ import annotations

import base64
import binascii
import re

from chalicelib.errors import Unauthorized
from chalicelib.gateway.signing import Signer
from chalicelib.types import Clock

LONGEST_CONNECTION = 256
"""Characters of a connection's name; API Gateway's have 16."""

_PURPOSE = "reply"
_TOKEN = re.compile(r"([\w-]{1,512})\.([0-9a-f]{1,16})\.([\w-]{43})", re.ASCII)


class BadReply(Unauthorized):
    """The token is no token, is too old, or was made for another agent or stream."""

    code = "BadReply"


class Replies:
    def __init__(self, signer: Signer, clock: Clock) -> None:
        self._signer = signer
        self._clock = clock

    def issue(self, agent: str, caller: str, stream: str, seconds: float) -> str:
        """Return the token for a stream between two connections, good for some seconds from now."""
        if not 0 < len(caller) <= LONGEST_CONNECTION:
            raise ValueError("the name of a connection is too long")
        until = f"{int(self._clock.now() + seconds) + 1:x}"
        address = base64.urlsafe_b64encode(caller.encode()).decode().rstrip("=")
        return f"{address}.{until}.{self._signer.sign(_PURPOSE, agent, caller, stream, until)}"

    def verify(self, token: str, agent: str, stream: str) -> str:
        """Return the caller's connection for a frame that came from ``agent``. Raises ``BadReply``."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise BadReply("no reply token")
        address, until, signature = match.groups()
        try:
            caller = base64.urlsafe_b64decode(address + "=" * (-len(address) % 4)).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise BadReply("no reply token") from None
        if not self._signer.verify(signature, _PURPOSE, agent, caller, stream, until):
            raise BadReply("the reply token is not for this agent and stream")
        if int(until, 16) < self._clock.now():
            raise BadReply("the reply token is too old")
        return caller
