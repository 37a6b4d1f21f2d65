"""A small Kubernetes client for any cluster, as Lariat itself; the reconciler looks and writes through it.

Requests go as ``lariat:controller`` in ``system:masters``, so the agent's account still needs nothing but impersonation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.auth.identity import Identity
from chalicelib.errors import ClusterUnavailable
from chalicelib.proxy.policy import controller_request, impersonation
from chalicelib.tunnel.heads import RequestHead

TIMEOUT = 10.0
JSON = "application/json"

LONGEST = 1024
"""Letters of a text that a cluster says of itself, which is kept and shown; a cluster may say anything."""

_VERSION = (
    *("major", "minor", "gitVersion", "gitCommit", "gitTreeState"),
    *("buildDate", "goVersion", "compiler", "platform"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


class Transport(Protocol):
    """Carries one request to a cluster and waits for the whole answer; the edges implement it."""

    def connected(self, cluster: str) -> bool: ...

    def call(self, cluster: str, head: RequestHead, body: bytes, timeout: float) -> Answer:
        """Raises ``ClusterUnavailable``."""


class ClusterClient:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def connected(self, cluster: str) -> bool:
        return self._transport.connected(cluster)

    def version(self, cluster: str) -> Mapping[str, Any]:
        """Return what the API server says of itself (``GET /version``). Raises ``ClusterUnavailable``."""
        answer = self._transport.call(cluster, controller_request("GET", "/version"), b"", TIMEOUT)
        document = parsed(answer)
        facts = {name: text for name in _VERSION if (text := _text(document.get(name)))}
        if answer.status != 200 or "gitVersion" not in facts:
            raise ClusterUnavailable(f"its API server answers {answer.status} to GET /version")
        return facts

    def call_as(
        self, identity: Identity, cluster: str, method: str, path: str, body: bytes = b"", kind: str = JSON
    ) -> Answer:
        """Send a caller's request with no more rights than his own. Raises ``ClusterUnavailable`` or ``Forbidden``."""
        content = (("content-type", kind),) if body else ()
        head = RequestHead(method, path, (*content, *impersonation(identity)))
        return self._transport.call(cluster, head, body, TIMEOUT)

    def ensure(self, cluster: str, path: str, document: Mapping[str, Any]) -> None:
        """Create an object unless it is there; ``path`` is its collection. Raises ``ClusterUnavailable``."""
        body = json.dumps(document).encode()
        head = controller_request("POST", path, (("content-type", "application/json"),))
        answer = self._transport.call(cluster, head, body, TIMEOUT)
        if answer.status not in (200, 201, 409):
            name = document["metadata"]["name"]
            raise ClusterUnavailable(f"creating {name} was answered {answer.status}: {said(answer)}")

    def ask(self, cluster: str, method: str, path: str, document: Any = None, kind: str = JSON) -> Answer:
        """Send any request; ``kind`` is the document's media type. Raises ``ClusterUnavailable``."""
        body = b"" if document is None else json.dumps(document).encode()
        headers = () if document is None else (("content-type", kind),)
        return self._transport.call(cluster, controller_request(method, path, headers), body, TIMEOUT)

    def withdraw(self, cluster: str, path: str) -> None:
        """Delete an object, if it is there. Raises ``ClusterUnavailable``."""
        answer = self._transport.call(cluster, controller_request("DELETE", path), b"", TIMEOUT)
        if answer.status not in (200, 202, 404):
            raise ClusterUnavailable(f"deleting {path} was answered {answer.status}")


def parsed(answer: Answer) -> Mapping[str, Any]:
    """The object that an answer holds; an empty one if it holds none."""
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def said(answer: Answer) -> str:
    """Why a cluster refuses, in its own words."""
    return _text(parsed(answer).get("message"))


def _text(value: object) -> str:
    # Half of a surrogate pair could not be stored.
    return value[:LONGEST].encode(errors="replace").decode() if isinstance(value, str) else ""
