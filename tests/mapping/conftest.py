"""A namespace of a real cluster, and few words to ask it with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import pytest

from chalicelib.mapping.kind import Kind
from chalicelib.mapping.served import minor
from tests.kubernetes.cluster import Cluster

NAMESPACE = "mapping"
TRIES = 10
Change: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]


class Api:
    """The API server, spoken to by kinds; a refusal fails the test with the server's own words."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.minor = minor(cluster.get("/version").json()["gitVersion"])

    def version(self, kind: Kind) -> str:
        return kind.served.version(self.minor)

    def create(self, kind: Kind, source: Mapping[str, Any]) -> dict[str, Any]:
        namespace = source["metadata"].get("namespace", "")
        return self._ask("POST", kind.served.path(source["apiVersion"], namespace), source)

    def get(self, kind: Kind, source: Mapping[str, Any]) -> dict[str, Any]:
        return self._ask("GET", self._path(kind, source))

    def update(self, kind: Kind, source: Mapping[str, Any], change: Change) -> tuple[dict[str, Any], dict[str, Any]]:
        """Get, change and put back, once more for each time that a controller was faster; return it before and after."""
        path = self._path(kind, source)
        for _ in range(TRIES):
            before = self._ask("GET", path)
            answer = self._cluster.request("PUT", path, json=change(before))
            if answer.status_code != 409:
                break
        document = answer.json()
        assert answer.ok, document["message"]
        return before, dict(document)

    def _path(self, kind: Kind, source: Mapping[str, Any]) -> str:
        metadata = source["metadata"]
        return kind.served.path(source["apiVersion"], metadata.get("namespace", ""), metadata["name"])

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        answer = self._cluster.request(method, path, json=body)
        document = answer.json()
        assert answer.ok, document["message"]
        return dict(document)


@pytest.fixture(scope="package")
def api(cluster: Cluster) -> Api:
    made = cluster.kubectl("create", "namespace", NAMESPACE)
    assert made.code == 0, made
    return Api(cluster)
