"""Bodies and addresses as the audit log may show them. Fails closed: what can't be read is not shown.

A field goes by its name (``denied.py``), everything else by what it looks like; the data of Secrets and ConfigMaps goes
whole. Whatever is no JSON (protobuf, YAML, compressed, streams) is named with its size and nothing more.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, unquote_plus

from chalicelib.audit.denied import WORDS, denied
from chalicelib.audit.event import Body

HIDDEN = "[redacted]"

LARGEST = 32 * 1024
"""Bytes of a body that is shown. Two of them, escaped, fit into one of CloudWatch's events."""

LONGEST_URI = 4096
_DATA = ("data", "stringData", "binaryData")
_ERRORS = {"error", "Status"}
_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|LS0tLS1CRUdJTi[A-Za-z0-9+/=]*"  # a PEM in base64
    r"|(?<![\w-])eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?"  # a JWT
    r"|(?i:\b(?:bearer|basic) +[\w.~+/=:-]{8,})"
    r"|(?<![a-z0-9])[bcdfghjklmnpqrstvwxz2456789]{54}(?![a-z0-9])",  # a key of ours
    re.DOTALL,
)
_ASSIGNED = re.compile(
    rf"((?:{WORDS})s?[\"']?\s{{0,8}}(?:[:=]|%3[ad])\s{{0,8}}|--(?:{WORDS})s?\s{{1,8}})(\"[^\"]*\"|'[^']*'|[^\s&,;]+)",
    re.IGNORECASE,
)
_ORDINARY = re.compile(r"(?:[a-z0-9._-]{0,50}/)*[a-z0-9._-]{0,50}")
"""Names and paths of them, which are most of what there is: too short for a key of ours, and no letters for the rest."""

_USERINFO = re.compile(r"(://)[^/?#\s@]+@")


def shown(body: Body, secret: str = "") -> Any:
    """Return what may stand in the log. ``secret`` says why nothing of it may."""
    if not body.size:
        return None
    reason = secret or _unreadable(body)
    if reason:
        return _withheld(reason, body)
    try:
        return redacted(json.loads(body.data, parse_constant=_number, parse_float=_number))
    except (ValueError, RecursionError):
        return _withheld("no JSON", body)


def redacted(value: Any, *parents: str) -> Any:
    """Return a JSON value without its secrets; ``parents`` are the fields that it stands under, the nearest first."""
    if isinstance(value, Mapping):
        near = parents[:2] or ("",)
        return {plain(str(name)): _field(value, str(name), each, near) for name, each in value.items()}
    if isinstance(value, list):
        return [redacted(each, *parents) for each in value]
    return plain(value) if isinstance(value, str) else value


def plain(text: str) -> str:
    """Return a text without what looks like a secret, or follows the name of one."""
    if _ORDINARY.fullmatch(text):
        return text
    text = _SHAPES.sub(HIDDEN, text)
    return _USERINFO.sub(rf"\1{HIDDEN}@", _ASSIGNED.sub(rf"\1{HIDDEN}", text))


def address(path: str, query: str) -> str:
    """A path, still percent-encoded, with its query."""
    segments = [unquote(part) for part in path.split("/") if part]
    if [part.lower() for part in segments[:2]] == ["v3", "import"]:
        path = f"/v3/import/{HIDDEN}"
    pairs = [_parameter(part) for part in query.split("&")] if query else []
    return plain(path)[:LONGEST_URI] + (f"?{'&'.join(pairs)}"[:LONGEST_URI] if pairs else "")


def _parameter(part: str) -> str:
    name, equals, value = part.partition("=")
    label, text = unquote_plus(name), unquote_plus(value)
    if denied(label, "") or label == "code" or plain(text) != text:
        return f"{name}{equals}{HIDDEN}"
    return part


def _field(whole: Mapping[str, Any], name: str, value: Any, parents: tuple[str, ...]) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if denied(name, *parents, "") or _is_code(whole, name, value) or _is_named_secret(whole, name):
        return HIDDEN
    if name in _DATA and isinstance(value, Mapping):
        return {plain(str(key)): HIDDEN for key in value}
    if name == "value" and isinstance(whole.get("path"), str):
        return _patched(whole["path"], value)
    return redacted(value, name, *parents)


def _is_code(whole: Mapping[str, Any], name: str, value: Any) -> bool:
    """An identity provider's one-time code; errors have a code as well, and that is none."""
    return name == "code" and isinstance(value, str) and not {whole.get("type"), whole.get("kind")} & _ERRORS


def _is_named_secret(whole: Mapping[str, Any], name: str) -> bool:
    """A pair such as an environment variable's."""
    label = whole.get("name", whole.get("key"))
    return name in ("value", "default") and isinstance(label, str) and denied(label)


def _patched(path: str, value: Any) -> Any:
    """The value that a JSON patch puts somewhere."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")]
    if any(step in _DATA for step in steps) or any(denied(step, *steps, "") for step in steps):
        return HIDDEN
    return redacted(value, *reversed(steps))


def _number(text: str) -> float:
    """Refuse what Python takes for a number and could not be read again."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _unreadable(body: Body) -> str:
    if body.encoding:
        return "compressed"
    if not body.whole:
        return "not all of it arrived in time"
    return "too large" if body.size > LARGEST else ""


def _withheld(reason: str, body: Body) -> dict[str, Any]:
    return {"withheld": reason, "bytes": body.size, "type": body.type[:128]}
