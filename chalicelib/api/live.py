"""Kinds whose resources live in a cluster and nowhere else: each call is a request to the cluster, as the caller.

Nothing is copied into the store, and it is the cluster's own RBAC that decides. A kind joins by a ``Mapper`` between
its fields and Kubernetes' objects; ``assembly.py`` gives it this behaviour.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import quote

from chalicelib.api.behaviour import Behaviour, Call, Services
from chalicelib.clusters.client import Answer, ClusterClient
from chalicelib.errors import ClusterUnavailable, LariatError
from chalicelib.schema.kind import Kind
from chalicelib.types import Resource

Object = Mapping[str, Any]

LARGEST = 6 * 1024 * 1024
"""Bytes of a cluster's answer at most."""


class Mapper(Protocol):
    """Between a kind's fields and Kubernetes' objects, without effects."""

    def collection(self, namespace: str) -> str:
        """The path of a namespace's objects, or (empty) of all."""

    def path(self, id: str) -> str:
        """The path of one object. Raises ``NotFound`` for what can be no id."""

    def read(self, found: Object) -> Resource: ...

    def create(self, values: Mapping[str, Any]) -> Object: ...

    def update(self, found: Object, values: Mapping[str, Any]) -> Object: ...


class Live(Behaviour):
    """``client`` is asked for when it is needed: the edges have their connections to clusters later than their API."""

    def __init__(self, kind: Kind, services: Services, mapper: Mapper, client: Callable[[], ClusterClient]) -> None:
        super().__init__(kind, services)
        self._mapper = mapper
        self._client = client

    def may(self, call: Call, verb: str, resource: Resource | None = None, parent: str = "") -> bool:
        return True

    def named(self, call: Call, id: str) -> Resource:
        return self._mapper.read(self._ask(call, "GET", self._mapper.path(id)))

    def list(self, call: Call, parent: str | None = None) -> Iterable[Resource]:
        found = self._ask(call, "GET", self._mapper.collection(""))
        return [self._mapper.read(each) for each in found.get("items", ())]

    def create(self, call: Call, values: Mapping[str, Any]) -> Resource:
        wanted = self._mapper.create(values)
        namespace = str(wanted.get("metadata", {}).get("namespace", ""))
        return self._mapper.read(self._ask(call, "POST", self._mapper.collection(namespace), wanted))

    def update(self, call: Call, resource: Resource, values: Mapping[str, Any]) -> Resource:
        path = self._mapper.path(resource.id)
        changed = self._mapper.update(self._ask(call, "GET", path), values)
        return self._mapper.read(self._ask(call, "PUT", path, changed))

    def remove(self, call: Call, resource: Resource) -> Resource:
        self._ask(call, "DELETE", self._mapper.path(resource.id))
        return resource

    def _ask(self, call: Call, method: str, path: str, body: Object | None = None) -> Object:
        text = json.dumps(body).encode() if body is not None else b""
        cluster = cluster_of(call.context)
        if self.resources.find("cluster", cluster) is None:
            raise ClusterUnavailable(f"there is no cluster {cluster}")
        return understood(self._client().call_as(call.identity, cluster, method, quote(path, safe="/:"), text))


def cluster_of(context: str) -> str:
    """The cluster that a context is in: a project's id begins with it."""
    return context.partition(":")[0]


def understood(answer: Answer) -> Object:
    """The object in a cluster's answer; Kubernetes' own errors keep their code and words."""
    try:
        document = json.loads(answer.body) if len(answer.body) <= LARGEST else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise ClusterUnavailable(f"the cluster's answer ({answer.status}) can't be read")
    if answer.status >= 400:
        raise refused(answer.status, document)
    return document


def refused(status: int, document: Object) -> LariatError:
    error = LariatError(str(document.get("message", "")), code=str(document.get("reason") or "ServerError"))
    error.status = status
    return error
