"""Tickets: how one of our own processes shows the WebSocket API that it is one of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping

from chalicelib.errors import Unauthorized
from chalicelib.gateway.signing import Signer
from chalicelib.types import Clock, Random

HEADER = "x-lariat-ticket"
SECONDS = 30

_PURPOSE = "ticket"
_TICKET = re.compile(r"([0-9a-f]{1,16})\.([0-9a-f]{32})\.([\w-]{43})", re.ASCII)


class Tickets:
    def __init__(self, signer: Signer, clock: Clock, random: Random) -> None:
        self._signer = signer
        self._clock = clock
        self._random = random

    def headers(self) -> Mapping[str, str]:
        """Return the header to open a connection with, within half a minute."""
        until, nonce = f"{int(self._clock.now()) + SECONDS:x}", self._random.bytes(16).hex()
        return {HEADER: f"{until}.{nonce}.{self._signer.sign(_PURPOSE, until, nonce)}"}

    def check(self, ticket: str) -> None:
        """Raises ``Unauthorized``."""
        match = _TICKET.fullmatch(ticket)
        if match is None or not self._signer.verify(match[3], _PURPOSE, match[1], match[2]):
            raise Unauthorized("the ticket is not one of ours")
        if int(match[1], 16) < self._clock.now():
            raise Unauthorized("the ticket is too old")
