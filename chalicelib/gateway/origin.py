"""Which pages may open a WebSocket: a browser lets any page try, and sends along what it knows of its user.

Both edges ask before they look at credentials.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from chalicelib.errors import Forbidden

Headers = Sequence[tuple[str, str]]


def refuse_foreign(headers: Headers, own: str) -> None:
    """Refuse what a page of another site sends with its visitor's cookies or passwords. Header names are lower-case.

    Raises ``Forbidden``. Without an ``own`` origin every page is foreign.
    """
    foreign = [value for name, value in headers if name == "origin" and (not own or value.lower() != own)]
    if foreign and any(name in ("cookie", "authorization") for name, _ in headers):
        raise Forbidden("this origin may not connect")


def origin(url: str) -> str:
    """Return what a browser on a page of this URL sends as its origin."""
    parts = urlsplit(url.lower())
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
