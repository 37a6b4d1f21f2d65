"""A namespace of a real cluster, and few words to ask it with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import pytest

from chalicelib.mapping.kind import Kind
from chalicelib.mapping.served import minor
from tests.kubernetes.cluster import Cluster

NAMESPACE = "mapping"
TRIES = 10
LOOKS = 200
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
                document = answer.json()
                assert answer.ok, document["message"]
                return before, dict(document)
        raise AssertionError("a controller was faster each time")

    def all(self, kind: Kind) -> list[dict[str, Any]]:
        """All of a kind in the tests' namespace."""
        return list(self._ask("GET", kind.served.path(self.version(kind), NAMESPACE))["items"])

    def evict(self, eviction: Mapping[str, Any]) -> None:
        self._ask("POST", f"/api/v1/namespaces/{NAMESPACE}/pods/{eviction['metadata']['name']}/eviction", eviction)

    def until(self, look: Callable[[], list[dict[str, Any]]], count: int) -> list[dict[str, Any]]:
        """Look again and again, as controllers take their time, until so many are seen."""
        for _ in range(LOOKS):
            found = look()
            if len(found) == count:
                return found
            time.sleep(0.1)
        raise AssertionError(f"{count} were never seen")

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
