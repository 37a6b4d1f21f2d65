"""The heads of a request and of its answer, as JSON documents inside the tunnel's frames.

Both ends read what the other one wrote as hostile: types are checked before use. Header names are lower-case; a header
that may stand several times is several pairs.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple, TypeAlias

from chalicelib.tunnel.frames import FrameError

Headers: TypeAlias = tuple[tuple[str, str], ...]


_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
"""A letter stands for a byte: what lies beyond Latin-1 is none, and no server could write it down."""


# Made once: ``json.dumps`` with separators makes an encoder for every call.
_dump = json.JSONEncoder(separators=(",", ":")).encode


class RequestHead(NamedTuple):
    """What the agent is to ask its own API server. ``target`` is an origin-form path with its query.

    ``deflate`` asks the agent to compress the answer's data inside the tunnel.
    """

    method: str
    target: str
    headers: Headers
    deflate: bool = False


class ResponseHead(NamedTuple):
    status: int
    headers: Headers


def dump_request(head: RequestHead) -> str:
    return _dump({"method": head.method, "target": head.target, "headers": head.headers, "deflate": head.deflate})


def load_request(document: str) -> RequestHead:
    """Raises ``FrameError``."""
    fields = _object(document)
    method, target, deflate = fields.get("method"), fields.get("target"), fields.get("deflate", False)
    if not (isinstance(method, str) and isinstance(target, str) and isinstance(deflate, bool)):
        raise FrameError("bad request head")
    if not method.isalpha() or not target.startswith("/") or not target.isascii() or not target.isprintable():
        raise FrameError("bad request line")
    if " " in target:
        raise FrameError("bad request line")
    return RequestHead(method.upper(), target, _headers(fields), deflate)


def dump_response(head: ResponseHead) -> str:
    return _dump({"status": head.status, "headers": head.headers})


def load_response(document: str) -> ResponseHead:
    """Raises ``FrameError``."""
    fields = _object(document)
    status = fields.get("status")
    if not isinstance(status, int) or not 100 <= status <= 599:
        raise FrameError("bad status")
    return ResponseHead(status, _headers(fields))


def _object(document: str) -> dict[str, Any]:
    try:
        fields = json.loads(document)
    except (ValueError, RecursionError):
        raise FrameError("bad head") from None
    if not isinstance(fields, dict):
        raise FrameError("bad head")
    return fields


def _headers(fields: dict[str, Any]) -> Headers:
    pairs = fields.get("headers")
    if not isinstance(pairs, list):
        raise FrameError("bad headers")
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise FrameError("bad headers")
    names, values = [name for name, _ in pairs], [value for _, value in pairs]
    try:
        # All at once: they are good if each of their characters is, and no name is empty.
        good = _NAME.fullmatch("".join(names)) and all(names) and _VALUE.fullmatch("".join(values))
    except TypeError:
        raise FrameError("bad headers") from None
    if pairs and not good:
        raise FrameError("bad headers")
    return tuple([(name.lower(), value) for name, value in pairs])
