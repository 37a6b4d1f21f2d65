"""What one API call says to one cluster: as the caller, in bounded time, with answers understood.

``live.py`` and the behaviours upon it hold one for each call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from chalicelib.auth.identity import Identity
from chalicelib.clusters.client import JSON, Answer, ClusterClient
from chalicelib.errors import ClusterUnavailable, Conflict, LariatError, TimedOut, TooLarge
from chalicelib.mapping.served import Served, minor
from chalicelib.types import Clock, Resource

Object = dict[str, Any]
Make = Callable[[Object], Mapping[str, Any]]

LARGEST = 16 * 1024 * 1024
"""Bytes of a cluster's answer at most."""

PAGE = 250
"""Objects that a cluster is asked for at once."""

MOST = 10_000
"""Objects that one list may have: all of them are looked at to filter and to sort."""

SECONDS = 25.0
"""What a call may take in all, however many requests it makes: API Gateway waits no longer than 29."""

TRIES = 5
"""How often an object that others write meanwhile is read and written again."""


class Conversation:
    def __init__(self, client: ClusterClient, identity: Identity, cluster: Resource, clock: Clock) -> None:
        self.cluster = cluster.id
        self._client = client
        self._identity = identity
        self._clock = clock
        self._known = str((cluster.status.get("version") or {}).get("gitVersion") or "")
        self._until = clock.now() + SECONDS

    @property
    def minor(self) -> int:
        """The minor release of the cluster's Kubernetes."""
        self._known = self._known or str(self._client.version(self.cluster)["gitVersion"])
        return minor(self._known)

    def path(self, served: Served, namespace: str = "", name: str = "") -> str:
        return served.path(served.version(self.minor), namespace, name)

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Object:
        """Raises what the cluster says, or ``ClusterUnavailable``."""
        return understood(self.send(method, path, body))

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None, query: str = "") -> Answer:
        text = json.dumps(body).encode() if body is not None else b""
        return self._send(method, quote(path, safe="/:") + (f"?{query}" if query else ""), text)

    def replace(self, path: str, manifest: bytes, kind: str) -> Object:
        """Have the cluster take an object's manifest as it is. Raises what the cluster says, or ``ClusterUnavailable``."""
        return understood(self._send("PUT", quote(path, safe="/:"), manifest, kind))

    def _send(self, method: str, target: str, body: bytes, kind: str = JSON) -> Answer:
        if self._clock.now() > self._until:
            raise TimedOut(f"the cluster needed more than {SECONDS:.0f} seconds for all that this takes")
        return self._client.call_as(self._identity, self.cluster, method, target, body, kind)

    def change(self, path: str, make: Make) -> Object:
        """Read an object and write what ``make`` makes of it, again when somebody else was faster. Raises ``Conflict``."""
        for _ in range(TRIES - 1):
            answer = self.send("PUT", path, make(self.ask("GET", path)))
            if answer.status != Conflict.status:
                return understood(answer)
        return self.ask("PUT", path, make(self.ask("GET", path)))

    def items(self, path: str, selector: str = "") -> Iterator[Object]:
        """Every object of a collection, page by page. Raises ``TooLarge`` for more than anybody should list."""
        token, count = "", 0
        while True:
            asked = {"limit": str(PAGE), "continue": token, "fieldSelector": selector}
            query = urlencode({name: value for name, value in asked.items() if value})
            page = understood(self.send("GET", path, query=query))
            for item in page.get("items") or ():
                # A list says once for all what its objects are.
                yield {"apiVersion": page.get("apiVersion"), **item}
                count += 1
            token = str((page.get("metadata") or {}).get("continue") or "")
            if not token:
                return
            if count >= MOST:
                raise TooLarge(f"there are more than {MOST} objects: ask for one namespace with namespaceId=")


def understood(answer: Answer) -> Object:
    """The object in a cluster's answer; Kubernetes' own errors keep their code and words."""
    try:
        document = json.loads(answer.body) if len(answer.body) <= LARGEST else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or answer.status == 401:
        # A caller who read 401 would take his own token for a bad one.
        raise ClusterUnavailable(f"the cluster's answer ({answer.status}) can't be used")
    if answer.status >= 400:
        raise refused(answer.status, document)
    return document


def refused(status: int, document: Object) -> LariatError:
    error = LariatError(str(document.get("message", "")), code=str(document.get("reason") or "ServerError"))
    error.status = status
    return error
