"""Tokens that say something until a time, in the server's own hand: what a frame's ``reply`` field carries.

``reply.py`` leads answers to callers with them, ``routes.py`` a caller's frames to an agent.
"""

from __future__ import annotations

import base64
import binascii
import re

from chalicelib.errors import Unauthorized
from chalicelib.gateway.signing import Signer
from chalicelib.types import Clock

_TOKEN = re.compile(r"([\w-]{1,512})\.([0-9a-f]{1,16})\.([\w-]{43})", re.ASCII)


class BadReply(Unauthorized):
    """The token is no token, or was made for another sender or stream."""

    code = "BadReply"


class TooOld(BadReply):
    """The token is right in everything but its time; ``text`` is what it says."""

    def __init__(self, text: str) -> None:
        super().__init__("the reply token is too old")
        self.text = text


class Dated:
    """``purpose`` keeps tokens of one use from counting for another."""

    def __init__(self, signer: Signer, clock: Clock, purpose: str) -> None:
        self._signer = signer
        self._clock = clock
        self._purpose = purpose

    def issue(self, text: str, seconds: float, *bound: str) -> str:
        """Return a token that says ``text``, for some seconds and to whoever names what it is bound to."""
        until = f"{int(self._clock.now() + seconds) + 1:x}"
        body = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        return f"{body}.{until}.{self._signer.sign(self._purpose, text, until, *bound)}"

    def read(self, token: str, *bound: str) -> str:
        """Return what a token says. Raises ``BadReply``."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise BadReply("no reply token")
        body, until, signature = match.groups()
        try:
            text = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise BadReply("no reply token") from None
        if not self._signer.verify(signature, self._purpose, text, until, *bound):
            raise BadReply("the reply token is not for this sender and stream")
        if int(until, 16) < self._clock.now():
            raise TooOld(text)
        return text
