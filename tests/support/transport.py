"""Clusters in memory: an API server that keeps objects in a dict, behind an agent that may be gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.clusters.client import Answer
from chalicelib.errors import ClusterUnavailable
from chalicelib.tunnel.heads import RequestHead

VERSION = {"major": "1", "minor": "20", "gitVersion": "v1.20.2"}


@dataclass
class MemoryCluster:
    """``objects`` are keyed by their paths. ``refusal`` answers every request but ``GET /version`` instead."""

    connected: bool = True
    objects: dict[str, Any] = field(default_factory=dict)
    version: Answer = field(default_factory=lambda: answer(200, VERSION))
    refusal: Answer | None = None
    requests: list[RequestHead] = field(default_factory=list)
    before: Callable[[RequestHead], None] = field(default=lambda _: None)

    def serve(self, head: RequestHead, body: bytes) -> Answer:
        self.requests.append(head)
        self.before(head)
        if (head.method, head.target) == ("GET", "/version"):
            return self.version
        if self.refusal is not None:
            return self.refusal
        match head.method:
            case "GET" if head.target in self.objects:
                return answer(200, self.objects[head.target])
            case "POST":
                return self._create(head.target, json.loads(body))
            case "DELETE" if head.target in self.objects:
                return answer(200, self.objects.pop(head.target))
            case _:
                return failure(404, "not found")

    def _create(self, collection: str, document: Any) -> Answer:
        path = f"{collection}/{document['metadata']['name']}"
        if path in self.objects:
            return failure(409, "already exists")
        self.objects[path] = document
        return answer(201, document)


class MemoryTransport:
    """A ``Transport`` to clusters in memory; one that nobody added has no agent."""

    def __init__(self) -> None:
        self.clusters: dict[str, MemoryCluster] = {}

    def add(self, cluster: str) -> MemoryCluster:
        return self.clusters.setdefault(cluster, MemoryCluster())

    def connected(self, cluster: str) -> bool:
        return cluster in self.clusters and self.clusters[cluster].connected

    def call(self, cluster: str, head: RequestHead, body: bytes, timeout: float) -> Answer:
        if not self.connected(cluster):
            raise ClusterUnavailable(f"the agent of {cluster} is not connected")
        return self.clusters[cluster].serve(head, body)


def answer(status: int, document: Any) -> Answer:
    return Answer(status, json.dumps(document).encode())


def failure(status: int, message: str) -> Answer:
    return answer(status, {"kind": "Status", "status": "Failure", "message": message, "code": status})
