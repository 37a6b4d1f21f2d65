"""Requests and responses as values; ``app.py`` makes and sends them for Lambda and, through Chalice, for standalone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isinf
from typing import Any
from urllib.parse import unquote

from chalicelib.errors import Malformed, TooLarge

LARGEST_BODY = 2 * 1024 * 1024
LARGEST_PUBLIC_BODY = 64 * 1024
"""Bytes that somebody who has not logged in may send."""

DEEPEST = 100
"""Objects and lists that may stand inside of one another; what comes later walks through them by recursion."""

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]{1,253})(:[0-9]{1,5})?")

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """``path`` is still percent-encoded; header names are lower-case; ``base`` is like ``https://lariat.example``.

    ``id`` is the gateway's name of the request, if it has one.
    """

    method: str
    path: str
    query: Pairs
    headers: Pairs
    body: bytes
    base: str
    client: str = ""
    id: str = ""

    @property
    def segments(self) -> tuple[str, ...]:
        """The path's decoded parts; doubled and trailing slashes don't count, as in Rancher."""
        return tuple(unquote(part) for part in self.path.split("/") if part)

    def values(self, header: str) -> tuple[str, ...]:
        return tuple(value for name, value in self.headers if name == header)

    def option(self, name: str) -> str:
        """The first value of a query parameter, else empty."""
        return next((value for key, value in self.query if key == name), "")

    def document(self, largest: int = LARGEST_BODY) -> dict[str, Any]:
        """Parse the body as a JSON object; an empty one is an empty object. Raises ``Malformed``, ``TooLarge``."""
        if len(self.body) > largest:
            raise TooLarge(f"the body is larger than {largest // 1024} KB")
        if not self.body.strip():
            return {}
        try:
            # UTF-8 alone: as bytes, ``json`` would take UTF-16, and half of a surrogate pair.
            document = _parsed(self.body.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            text = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise Malformed(f"Failed to parse body: {text}") from None
        if not isinstance(document, dict):
            raise Malformed("Failed to parse body: a JSON object is needed")
        return document


def _parsed(text: str) -> Any:
    """Raises ``ValueError``, ``RecursionError``."""
    document = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    if "\\u" in text:
        # Half of a surrogate pair is a string to Python, but nothing that could be stored or sent.
        json.dumps(document, ensure_ascii=False).encode()
    level, depth = [document], 0
    while level := [each for outer in level for each in _inside(outer)]:
        depth += 1
        if depth > DEEPEST:
            raise RecursionError
    return document


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError("a number is too large")
    return number


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes = b""
    headers: Pairs = ()


def answer(document: Mapping[str, Any], status: int = 200, headers: Pairs = ()) -> Response:
    body = json.dumps(document, separators=(",", ":")).encode()
    return Response(status, body, (("content-type", "application/json"), *headers))


def text(body: str, status: int = 200) -> Response:
    return Response(status, body.encode(), (("content-type", "text/plain; charset=utf-8"),))


def base_url(headers: Pairs) -> str:
    """The scheme and host under which the caller reached us, for links. A name that is none is not repeated."""
    known = dict(reversed(headers))
    forwarded = known.get("x-forwarded-host", "").partition(",")[0].strip()
    host = known.get("x-api-host") or forwarded or known.get("host", "")
    return f"https://{host if _HOST.fullmatch(host) else 'localhost'}"
