"""Signatures that the server makes and checks itself; reply tokens and the callers' tickets are built on them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from chalicelib.errors import LariatError

SHORTEST_KEY = 32


class Signer:
    """HMAC-SHA256. The first key signs; all of them verify, so that a key can be rotated while tokens are under way.

    ``purpose`` keeps what was signed for one use from counting for another.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) < SHORTEST_KEY for key in keys):
            raise LariatError(f"the signing secret must be at least {SHORTEST_KEY} bytes long")
        self._keys = tuple(keys)

    def sign(self, purpose: str, *parts: str) -> str:
        """Return 43 URL-safe characters."""
        return _sign(self._keys[0], purpose, parts)

    def verify(self, signature: str, purpose: str, *parts: str) -> bool:
        """Tell whether one of the keys made this signature, in a time that says nothing about it."""
        shown = signature.encode("utf-8", "surrogatepass")
        return any([hmac.compare_digest(_sign(key, purpose, parts).encode(), shown) for key in self._keys])


def _sign(key: bytes, purpose: str, parts: Sequence[str]) -> str:
    # Lengths stand in front, so that no two lists of parts read the same.
    text = b"".join(len(raw).to_bytes(4) + raw for raw in (part.encode() for part in (purpose, *parts)))
    return base64.urlsafe_b64encode(hmac.digest(key, text, hashlib.sha256)).decode().rstrip("=")
