"""Clusters in memory: an API server that keeps objects in a dict, behind an agent that may be gone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.clusters.client import Answer
from chalicelib.controllers.objects import OWNER
from chalicelib.errors import ClusterUnavailable
from chalicelib.tunnel.heads import RequestHead

VERSION = {"major": "1", "minor": "20", "gitVersion": "v1.20.2"}


@dataclass
class MemoryCluster:
    """``objects`` are keyed by their paths. ``refusal`` answers every request but ``GET /version`` instead.

    ``effective`` says that it goes by the rights that were written into it.
    """

    connected: bool = True
    objects: dict[str, Any] = field(default_factory=dict)
    version: Answer = field(default_factory=lambda: answer(200, VERSION))
    refusal: Answer | None = None
    effective: bool = True
    requests: list[RequestHead] = field(default_factory=list)
    before: Callable[[RequestHead], None] = field(default=lambda _: None)

    def serve(self, head: RequestHead, body: bytes) -> Answer:
        self.requests.append(head)
        self.before(head)
        if (head.method, head.target) == ("GET", "/version"):
            return self.version
        if self.refusal is not None:
            return self.refusal
        path = head.target.partition("?")[0]
        match head.method:
            case "GET" if path in self.objects:
                return answer(200, self.objects[path])
            case "GET" if path != "/apis/policy/v1beta1":
                return answer(200, {"items": self._listed(head.target)})
            case "POST" if path.endswith("/subjectaccessreviews"):
                return answer(201, {"status": {"allowed": self.effective}})
            case "POST":
                return self._create(path, json.loads(body))
            case "PATCH" | "PUT":
                return self._change(path, json.loads(body))
            case "DELETE" if path in self.objects:
                return answer(200, self.objects.pop(path))
            case _:
                return failure(404, "not found")

    def names(self, plural: str) -> list[str]:
        """The names of all objects of a kind."""
        return [path.rpartition("/")[2] for path in self.objects if path.split("/")[-2] == plural]

    def _listed(self, target: str) -> list[Any]:
        path, _, query = target.partition("?")
        root, _, plural = path.rpartition("/")
        owned = "labelSelector" in query
        inside = re.compile(rf"{re.escape(root)}(/namespaces/[^/]+)?/{plural}/[^/]+")
        found = [document for name, document in self.objects.items() if inside.fullmatch(name)]
        return [each for each in found if not owned or OWNER in (each["metadata"].get("labels") or {})]

    def _create(self, collection: str, document: Any) -> Answer:
        path = f"{collection}/{document['metadata']['name']}"
        if path in self.objects:
            return failure(409, "already exists")
        self.objects[path] = document
        return answer(201, document)

    def _change(self, path: str, document: Any) -> Answer:
        """A merge patch, as far as Lariat uses it, or a replacement."""
        old = self.objects[path]["metadata"]
        said = document["metadata"]
        metadata = {
            **old,
            **{part: {**(old.get(part) or {}), **said.get(part, {})} for part in ("labels", "annotations")},
        }
        self.objects[path] = {**self.objects[path], **document, "metadata": metadata}
        return answer(200, self.objects[path])


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
